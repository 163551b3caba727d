// The set-up with the real parts of this process.
import path from 'node:path';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { systemClock } from '../../lib/time.ts';
import type { CommandEdge } from '../command-edge.ts';
import { windowsShares } from '../source/windows-shares.ts';
import { readGiven, type SetupFlags } from './given.ts';
import { PromptAsker } from './prompt-asker.ts';
import { coordinatorsOf, setUp, type SetUpResult } from './set-up.ts';
import { ToldAsker } from './told-asker.ts';

/** As a shell gives it for SIGINT. */
const exitBrokenOff = 130;

/** Throws what is wrong with what was given, or what an answer comes to where nobody can be asked. */
export async function runSetup(
  flags: SetupFlags,
  isFolderGiven: boolean,
  edge: CommandEdge,
): Promise<void> {
  const { environment, stdin, stdout, stderr, signals } = edge;
  const signal = signals.drain;
  if (flags.yes !== true && stdin.isTTY !== true)
    throw DroverError.invalid(
      '--yes',
      'is missing: standard input is no terminal, so nobody can be asked; give every answer with flags, environment or --answers',
    );
  const given = readGiven(flags, environment);
  const asker =
    flags.yes === true
      ? new ToldAsker(stdout, signal)
      : new PromptAsker({ input: stdin, output: stdout, signal });
  if (asker.isInteractive)
    asker.say('Nothing is changed before the last answer; Ctrl-C leaves everything as it is.\n');
  const folder = path.resolve(flags.data);
  try {
    const result = await setUp({
      asker,
      given: isFolderGiven ? { ...given, data: folder } : given,
      usualDataFolder: folder,
      keyPlaces: {
        keyFile: flags.vaultKeyFile && path.resolve(flags.vaultKeyFile),
        credentialsFolder: environment['CREDENTIALS_DIRECTORY'] || undefined,
      },
      environment,
      joinAgain: flags.join === true,
      shares: windowsShares(),
      clock: systemClock,
      signal,
    });
    stdout.write(describeResult(result, folder, isFolderGiven, flags.vaultKeyFile));
  } catch (thrown) {
    const { reason, message } = DroverError.from(thrown);
    if (reason !== ErrorReason.CANCELLED && !signal.aborted) throw thrown;
    stderr.write(`\n${signal.aborted ? 'the set-up was broken off; nothing was changed' : message}\n`); // oxfmt-ignore
    edge.finish(exitBrokenOff);
  }
}

function describeResult(
  { agent, dataFolder, settings, written, isChanged }: SetUpResult,
  usualFolder: string,
  isFolderGiven: boolean,
  keyFile: string | undefined,
): string {
  const isUsual = !isFolderGiven && dataFolder === usualFolder;
  const data = isUsual ? '' : ` --data ${quoted(dataFolder)}`;
  const flags = keyFile === undefined ? data : `${data} --vault-key-file ${quoted(path.resolve(keyFile))}`; // oxfmt-ignore
  return [
    '',
    `${agent} is set up, and works for ${coordinatorsOf(settings)}. Written:`,
    ...written.map((file) => `  ${file}`),
    ...(isChanged ? ['An agent that runs takes secrets at once, and everything else when it is started again.'] : []), // oxfmt-ignore
    'Next:',
    `  drover-agent${flags}                  starts it`,
    `  drover-agent service install${flags}  lets it start with the computer`,
    `  drover-agent doctor${flags}           tries every link again`,
    '',
  ].join('\n');
}

function quoted(text: string): string {
  return /^[\w@%+=:,./\\-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
