// Puts a request together: the positional argument, the flags that were given, or a whole request
// as JSON.
import {
  fromJson,
  type DescField,
  type JsonObject,
  type JsonValue,
  type Message,
} from '@bufbuild/protobuf';
import { DroverError } from '../../lib/error.ts';
import type { CommandSpec } from './command-tree.ts';
import type { Flag } from './flag.ts';
import { maskOf } from './flag-text.ts';
import { completeName } from './positional.ts';

export interface RequestInput {
  /** The positional argument as it was given. */
  positional: string | undefined;
  /** The flags that were given, with their values as protojson. */
  flags: ReadonlyMap<Flag, JsonValue>;
  /** The text of --request-json, which takes the place of all flags. */
  requestJson: string | undefined;
}

/**
 * The request; throws INVALID_ARGUMENT that names the flag or argument that is missing or wrong.
 */
export function buildRequest(command: CommandSpec, input: RequestInput): Message {
  if (input.requestJson !== undefined && input.flags.size > 0)
    throw DroverError.invalid(
      '--request-json',
      'gives the whole request; leave the other flags out',
    );
  const json =
    input.requestJson === undefined ? requestFromFlags(command, input) : parse(input.requestJson);
  const { positional } = command;
  if (positional !== undefined && input.positional !== undefined)
    put(json, positional.path, completeName(input.positional, positional.patterns));
  if (positional !== undefined && input.positional === undefined && input.requestJson === undefined)
    throw DroverError.invalid(
      positional.label,
      `is missing; give ${positional.patterns.join(' or ') || 'it'}`,
    );
  try {
    return fromJson(command.method.input, json);
  } catch (cause) {
    throw DroverError.invalid(
      '--request-json',
      `is not a ${command.method.input.name}: ${messageOf(cause)}`,
      cause,
    );
  }
}

function requestFromFlags(command: CommandSpec, input: RequestInput): JsonObject {
  const json: JsonObject = {};
  const missing = command.flags.filter((flag) => flag.isRequired && !input.flags.has(flag));
  if (missing.length > 0) {
    const names = missing.map((flag) => `--${flag.name}`).join(' and ');
    throw DroverError.invalid(names, missing.length === 1 ? 'is missing' : 'are missing');
  }
  const oneofs = new Map<unknown, Flag>();
  for (const [flag, value] of input.flags) {
    const { oneof } = flag.path.at(-1)!;
    const other = oneof && oneofs.get(oneof);
    if (other !== undefined)
      throw DroverError.invalid(`--${flag.name}`, `cannot be given together with --${other.name}`);
    if (oneof !== undefined) oneofs.set(oneof, flag);
    put(json, flag.path, value);
  }
  if (command.updateMask !== undefined)
    put(json, [command.updateMask], updateMask(command, command.updateMask, input.flags));
  return json;
}

/**
 * What a change changes: every field whose flag was given, and what --update-mask names besides (a
 * field that it names without a flag is cleared). An etag is a condition, not a change.
 */
function updateMask(
  command: CommandSpec,
  maskField: DescField,
  flags: ReadonlyMap<Flag, JsonValue>,
): string {
  const paths: string[] = [];
  let explicit = '';
  for (const [flag, value] of flags) {
    if (flag.path.at(-1) === maskField) explicit = value as string;
    else if (flag.path.length > 1 && flag.path.at(-1)!.name !== 'etag')
      paths.push(
        flag.path
          .slice(1)
          .map((field) => field.name)
          .join('.'),
      );
  }
  if (explicit === '*') return explicit;
  if (explicit === '' && paths.length === 0)
    throw DroverError.invalid(
      'flags',
      `nothing to change; see drover ${command.group} ${command.name} --help for what can be`,
    );
  return [...new Set([...explicit.split(','), ...maskOf(paths).split(',')])]
    .filter((path) => path !== '')
    .join(',');
}

function put(json: JsonObject, path: readonly DescField[], value: JsonValue): void {
  let place = json;
  for (const field of path.slice(0, -1)) {
    const inner = place[field.jsonName] ?? place[field.name];
    place = place[field.jsonName] = isObject(inner) ? inner : {};
  }
  place[path.at(-1)!.jsonName] = value;
}

function parse(text: string): JsonObject {
  let json: JsonValue;
  try {
    json = JSON.parse(text) as JsonValue;
  } catch (cause) {
    throw DroverError.invalid('--request-json', `is not JSON: ${messageOf(cause)}`, cause);
  }
  if (isObject(json)) return json;
  throw DroverError.invalid('--request-json', 'has to be a JSON object');
}

function isObject(json: JsonValue | undefined): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
