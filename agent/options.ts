// What an agent runs with: what a person gave on the command line, else in the environment, else at the set-up, else what is usual.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import type { SignInOptions } from './credential/credential.ts';
import { readSignIn, type SignInFlags } from './credential/sign-in-options.ts';
import { wayTo, type CoordinatorAddress } from './link/coordinator-way.ts';
import { requestsUsual, sourceRootList } from './option-parsers.ts';
import { addRunOptions, usualDisplayName, usualThreads, type RunFlags } from './run-options.ts';
import { readSettings, signInFlags, type AgentSettingsFile } from './settings-file.ts';
import { usualAgentGroup } from '../lib/agent-group.ts';
import { DroverError } from '../lib/error.ts';
import { withoutGaps } from '../lib/without-gaps.ts';
import type { LogLevel } from '../lib/log.ts';

/** Complete and checked. */
export interface AgentOptions {
  /** Tried in turn, at least one. */
  coordinators: CoordinatorAddress[];
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
  /** The file with the key of the vault; undefined: the one in the data folder. */
  vaultKeyFile: string | undefined;
  /** Where systemd put the credentials of this service; undefined when it did not. */
  credentialsFolder: string | undefined;
  logLevel: LogLevel;
  /** Print one JSON line when the agent is attached, in place of a sentence. */
  json: boolean;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Parses the arguments after the program's name. Throws a CommanderError, which has been printed, for bad flags and for --help; a
 * DroverError for bad files and settings.
 */
export function parseAgentOptions(args: readonly string[], environment: Environment): AgentOptions {
  const command = addRunOptions(new Command('drover-agent')).exitOverride();
  const flags = command.parse([...args], { from: 'user' }).opts<RunFlags>();
  return compileAgentOptions(flags, environment);
}

/** What was given on the command line, completed by environment, settings file and what is usual. Throws DroverError. */
export function compileAgentOptions(flags: RunFlags, environment: Environment): AgentOptions {
  const dataFolder = path.resolve(flags.data);
  const settings = readSettings(dataFolder);
  const coordinators = flags.coordinator ?? settings?.coordinators;
  if (coordinators === undefined) throw notSetUp(dataFolder);
  return {
    coordinators: coordinators.map((address) => wayTo(address, environment)),
    dataFolder,
    joinToken: readJoinToken(flags.joinTokenFile, environment['DROVER_JOIN_TOKEN']),
    displayName: flags.name ?? settings?.name ?? usualDisplayName,
    group: flags.group ?? settings?.group ?? usualAgentGroup,
    sourceRoots: givenRoots(flags, environment) ?? settings?.sourceRoots ?? [],
    threads: flags.threads ?? settings?.threads ?? usualThreads,
    signIn: readSignIn(mergedSignIn(flags, settings), environment, dataFolder),
    requests: flags.requests ?? settings?.requests ?? requestsUsual,
    vaultKeyFile: flags.vaultKeyFile === undefined ? undefined : path.resolve(flags.vaultKeyFile),
    credentialsFolder: environment['CREDENTIALS_DIRECTORY'] || undefined,
    logLevel: flags.logLevel,
    json: flags.json ?? false,
  };
}

/** The source roots of the command line or the environment; undefined when neither has any. */
export function givenRoots(
  { sourceRoot }: Pick<RunFlags, 'sourceRoot'>,
  environment: Environment,
): string[] | undefined {
  if (sourceRoot !== undefined) return sourceRoot;
  const text = environment['DROVER_AGENT_SOURCE_ROOT'];
  if (text === undefined || text === '') return undefined;
  try {
    return sourceRootList(text);
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    throw DroverError.invalid('DROVER_AGENT_SOURCE_ROOT', `is "${text}": ${error.message}`);
  }
}

/** The flags of the sign-in, each from the command line or else from the settings. */
export function mergedSignIn(
  flags: SignInFlags,
  settings: AgentSettingsFile | undefined,
): SignInFlags {
  return { ...(settings && signInFlags(settings)), ...withoutGaps(flags) };
}

function notSetUp(dataFolder: string): DroverError {
  return DroverError.invalid(
    '--coordinator',
    `is missing, and no agent was set up in ${dataFolder}; run \`drover-agent setup\`, or say with --data where it was`,
  );
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
