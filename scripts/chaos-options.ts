// The options of a chaos run.
import { randomInt } from 'node:crypto';
import path from 'node:path';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { oneOf, wholeNumber } from '../lib/option-values.ts';

export interface ChaosOptions {
  seed: number;
  /** How long the chaos lasts; starting, the quiet end and the check come on top. */
  chaosMs: number;
  destination: 'folder' | 'emulator';
  agents: number;
  /** Files of each of the two tasks. */
  files: number;
  /** Large ones among them. */
  largeFiles: number;
  /** Where the data goes, absolute. */
  folder: string;
  /** How long the stack may take, once all is quiet, to come to an end. */
  quietMs: number;
}

interface Flags {
  seed?: number;
  minutes: number;
  destination: 'folder' | 'emulator';
  agents: number;
  files: number;
  folder?: string;
}

const seedMax = 2 ** 32 - 1;
/** With fewer files it is a short run, which has no time for large ones. */
const fewFiles = 500;

/** Parses the arguments after the script's name; an exit status when commander has said all there is to say. */
export function parseChaos(
  args: readonly string[],
  around: { root: string; startFolder: string },
): ChaosOptions | number {
  const command = new Command('npm run chaos --')
    .description(
      'Migrates a share that changes, while everything that can fail fails, and then checks what arrived.',
    )
    .option(
      '--seed <number>',
      'repeats the choices of an earlier run (default: another one each time)',
      wholeNumber(0, seedMax),
    ) // oxfmt-ignore
    .option('--minutes <number>', 'how long the chaos lasts, such as 0.5', minutes, 5)
    .option('--destination <kind>', 'folder or emulator', oneOf('folder', 'emulator'), 'emulator')
    .option('--agents <number>', 'how many agents share the work', wholeNumber(1, 16), 4)
    .option('--files <number>', 'files of each of the two tasks', wholeNumber(1, 1_000_000), 2000)
    .option('--folder <folder>', 'where the data goes (default: .drover/chaos)')
    .allowExcessArguments(false)
    .exitOverride();
  try {
    const given = command.parse([...args], { from: 'user' }).opts<Flags>();
    const { destination, agents, files } = given;
    const isShort = files < fewFiles;
    return {
      seed: given.seed ?? randomInt(seedMax),
      chaosMs: given.minutes * 60_000,
      destination,
      agents,
      files,
      largeFiles: isShort ? 0 : 4,
      folder: given.folder === undefined ? path.join(around.root, '.drover', 'chaos') : path.resolve(around.startFolder, given.folder), // oxfmt-ignore
      quietMs: 240_000,
    };
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? 0 : 2;
  }
}

function minutes(text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  if (value > 0 && value <= 24 * 60) return value;
  throw new InvalidArgumentError('It must be a number above 0, such as 0.5.');
}
