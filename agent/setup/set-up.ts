// The set-up of an agent, question by question. Until the last one is answered nothing is changed: then the agent joins, and what was
// answered is written, the settings last.
import { existsSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { makeFolders } from '../../lib/make-folders.ts';
import { formatHostPort } from '../../lib/option-values.ts';
import { probeDataFolder } from '../doctor/folder-probes.ts';
import { join } from '../link/enroll.ts';
import { readIdentity, writeIdentity, type Identity } from '../link/identity.ts';
import { openJournal } from '../run/journal.ts';
import { readSettings, settingsFileName, writeSettings, type AgentSettingsFile } from '../settings-file.ts'; // prettier-ignore
import { keepProxy, plainProxy } from '../vault/kept-proxy.ts';
import { keepAccount, keepApplication } from '../vault/kept-credentials.ts';
import { openVault } from '../vault/vault.ts';
import type { SetUpContext, SetUpParts } from './context.ts';
import { coordinatorText } from './given.ts';
import { brokenOff } from './prompt-asker.ts';
import { askAgent } from './step-agent.ts';
import { askCoordinator } from './step-coordinator.ts';
import { askSignIn, type SignInAnswer } from './step-sign-in.ts';
import { askShareAccount, askSourceRoots, type ShareAccount } from './step-sources.ts';
import type { CoordinatorAnswer } from './vouch.ts';

/** What the set-up came to. */
export interface SetUpResult {
  dataFolder: string;
  /** agents/{agent} */
  agent: string;
  settings: AgentSettingsFile;
  /** What was written, for people. */
  written: string[];
}

interface Answers {
  coordinator: CoordinatorAnswer;
  signIn: SignInAnswer;
  account: ShareAccount | undefined;
  settings: AgentSettingsFile;
}

/** Asks everything, joins, writes. Rejects with CANCELLED when the person breaks off; then all is as before. */
export async function setUp(parts: SetUpParts): Promise<SetUpResult> {
  const undoing: (() => void)[] = [];
  const onBrokenOff = (undo: () => void) => void undoing.unshift(undo);
  try {
    const dataFolder = await askDataFolder(parts, onBrokenOff);
    const context: SetUpContext = {
      ...parts,
      dataFolder,
      vault: openVault({ ...parts.keyPlaces, dataFolder }),
      before: readSettings(dataFolder),
      identity: readIdentity(dataFolder),
      onBrokenOff,
    };
    const answers = await askAll(context);
    return await writeDown(context, answers);
  } catch (thrown) {
    for (const undo of undoing) undo();
    throw thrown;
  }
}

async function askDataFolder(
  { asker, given, usualDataFolder }: SetUpParts,
  onBrokenOff: (undo: () => void) => void,
): Promise<string> {
  return await asker.ask<string>({
    from: '--data',
    message: 'Working folder, for settings, certificate and journal',
    given: given.data,
    usual: usualDataFolder,
    take: (answer) => {
      const folder = path.resolve(answer);
      const isNew = !existsSync(folder);
      try {
        makeFolders(folder, 0o700);
      } catch (cause) {
        const { code = String(cause) } = cause as NodeJS.ErrnoException;
        throw DroverError.invalid('--data', `the folder ${folder} cannot be made (${code})`, cause);
      }
      if (isNew) onBrokenOff(() => rmSync(folder, { recursive: true, force: true }));
      const outcome = probeDataFolder(folder);
      return outcome.state === 'failed'
        ? { refused: outcome }
        : { value: folder, outcomes: [outcome] };
    },
  });
}

async function askAll(context: SetUpContext): Promise<Answers> {
  const { asker } = context;
  const coordinator = await askCoordinator(context);
  const signIn = await askSignIn(context);
  const account = await askShareAccount(context);
  const sourceRoots = await askSourceRoots(context);
  const agent = await askAgent(context, coordinator);
  const { coordinators } = coordinator;
  const roots = sourceRoots.length === 0 ? {} : { sourceRoots };
  const settings = { coordinators, ...agent, ...roots, ...signIn.settings };
  if (asker.isInteractive) await confirm(context, { coordinator, signIn, account, settings });
  return { coordinator, signIn, account, settings };
}

async function confirm({ asker }: SetUpContext, answers: Answers): Promise<void> {
  const { settings, coordinator } = answers;
  const what = coordinator.proof === undefined ? 'Write this down' : 'Join and write this down';
  const signIn = settings.signIn === 'none' ? 'folders only' : `${settings.tenant}, ${settings.signIn}`; // prettier-ignore
  asker.say('');
  asker.say(`  coordinator ${coordinatorText(settings.coordinators)}; SharePoint: ${signIn}`);
  asker.say(`  name ${settings.name}; group ${settings.group}; threads ${settings.threads}`);
  asker.say(`  reads ${settings.sourceRoots?.join(', ') ?? 'every path'}`);
  const answer = await asker.ask<string>({
    from: '--yes',
    message: `${what}?`,
    choices: [
      { value: 'yes', name: 'yes' },
      { value: 'no', name: 'no, leave everything as it is' },
    ],
    take: (value) => ({ value }),
  });
  if (answer !== 'yes') throw brokenOff();
}

async function writeDown(context: SetUpContext, answers: Answers): Promise<SetUpResult> {
  const { dataFolder, vault, clock } = context;
  const { coordinator, signIn, account, settings } = answers;
  const joined = await joinAnywhere(context, coordinator, settings);
  const now = clock.now();
  const written: string[] = [];
  if (signIn.credential !== undefined) {
    keepApplication(vault, signIn.credential, now);
    written.push(`${vault.file} (the application's ${signIn.credential.kind}, sealed)`);
  }
  if (settings.signIn !== 'none') keepProxy(vault, proxyWithPassword(signIn.proxyUrl), now);
  if (account !== undefined) {
    keepAccount(vault, account.pattern, account.account, now);
    written.push(`${vault.file} (the Windows account for ${account.pattern}, sealed)`);
  }
  const { stagedTokens } = signIn;
  if (stagedTokens !== undefined && existsSync(stagedTokens)) {
    const tokens = stagedTokens.replace(/\.new$/, '');
    renameSync(stagedTokens, tokens);
    written.push(`${tokens} (the sign-in, sealed)`);
  }
  if (joined !== undefined) {
    writeIdentity(dataFolder, joined);
    written.push(path.join(dataFolder, 'identity', 'identity.json'));
  }
  writeSettings(dataFolder, settings);
  written.push(path.join(dataFolder, settingsFileName));
  return { dataFolder, settings, written, agent: (joined ?? context.identity!).agent };
}

/** Undefined when the agent goes on with the identity that it has. */
async function joinAnywhere(
  context: SetUpContext,
  { proof, coordinators }: CoordinatorAnswer,
  { name }: AgentSettingsFile,
): Promise<Identity | undefined> {
  if (proof === undefined) return undefined;
  await refuseBesideRunningAgent(context);
  const { signal } = context;
  const failures: DroverError[] = [];
  for (const address of coordinators) {
    try {
      return await join({ address, proof, displayName: name!, signal });
    } catch (thrown) {
      if (signal.aborted) throw brokenOff();
      const failure = DroverError.from(thrown);
      if (failure.reason !== ErrorReason.UNAVAILABLE) throw failure;
      failures.push(failure);
    }
  }
  throw failures[0]!;
}

/** A running agent would write its old certificate over the new one when it renews it. */
async function refuseBesideRunningAgent({ dataFolder, vault }: SetUpContext): Promise<void> {
  const folder = path.join(dataFolder, 'journal');
  if (!existsSync(folder)) return;
  try {
    await (await openJournal(folder, vault.box)).close();
  } catch (thrown) {
    const { reason } = DroverError.from(thrown);
    if (reason !== ErrorReason.DATA_FOLDER_LOCKED) throw thrown;
    throw new DroverError(
      reason,
      `an agent runs with the data folder ${dataFolder}, and cannot join another coordinator meanwhile; stop it, and set it up again`,
      { cause: thrown, metadata: { folder: dataFolder } },
    );
  }
}

function proxyWithPassword(proxyUrl: string | undefined): string | undefined {
  return proxyUrl === undefined || plainProxy(proxyUrl) === proxyUrl ? undefined : proxyUrl;
}

/** The coordinators of the settings, for people. */
export function coordinatorsOf({ coordinators }: AgentSettingsFile): string {
  return coordinators.map(formatHostPort).join(', ');
}
