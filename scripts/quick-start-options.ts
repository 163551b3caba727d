// The options of the quick start, and where it keeps things.
import { createHash } from 'node:crypto';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { Command, CommanderError } from 'commander';
import { parseLocation } from '../lib/location.ts';

export interface QuickStart {
  /** Where the sample is made, below the data folder; undefined when a source was given. */
  sampleFolder: string | undefined;
  /** As it goes into the task. */
  source: string;
  destination: string;
  /** The task's id: the same for the same source and destination, so that the same task is run again; a new one for a sample. */
  taskId: string;
  /** The coordinator's data folder, absolute; the agent's, logs and reports are below it. */
  data: string;
  /** The data folder is that of earlier samples, and is emptied first. */
  isDataDisposable: boolean;
  /** Leave coordinator and agent running. */
  keep: boolean;
}

const help = `
Without --source and --destination a sample share is made and migrated: some 3,000 files, 375 MiB.

Exit status: 0 all migrated; 1 some items failed, they are listed; 2 it could not start, or the run could not be done.`;

/** Where things are when the person says nothing. */
export interface Surroundings {
  /** The project's folder. */
  root: string;
  /** Where the person stands. */
  startFolder: string;
  /** Milliseconds since 1970. */
  nowMs: number;
}

/**
 * Parses the arguments after the script's name. Answers with an exit status when commander has said all there is to say.
 */
export function parseQuickStart(
  args: readonly string[],
  around: Surroundings,
): QuickStart | number {
  const command = new Command('npm start --')
    .description('Starts a coordinator and an agent, and migrates a folder with them.')
    .option('--source <folder>', 'the folder to migrate')
    .option('--destination <url>', 'where to, such as file:///srv/copy')
    .option('--data <folder>', "where the coordinator's data is kept (default: .drover/data)")
    .option('--keep', 'leave coordinator and agent running')
    .allowExcessArguments(false)
    .addHelpText('after', help)
    .exitOverride();
  try {
    const given = command.parse([...args], { from: 'user' }).opts<Flags>();
    if ((given.source === undefined) !== (given.destination === undefined))
      command.error('error: --source and --destination are given together, or both left out');
    return given.source === undefined ? sample(given, around) : share(given, around);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? 0 : 2;
  }
}

interface Flags {
  source?: string;
  destination?: string;
  data?: string;
  keep?: boolean;
}

function sample(given: Flags, around: Surroundings): QuickStart {
  const own = path.join(around.root, '.drover', 'sample');
  const data = given.data === undefined ? own : path.resolve(around.startFolder, given.data);
  const sampleFolder = path.join(data, 'share');
  return {
    sampleFolder,
    source: path.join(sampleFolder, 'source'),
    destination: pathToFileURL(path.join(sampleFolder, 'destination')).href,
    taskId: `sample-${Math.floor(around.nowMs / 1000).toString(36)}`,
    data,
    isDataDisposable: given.data === undefined,
    keep: given.keep ?? false,
  };
}

function share(given: Flags, around: Surroundings): QuickStart {
  const source = absolute(given.source!, around.startFolder);
  const destination = absolute(given.destination!, around.startFolder);
  const data = path.join(around.root, '.drover', 'data');
  return {
    sampleFolder: undefined,
    source,
    destination,
    taskId: `share-${digest([normal(source), normal(destination)])}`,
    data: given.data === undefined ? data : path.resolve(around.startFolder, given.data),
    isDataDisposable: false,
    keep: given.keep ?? false,
  };
}

/** A relative path is meant from where the person stands; everything else is left to the coordinator to judge. */
function absolute(location: string, startFolder: string): string {
  const isComplete = /^([a-z][a-z0-9+.-]*:|[\\/])/i.test(location) || location === '';
  return isComplete ? location : path.resolve(startFolder, location);
}

/** One form of a location however it is written, so that a path and its URL name the same task. */
function normal(location: string): string {
  try {
    return JSON.stringify(parseLocation(location, 'location'));
  } catch {
    // The coordinator says what is wrong with it.
    return location;
  }
}

function digest(locations: readonly string[]): string {
  return createHash('sha256').update(locations.join('\0')).digest('hex').slice(0, 12);
}
