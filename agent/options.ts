// The options of drover-agent, as a person gives them.
import { readFileSync } from 'node:fs';
import { availableParallelism, homedir, hostname } from 'node:os';
import path from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { SignInOptions } from './credential/credential.ts';
import { readSignIn, type SignInFlags } from './credential/sign-in-options.ts';
import { DroverError } from '../lib/error.ts';
import { isAgentGroup, usualAgentGroup } from '../lib/agent-group.ts';
import { parseLocation } from '../lib/location.ts';
import { logLevels, type LogLevel } from '../lib/log.ts';
import { hostPort, oneOf, wholeNumber, type HostPort } from '../lib/option-values.ts';
import { version } from '../lib/version.ts';

/** Complete and checked. */
export interface AgentOptions {
  /** Tried in turn, at least one. */
  coordinators: HostPort[];
  /** Absolute. */
  dataFolder: string;
  /** A join token as a person copies it; undefined when none was given. */
  joinToken: string | undefined;
  /** What the agent calls itself, at most 100 characters. */
  displayName: string;
  /** The group the agent belongs to: only tasks of this group, and those of none, come to it. */
  group: string;
  /** The folders and shares whose files the agent can read, as they were given; none: every path. */
  sourceRoots: string[];
  /** Worker threads, from 1 to 64. */
  threads: number;
  /** How the agent signs in to the tenant; undefined when it serves folders only. */
  signIn: SignInOptions | undefined;
  /** Requests to SharePoint at once, at most, from 1 to 256. */
  requests: number;
  logLevel: LogLevel;
  /** Print one JSON line when the agent is attached, in place of a sentence. */
  json: boolean;
}

export const threadsMax = 64;
const requestsMax = 256;
const requestsUsual = 16;
const displayNameLengthMax = 100;
const coordinatorsMax = 16;
const sourceRootsMax = 64;

interface Flags extends SignInFlags {
  coordinator: HostPort[];
  data: string;
  joinTokenFile?: string;
  name: string;
  group: string;
  sourceRoot?: string[];
  threads: number;
  requests: number;
  logLevel: LogLevel;
  json?: boolean;
}

/**
 * Parses the arguments after the program's name; what is absent comes from the environment, then from the defaults. Throws a
 * CommanderError, which has been printed, for bad flags and for --help and --version; a DroverError for a bad token file.
 */
export function parseAgentOptions(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): AgentOptions {
  const flags = agentCommand()
    .exitOverride()
    .parse([...args], { from: 'user' })
    .opts<Flags>();
  const dataFolder = path.resolve(flags.data);
  return {
    coordinators: flags.coordinator,
    dataFolder,
    joinToken: readJoinToken(flags.joinTokenFile, environment['DROVER_JOIN_TOKEN']),
    displayName: flags.name,
    group: flags.group,
    sourceRoots: flags.sourceRoot ?? rootsFrom(environment['DROVER_AGENT_SOURCE_ROOT']),
    threads: flags.threads,
    signIn: readSignIn(flags, environment, dataFolder),
    requests: flags.requests,
    logLevel: flags.logLevel,
    json: flags.json ?? false,
  };
}

function agentCommand(): Command {
  const defaultName = hostname().slice(0, displayNameLengthMax) || 'agent';
  const defaultThreads = Math.min(threadsMax, availableParallelism());
  return new Command('drover-agent')
    .description(
      'Moves files for a Drover coordinator: scans sources, uploads or copies files, and verifies them.',
    )
    .version(version)
    .addOption(
      new Option(
        '--coordinator <host:port>',
        'where the coordinator listens; several with commas, or given again',
      )
        .env('DROVER_AGENT_COORDINATOR')
        .argParser(coordinatorList)
        .makeOptionMandatory(),
    )
    .addOption(
      new Option('--data <folder>', 'where the agent keeps its certificate and its journal')
        .env('DROVER_AGENT_DATA')
        .argParser(nonEmpty)
        .default(path.join(homedir(), '.drover', 'agent')),
    )
    .addOption(
      new Option(
        '--join-token-file <file>',
        'a file with the join token; needed for the first start only',
      )
        .env('DROVER_AGENT_JOIN_TOKEN_FILE')
        .argParser(nonEmpty),
    )
    .addOption(
      new Option('--name <text>', 'what the agent is called when it joins')
        .env('DROVER_AGENT_NAME')
        .argParser(displayName)
        .default(defaultName),
    )
    .addOption(
      new Option('--group <name>', 'the group the agent belongs to; a task can ask for one')
        .env('DROVER_AGENT_GROUP')
        .argParser(groupName)
        .default(usualAgentGroup),
    )
    .addOption(
      new Option(
        '--source-root <folder or share>',
        'a folder or share whose files the agent can read, with all below; several by giving it again (default: every path)',
      ).argParser(sourceRoots),
    )
    .addOption(
      new Option('--threads <number>', `how many threads work, from 1 to ${threadsMax}`)
        .env('DROVER_AGENT_THREADS')
        .argParser(wholeNumber(1, threadsMax))
        .default(defaultThreads),
    )
    .addOption(
      new Option(
        '--tenant <id or domain>',
        'the Microsoft 365 tenant to migrate to, such as contoso.com; without it the agent serves folders only',
      )
        .env('DROVER_AGENT_TENANT')
        .argParser(nonEmpty),
    )
    .addOption(
      new Option('--client-id <id>', 'the application that the agent signs in as')
        .env('DROVER_AGENT_CLIENT_ID')
        .argParser(nonEmpty),
    )
    .addOption(
      new Option('--client-secret-file <file>', "a file with the application's secret")
        .env('DROVER_AGENT_CLIENT_SECRET_FILE')
        .argParser(nonEmpty),
    )
    .addOption(
      new Option(
        '--client-certificate-file <file>',
        "a PEM file with the application's certificate and its key",
      )
        .env('DROVER_AGENT_CLIENT_CERTIFICATE_FILE')
        .argParser(nonEmpty),
    )
    .addOption(
      new Option(
        '--authority <url>',
        'where to sign in (default: https://login.microsoftonline.com)',
      )
        .env('DROVER_AGENT_AUTHORITY')
        .argParser(nonEmpty),
    )
    .addOption(
      new Option('--graph <url>', 'where Microsoft Graph is (default: https://graph.microsoft.com)')
        .env('DROVER_AGENT_GRAPH')
        .argParser(nonEmpty),
    )
    .addOption(
      new Option(
        '--proxy <url>',
        'the HTTP proxy to reach the tenant by (default: the one in HTTPS_PROXY)',
      )
        .env('DROVER_AGENT_PROXY')
        .argParser(nonEmpty),
    )
    .addOption(
      new Option(
        '--ca-file <file>',
        'a PEM file with certificate authorities to trust on the way to the tenant, beside those of the computer',
      )
        .env('DROVER_AGENT_CA_FILE')
        .argParser(nonEmpty),
    )
    .addOption(
      new Option(
        '--requests <number>',
        `how many requests to the tenant at once, at most, from 1 to ${requestsMax}`,
      )
        .env('DROVER_AGENT_REQUESTS')
        .argParser(wholeNumber(1, requestsMax))
        .default(requestsUsual),
    )
    .addOption(
      new Option(
        '--log-level <level>',
        `how much is logged to standard error: ${logLevels.join(', ')}`,
      )
        .env('DROVER_AGENT_LOG_LEVEL')
        .argParser(oneOf(...logLevels))
        .default('info'),
    )
    .addOption(
      new Option('--json', 'print one JSON line when the agent is attached').env(
        'DROVER_AGENT_JSON',
      ),
    )
    .addHelpText('after', helpAfter);
}

const helpAfter = `
The join token can stand in the environment variable DROVER_JOIN_TOKEN instead of a file; it is never an argument, because
other users of the computer can see those.

The source roots can stand in the environment variable DROVER_AGENT_SOURCE_ROOT, with commas between them; a path that has a comma in
it is written there as a URL, file:///srv/a%2Cb.

The application's secret can stand in DROVER_CLIENT_SECRET instead of a file. With neither a secret nor a certificate a person
signs in: the agent shows a code to type on a page of Microsoft's, and keeps the sign-in, sealed, in its data folder.

The first SIGINT or SIGTERM lets what is going come to its end and gives back the rest; the second one stops at once. Either
way nothing is lost: the journal in the data folder is taken up by the next start.`;

function coordinatorList(text: string, earlier: HostPort[] | undefined): HostPort[] {
  const list = [...(earlier ?? []), ...text.split(',').map((part) => clientAddress(part.trim()))];
  if (list.length > coordinatorsMax)
    throw new InvalidArgumentError(`There can be at most ${coordinatorsMax}.`);
  return list;
}

function clientAddress(text: string): HostPort {
  const address = hostPort(text);
  if (address.port > 0) return address;
  throw new InvalidArgumentError('The port must be from 1 to 65535.');
}

function nonEmpty(text: string): string {
  if (text !== '' && !text.includes('\0')) return text;
  throw new InvalidArgumentError('It must not be empty.');
}

function displayName(text: string): string {
  const trimmed = text.trim();
  if (trimmed !== '' && trimmed.length <= displayNameLengthMax) return trimmed;
  throw new InvalidArgumentError(`It must have 1 to ${displayNameLengthMax} characters.`);
}

function groupName(text: string): string {
  if (isAgentGroup(text)) return text;
  throw new InvalidArgumentError('It must be 1 to 63 letters, digits, "-", "_" and ".".');
}

function sourceRoots(text: string, earlier: string[] | undefined): string[] {
  const roots = [...(earlier ?? []), sourceRoot(text)];
  if (roots.length > sourceRootsMax)
    throw new InvalidArgumentError(`There can be at most ${sourceRootsMax}.`);
  return roots;
}

function sourceRoot(text: string): string {
  try {
    const { kind } = parseLocation(text, '--source-root');
    if (kind === 'file' || kind === 'unc') return text;
  } catch (error) {
    throw new InvalidArgumentError(DroverError.from(error).message);
  }
  throw new InvalidArgumentError('It must be a folder or a share.');
}

/** The roots of the environment, where one variable has to hold them all. */
function rootsFrom(text: string | undefined): string[] {
  if (text === undefined || text === '') return [];
  try {
    return text.split(',').reduce<string[]>((roots, root) => sourceRoots(root.trim(), roots), []);
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    throw DroverError.invalid('DROVER_AGENT_SOURCE_ROOT', `is "${text}": ${error.message}`);
  }
}

function readJoinToken(
  file: string | undefined,
  fromEnvironment: string | undefined,
): string | undefined {
  if (file === undefined) return fromEnvironment === '' ? undefined : fromEnvironment;
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw DroverError.invalid('--join-token-file', `${file} cannot be read (${code})`, cause);
  }
}
