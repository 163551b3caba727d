// JSON bodies of requests, read with a limit and taken apart without trusting their shape.
import type { Readable } from 'node:stream';
import { DriveError } from '../drive/drive-error.ts';

/** A JSON object of unknown content. */
export type JsonObject = Record<string, unknown>;

const bodyBytesMax = 4 << 20;

/** The body as a JSON object; an empty one when there is no body. */
export async function readJson(body: Readable): Promise<JsonObject> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > bodyBytesMax) throw new DriveError('maxFileSizeExceeded');
    chunks.push(chunk);
  }
  if (length === 0) return {};
  const text = (chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)).toString();
  return asObject(parse(text), 'The body');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new DriveError('invalidRequest', 'Unable to read JSON request payload.', { cause });
  }
}

function asObject(value: unknown, what: string): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as JsonObject;
  throw new DriveError('invalidRequest', `${what} has to be a JSON object.`);
}

/** A text property; undefined when it is absent. */
export function textOf(object: JsonObject, name: string): string | undefined {
  const value = object[name];
  if (value === undefined || value === null || typeof value === 'string') return value ?? undefined;
  throw new DriveError('invalidRequest', `The property ${name} has to be a string.`);
}

/** A property that is an object; undefined when it is absent. */
export function objectOf(object: JsonObject, name: string): JsonObject | undefined {
  const value = object[name];
  return value === undefined || value === null
    ? undefined
    : asObject(value, `The property ${name}`);
}

/** A property that is an array of objects; empty when it is absent. */
export function objectsOf(object: JsonObject, name: string): JsonObject[] {
  const value = object[name] ?? [];
  if (!Array.isArray(value))
    throw new DriveError('invalidRequest', `The property ${name} has to be an array.`);
  return value.map((entry) => asObject(entry, `An entry of ${name}`));
}

/** A property that is an array of strings; empty when it is absent. */
export function textsOf(object: JsonObject, name: string): string[] {
  const value = object[name] ?? [];
  if (Array.isArray(value) && value.every((entry) => typeof entry === 'string')) return value;
  throw new DriveError('invalidRequest', `The property ${name} has to be an array of strings.`);
}
