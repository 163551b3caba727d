// What is between a call and the wire: addresses as they are sent, answers as they are read.
import type { Dispatcher } from 'undici';

/** The longest body that is read of an answer. */
const bodyBytesMax = 16 * 1024 * 1024;

/** Reads a body to its end; throws when it is longer than any answer of the service. */
export async function readBody({ body }: Dispatcher.ResponseData): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of body as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > bodyBytesMax) throw new Error(`the answer is longer than ${bodyBytesMax} bytes`);
    parts.push(part);
  }
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}

/** A body as JSON; undefined when it is empty. */
export function parseJson(bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined;
  const text = bytes.toString('utf8');
  try {
    return JSON.parse(text);
  } catch {
    // A gateway or a proxy answers in HTML: the status says enough.
    return { error: { message: firstWords(text) } };
  }
}

/** An address as it is sent, letter by letter: one that is signed is worth nothing when it is encoded anew, as URL does. */
export function verbatim(address: string): { origin: string; path: string } {
  const pathAt = address.indexOf('/', address.indexOf('://') + '://'.length);
  return { origin: new URL(address).origin, path: pathAt < 0 ? '/' : address.slice(pathAt) };
}

/** A sign-in may wait for a person; whoever is to stop does not. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  return Promise.race([promise, aborted.promise]).finally(() =>
    signal.removeEventListener('abort', abort),
  );
}

function firstWords(text: string): string {
  return text.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ').trim().slice(0, 200); // oxfmt-ignore
}

/** Headers by their names in lower case; of several, the first. */
export function plainHeaders(
  headers: Record<string, string | string[] | undefined>,
): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name.toLowerCase(),
      Array.isArray(value) ? value[0] : value,
    ]),
  );
}

/** What went wrong on the way, in the system's words. */
export function networkWords(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const code = 'code' in thrown ? ` (${String(thrown.code)})` : '';
  return `${thrown.message || thrown.name}${code}`;
}
