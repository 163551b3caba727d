// The options of the quick start, and where it keeps things.
import { createHash } from 'node:crypto';
import path from 'node:path';
import { Command, CommanderError } from 'commander';
import { parseLocation } from '../lib/location.ts';
import { isPersonPlace } from '../lib/sharepoint-place.ts';
import { secretVariable, signInOptionNames, signInOptions, type SignIn } from './local-sign-in.ts'; // oxfmt-ignore
import type { SampleSize } from './sample-share.ts';
import { chooseService, type Service } from './quick-start-service.ts';

export interface QuickStart {
  /** The sample that is made, at the source; undefined when a source was given. */
  sample: SampleSize | undefined;
  /** As it goes into the task. */
  source: string;
  destination: string;
  service: Service;
  /** The task's id: the same for the same source and destination, so that the same task is run again; a new one for a sample. */
  taskId: string;
  /** The coordinator's data folder, absolute; the agent's, the emulator's, logs and reports are below it. */
  data: string;
  /** The data folder is that of earlier samples, and is emptied first. */
  isDataDisposable: boolean;
  /** Leave all that was started running. */
  keep: boolean;
}

const help = `
Without --source and --destination a sample share of some 3,000 files, 375 MiB, is made and migrated into a SharePoint library:
that of the emulator, a tenant of its own on this machine.

A destination is a folder, the address of a SharePoint library or of a folder in one, or an e-mail address, which is that
person's OneDrive. With --tenant and --client-id it is looked for in that tenant; the application's secret can stand in
${secretVariable} instead of a file, and with neither secret nor certificate a person signs in. Without any of these
options the emulator is used for addresses of its tenant: contoso.sharepoint.com, contoso-my.sharepoint.com, ann@contoso.com.

Exit status: 0 all migrated; 1 some items failed, they are listed; 2 it could not start, or the run could not be done.`;

/** Where the sample goes. */
const sampleDestination =
  'https://contoso.sharepoint.com/sites/migration/Shared Documents/Sample share';

/** Where things are when the person says nothing. */
export interface Surroundings {
  /** The project's folder. */
  root: string;
  /** Where the person stands. */
  startFolder: string;
  /** Milliseconds since 1970. */
  nowMs: number;
  /** The application's secret, as the environment has it. */
  clientSecret: string | undefined;
}

/**
 * Parses the arguments after the script's name. Answers with an exit status when commander has said all there is to say.
 */
export function parseQuickStart(
  args: readonly string[],
  around: Surroundings,
): QuickStart | number {
  const command: Command = quickStartCommand();
  try {
    const given = command.parse([...args], { from: 'user' }).opts<Flags>();
    const { source, destination } = given;
    if (source === undefined && destination === undefined) {
      const stray = signInOptionNames.find((name) => given[name] !== undefined);
      if (stray === undefined) return sample(given, around);
      command.error(`error: ${signInOptions[stray]} needs --source and --destination, too`);
    }
    if (source === undefined || destination === undefined)
      command.error('error: --source and --destination are given together, or both left out');
    if (given.small === true) command.error('error: --small is for the sample, not for --source');
    const plan = share({ ...given, source, destination }, around);
    if (typeof plan === 'string') command.error(`error: ${plan}`);
    return plan;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? 0 : 2;
  }
}

interface Flags extends Omit<SignIn, 'clientSecret' | 'noProxy'> {
  source?: string;
  destination?: string;
  data?: string;
  small?: boolean;
  keep?: boolean;
}

function quickStartCommand(): Command {
  return new Command('npm start --')
    .description('Starts a coordinator and an agent, and migrates a folder with them.')
    .option('--source <folder>', 'the folder to migrate')
    .option('--destination <place>', 'where to: file:///srv/copy, https://….sharepoint.com/…, …')
    .option('--small', 'make a small sample: some 250 files and folders')
    .option(
      '--data <folder>',
      'where everything is kept (default: .drover/data, for the sample .drover/sample, which is emptied first)',
    )
    .option('--keep', 'leave all that was started running')
    .option('--tenant <id or domain>', 'the Microsoft 365 tenant to migrate to')
    .option('--client-id <id>', 'the application to sign in as')
    .option('--client-secret-file <file>', "a file with the application's secret")
    .option(
      '--client-certificate-file <file>',
      "a PEM file with the application's certificate and key",
    ) // oxfmt-ignore
    .option('--authority <url>', 'where to sign in, when it is not Microsoft')
    .option('--graph <url>', 'where Microsoft Graph is, when it is not Microsoft')
    .option('--proxy <url>', 'the HTTP proxy to reach the tenant by')
    .option('--ca-file <file>', 'a PEM file with further certificate authorities to trust')
    .allowExcessArguments(false)
    .addHelpText('after', help)
    .exitOverride();
}

function sample(given: Flags, around: Surroundings): QuickStart {
  const own = path.join(around.root, '.drover', 'sample');
  const data = given.data === undefined ? own : path.resolve(around.startFolder, given.data);
  return {
    sample: given.small === true ? 'small' : 'full',
    source: path.join(data, 'share'),
    destination: sampleDestination,
    service: { kind: 'emulator' },
    taskId: `sample-${Math.floor(around.nowMs / 1000).toString(36)}`,
    data,
    isDataDisposable: given.data === undefined,
    keep: given.keep ?? false,
  };
}

/** A text when what is given does not go together. */
function share(
  given: Flags & { source: string; destination: string },
  around: Surroundings,
): QuickStart | string {
  const { startFolder, clientSecret } = around;
  const source = absolute(given.source, startFolder);
  const destination = isPersonPlace(given.destination)
    ? given.destination
    : absolute(given.destination, startFolder);
  const service = chooseService(destination, signInOf(given, startFolder, clientSecret));
  if (typeof service === 'string') return service;
  const places = [normal(source), normal(destination)];
  // What the emulator was given says nothing about a tenant of the same name.
  if (service.kind === 'emulator') places.push('emulator');
  const data = path.join(around.root, '.drover', 'data');
  return {
    sample: undefined,
    source,
    destination,
    service,
    taskId: `share-${digest(places)}`,
    data: given.data === undefined ? data : path.resolve(startFolder, given.data),
    isDataDisposable: false,
    keep: given.keep ?? false,
  };
}

function signInOf(given: Flags, startFolder: string, clientSecret: string | undefined): SignIn {
  const isFile = (name: string) => name.endsWith('File');
  const options = signInOptionNames.flatMap((name) => {
    const value = given[name];
    if (value === undefined) return [];
    return [[name, isFile(name) ? path.resolve(startFolder, value) : value]];
  });
  const signIn = Object.fromEntries(options) as SignIn;
  return clientSecret ? { ...signIn, clientSecret } : signIn;
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
