// The set-up of an agent, question by question. Until the last one is answered nothing is changed: then the agent joins, and what was
// answered is written, the settings last.
import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { DroverError } from '../../lib/error.ts';
import { makeFolders } from '../../lib/make-folders.ts';
import { formatHostPort } from '../../lib/option-values.ts';
import { probeDataFolder } from '../doctor/folder-probes.ts';
import { readIdentity } from '../link/identity.ts';
import { readSettings, type AgentSettingsFile } from '../settings-file.ts';
import { openVault } from '../vault/vault.ts';
import type { SetUpContext, SetUpParts } from './context.ts';
import { coordinatorText } from './given.ts';
import { brokenOff } from './prompt-asker.ts';
import { askAgent } from './step-agent.ts';
import { askCoordinator } from './step-coordinator.ts';
import { askSignIn } from './step-sign-in.ts';
import { askShareAccount, askSourceRoots } from './step-sources.ts';
import { writeDown, type Answers, type SetUpResult } from './write-down.ts';

export type { SetUpResult };

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
      const remove = () => {
        if (isNew) rmSync(folder, { recursive: true, force: true });
      };
      const outcome = probeDataFolder(folder);
      if (outcome.state === 'failed') {
        remove();
        return { refused: outcome };
      }
      onBrokenOff(remove);
      return { value: folder, outcomes: [outcome] };
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
  const signIn = settings.signIn === 'none' ? 'folders only' : `${settings.tenant}, ${settings.signIn}`; // oxfmt-ignore
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

/** The coordinators of the settings, for people. */
export function coordinatorsOf({ coordinators }: AgentSettingsFile): string {
  return coordinators.map(formatHostPort).join(', ');
}
