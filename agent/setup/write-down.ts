// The end of the set-up, when everything is answered: the agent joins, and what was answered is written, the settings last.
import { existsSync, renameSync } from 'node:fs';
import path from 'node:path';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { HostPort } from '../../lib/option-values.ts';
import { failure } from '../doctor/outcome.ts';
import { wayTo, type CoordinatorAddress } from '../link/coordinator-way.ts';
import { askAnyCoordinator } from '../link/any-coordinator.ts';
import { join } from '../link/enroll.ts';
import { writeIdentity, type Identity } from '../link/identity.ts';
import { openJournal } from '../run/journal.ts';
import { settingsFileName, writeSettings, type AgentSettingsFile } from '../settings-file.ts';
import { keepProxy, plainProxy } from '../vault/kept-proxy.ts';
import { keepAccount, keepApplication } from '../vault/kept-credentials.ts';
import type { SetUpContext } from './context.ts';
import { brokenOff } from './prompt-asker.ts';
import { askCoordinator } from './step-coordinator.ts';
import type { SignInAnswer } from './step-sign-in.ts';
import type { ShareAccount } from './step-sources.ts';
import type { CoordinatorAnswer } from './vouch.ts';

/** What the set-up came to. */
export interface SetUpResult {
  dataFolder: string;
  /** agents/{agent} */
  agent: string;
  settings: AgentSettingsFile;
  /** What was written, for people. */
  written: string[];
  /** It was set up before. */
  isChanged: boolean;
}

/** All that was answered. */
export interface Answers {
  coordinator: CoordinatorAnswer;
  signIn: SignInAnswer;
  account: ShareAccount | undefined;
  settings: AgentSettingsFile;
}

/** Rejects with what the coordinator says when the agent joins; then nothing was written. */
export async function writeDown(context: SetUpContext, answers: Answers): Promise<SetUpResult> {
  const { dataFolder, vault, clock } = context;
  const { signIn, account } = answers;
  const { joined, coordinators } = await joinAtLast(context, answers);
  const settings = { ...answers.settings, coordinators };
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
  const isChanged = context.before !== undefined;
  return { dataFolder, settings, written, isChanged, agent: (joined ?? context.identity!).agent };
}

/** An invitation that turns out to be used up, or a role that is not enough, is asked for again: the other answers are good. */
async function joinAtLast(
  context: SetUpContext,
  { coordinator, settings }: Answers,
): Promise<{ joined: Identity | undefined; coordinators: HostPort[] }> {
  const { asker, signal } = context;
  for (let answer = coordinator; ;) {
    try {
      const joined = await joinAnywhere(context, answer, settings);
      return { joined, coordinators: answer.coordinators };
    } catch (thrown) {
      const { reason } = DroverError.from(thrown);
      if (!asker.isInteractive || signal.aborted || !askedAgain.has(reason)) throw thrown;
      asker.tell(failure(thrown));
      // What was given beforehand is what did not work.
      answer = await askCoordinator({ ...context, given: {}, joinAgain: true });
    }
  }
}

const askedAgain = new Set<ErrorReason>([
  ErrorReason.JOIN_TOKEN_INVALID,
  ErrorReason.JOIN_TOKEN_USED,
  ErrorReason.JOIN_TOKEN_EXPIRED,
  ErrorReason.UNAUTHENTICATED,
  ErrorReason.PERMISSION_DENIED,
  ErrorReason.UNAVAILABLE,
]);

/** Undefined when the agent goes on with the identity that it has. */
async function joinAnywhere(
  context: SetUpContext,
  { proof, coordinators }: CoordinatorAnswer,
  { name }: AgentSettingsFile,
): Promise<Identity | undefined> {
  if (proof === undefined) return undefined;
  await refuseBesideRunningAgent(context);
  const { signal, environment } = context;
  const addresses = coordinators.map((address) => wayTo(address, environment));
  const ask = (address: CoordinatorAddress) => join({ address, proof, displayName: name!, signal });
  try {
    return await askAnyCoordinator(addresses, ask, signal);
  } catch (thrown) {
    throw signal.aborted ? brokenOff() : thrown;
  }
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
