// agent.json in the data folder: all that an agent has to be told, so that a start needs nothing but the folder. There is no secret in
// it; those are in the vault. It is replaced as a whole, so that a reader finds what was set up before or what is set up now.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { InvalidArgumentError } from 'commander';
import { readSignIn, type SignInFlags } from './credential/sign-in-options.ts';
import {
  coordinatorsMax,
  displayName,
  groupName,
  nonEmpty,
  requests,
  sourceRoots,
  threads,
} from './option-parsers.ts';
import { DroverError } from '../lib/error.ts';
import { clientAddress, formatHostPort, type HostPort } from '../lib/option-values.ts';
import { withoutGaps } from '../lib/without-gaps.ts';
import { writeWholeFile } from '../lib/write-whole-file.ts';

/** Who signs in to the tenant: nobody, because the agent serves folders only; a person by a code; the application itself. */
export const signInKinds = ['none', 'person', 'application'] as const;
export type SignInKind = (typeof signInKinds)[number];

/** What an agent was set up to; what is undefined is as an agent has it that was told nothing. */
export interface AgentSettingsFile {
  /** Tried in turn, at least one. */
  coordinators: HostPort[];
  name?: string;
  group?: string;
  threads?: number;
  requests?: number;
  sourceRoots?: string[];
  signIn: SignInKind;
  tenant?: string;
  clientId?: string;
  authority?: string;
  graph?: string;
  /** Never with a password in it. */
  proxy?: string;
  caFile?: string;
}

export const settingsFileName = 'agent.json';
/** Of the file's format. */
const formatVersion = 1;

/** Reads the settings below the data folder; undefined when the agent was not set up. Throws INVALID_ARGUMENT that names file and key. */
export function readSettings(dataFolder: string): AgentSettingsFile | undefined {
  const file = path.join(dataFolder, settingsFileName);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw DroverError.invalid(file, `cannot be read (${code})`, cause);
  }
  const { version, ...values } = parseObject(text, file);
  if (version !== formatVersion)
    throw DroverError.invalid(
      file,
      `has format ${JSON.stringify(version)}, and this version of Drover knows format ${formatVersion}; run \`drover-agent setup\``,
    );
  return checkSettings(values, file);
}

/** Writes the settings so that they are there as a whole, or the earlier ones still are. */
export function writeSettings(dataFolder: string, settings: AgentSettingsFile): void {
  const file = path.join(dataFolder, settingsFileName);
  try {
    writeWholeFile(file, formatSettings(settings), 0o644);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw DroverError.invalid(file, `cannot be written (${code ?? String(cause)})`, cause);
  }
}

/** The file's text. */
export function formatSettings({ coordinators, ...rest }: AgentSettingsFile): string {
  const content = {
    version: formatVersion,
    coordinators: coordinators.map(formatHostPort),
    ...rest,
  };
  return `${JSON.stringify(content, undefined, 2)}\n`;
}

/** What was read from a file, checked key by key. Throws INVALID_ARGUMENT with the file and the key. */
export function checkSettings(
  values: Readonly<Record<string, unknown>>,
  file: string,
): AgentSettingsFile {
  const settings = checkSomeSettings(values, file);
  for (const key of ['coordinators', 'signIn'] as const)
    if (settings[key] === undefined) throw DroverError.invalid(file, `"${key}" is missing`);
  const whole = settings as AgentSettingsFile;
  checkSignIn(whole, file);
  return whole;
}

/** The same for a file that need not say everything; `others` are keys that such a file may have besides. */
export function checkSomeSettings(
  values: Readonly<Record<string, unknown>>,
  file: string,
  others: readonly string[] = [],
): Partial<AgentSettingsFile> {
  const known = Object.keys(parsers);
  const unknown = Object.keys(values).find((key) => !known.includes(key));
  if (unknown !== undefined)
    throw DroverError.invalid(file, `"${unknown}" is no setting; there are ${[...known, ...others].join(', ')}`); // oxfmt-ignore
  return Object.fromEntries(
    Object.entries(parsers).flatMap(([key, parse]) => {
      const value = values[key];
      if (value === undefined) return [];
      return [[key, parseOne(parse, value, `${file}: "${key}"`)]];
    }),
  );
}

/** The parts of the sign-in that are checked as one; the file with authorities is looked at by whoever uses it. */
function checkSignIn(settings: AgentSettingsFile, file: string): void {
  const { caFile: _, ...flags } = signInFlags(settings) ?? {};
  try {
    readSignIn(flags, {});
  } catch (thrown) {
    const { message } = DroverError.from(thrown);
    throw DroverError.invalid(file, `what it says of the sign-in is wrong: ${message}`, thrown);
  }
}

/** What the settings say about the sign-in, as flags; undefined when there is none. */
export function signInFlags(settings: AgentSettingsFile): SignInFlags | undefined {
  const { signIn, tenant, clientId, authority, graph, proxy, caFile } = settings;
  if (signIn === 'none') return undefined;
  return withoutGaps({ signIn, tenant, clientId, authority, graph, proxy, caFile });
}

/** One value of the file; throws InvalidArgumentError with what would be a good one. */
const parsers: Record<keyof AgentSettingsFile, (value: unknown) => unknown> = {
  coordinators: (value) => {
    const list = texts(value).map(clientAddress);
    if (list.length > 0 && list.length <= coordinatorsMax) return list;
    throw new InvalidArgumentError(`There must be 1 to ${coordinatorsMax}.`);
  },
  name: (value) => displayName(text(value)),
  group: (value) => groupName(text(value)),
  threads: (value) => threads(digits(value)),
  requests: (value) => requests(digits(value)),
  sourceRoots: (value) => texts(value).reduce<string[]>((list, root) => sourceRoots(root, list), []), // oxfmt-ignore
  signIn: (value) => {
    const kind = signInKinds.find((candidate) => candidate === value);
    if (kind !== undefined) return kind;
    throw new InvalidArgumentError(`It must be one of ${signInKinds.join(', ')}.`);
  },
  tenant: (value) => nonEmpty(text(value)),
  clientId: (value) => nonEmpty(text(value)),
  authority: (value) => nonEmpty(text(value)),
  graph: (value) => nonEmpty(text(value)),
  proxy: (value) => withoutPassword(text(value)),
  caFile: (value) => nonEmpty(text(value)),
};

function parseOne(parse: (value: unknown) => unknown, value: unknown, field: string): unknown {
  try {
    return parse(value);
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    throw DroverError.invalid(field, `is wrong: ${error.message}`);
  }
}

function text(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new InvalidArgumentError('It must be a text.');
}

function texts(value: unknown): string[] {
  if (Array.isArray(value)) return value.map(text);
  throw new InvalidArgumentError('It must be a list of texts.');
}

function digits(value: unknown): string {
  if (typeof value === 'number') return String(value);
  throw new InvalidArgumentError('It must be a number.');
}

function withoutPassword(address: string): string {
  const url = URL.parse(address.includes('://') ? address : `http://${address}`);
  if (url === null || url.password === '') return nonEmpty(address);
  throw new InvalidArgumentError('It holds a password, which belongs into the vault; run `drover-agent setup`.'); // oxfmt-ignore
}

/** A file's content as an object. */
export function parseObject(content: string, file: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(content);
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch {
    // What is wrong with it is said below; the parser's words may repeat what it read.
  }
  throw DroverError.invalid(file, 'is no JSON object; remove it and run `drover-agent setup`');
}
