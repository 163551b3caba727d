// The text file that lists what a task migrates. The agent reads it when a scan begins: all of it, sorted as the walk goes, so that its length
// is limited.
import { closeSync, constants, fstatSync, openSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { isInside } from '../../lib/inside-path.ts';
import { compareNames } from '../source/folder-names.ts';
import { sourceFolder } from '../source/open-source.ts';
import { printablePath } from '../source/printable-path.ts';
import type { ListedPath } from './jobs.ts';

/** The most lines that name something. A million would take as much memory as a thread may have. */
export const manifestLinesMax = 250_000;
export const manifestBytesMax = 32 * 1024 * 1024;

/** Which file, and where it may lie. */
export interface ManifestPlace {
  /** The file, as a location such as /srv/lists/wave-1.txt. */
  file: string;
  /** Folders, as locations; it has to lie below one of them, where links lead. */
  roots: readonly string[];
}

/**
 * Reads it. Throws INVALID_ARGUMENT when it is not there, lies elsewhere, is no text in UTF-8, is too long, or a line of it is no path below the
 * source; SOURCE_ACCESS_DENIED when it may not be read.
 */
export function readManifest({ file, roots }: ManifestPlace): ListedPath[] {
  const text = decode(readBytes(file, roots), file);
  return parseManifest(text, file, process.platform === 'win32');
}

/** What the lines name, in path order, each path once. `isWindows`: a backslash parts names as a slash does. Throws INVALID_ARGUMENT. */
export function parseManifest(text: string, file: string, isWindows = false): ListedPath[] {
  const listed: { key: string; path: string; withContents: boolean }[] = [];
  let number = 0;
  for (const line of linesOf(text)) {
    number += 1;
    const named = lineOf(line, isWindows);
    if (named === '') continue;
    if (listed.length === manifestLinesMax) throw wrong(file, `names more than ${manifestLinesMax} files and folders; make several tasks of it`); // oxfmt-ignore
    const withContents = named.endsWith('/');
    const below = withContents ? named.slice(0, -1) : named;
    if (!isInside(below)) throw wrong(file, `is no list of paths below the source: line ${number} is ${printablePath(line.slice(0, 200))}`); // oxfmt-ignore
    listed.push({ key: below.replaceAll('/', '\0'), path: below, withContents });
  }
  // The order of a walk: a slash comes before every other character.
  listed.sort((one, other) => compareNames(one.key, other.key));
  return withoutTwins(listed);
}

/** One by one: of nothing but line ends, there may be millions. */
function* linesOf(text: string): Generator<string> {
  for (let start = 0; start <= text.length;) {
    const end = text.indexOf('\n', start);
    yield text.slice(start, end < 0 ? undefined : end);
    start = end < 0 ? text.length + 1 : end + 1;
  }
}

/** Empty for what names nothing. "./" at the beginning is how a name that begins with "#" is written. */
function lineOf(line: string, isWindows: boolean): string {
  const text = line.endsWith('\r') ? line.slice(0, -1) : line;
  if (text.startsWith('#') || text.trim() === '') return '';
  const slashed = isWindows ? text.replaceAll('\\', '/') : text;
  return slashed.replace(/^\.\/(?=.)/, '');
}

function withoutTwins(sorted: readonly ListedPath[]): ListedPath[] {
  const all: ListedPath[] = [];
  for (const { path: below, withContents } of sorted) {
    const last = all.at(-1);
    if (last?.path === below) last.withContents ||= withContents;
    else all.push({ path: below, withContents });
  }
  return all;
}

function readBytes(file: string, roots: readonly string[]): Buffer {
  try {
    const real = realpathSync(sourceFolder(file));
    if (!roots.some((root) => isBelow(real, root)))
      throw wrong(file, `lies outside what the agent may read: ${roots.map(printablePath).join(', ')}`); // oxfmt-ignore
    // Nobody may put a link in its place meanwhile, and opening a pipe would wait for ever.
    const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
    const descriptor = openSync(real, flags);
    try {
      const stats = fstatSync(descriptor);
      if (!stats.isFile()) throw wrong(file, 'is not a file');
      if (stats.size > manifestBytesMax) throw wrong(file, `has more than ${manifestBytesMax} bytes; make several tasks of it`); // oxfmt-ignore
      return readFileSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  } catch (cause) {
    throw readError(cause, file);
  }
}

function isBelow(real: string, root: string): boolean {
  const folder = realRoot(root);
  return (
    folder !== undefined &&
    real.startsWith(folder.endsWith(path.sep) ? folder : `${folder}${path.sep}`)
  );
}

/** Undefined for a root that is not there at the moment. */
function realRoot(root: string): string | undefined {
  try {
    return realpathSync(sourceFolder(root));
  } catch {
    return undefined;
  }
}

function readError(cause: unknown, file: string): DroverError {
  if (cause instanceof DroverError) return cause;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return wrong(file, "does not exist on this agent's machine", cause);
    case 'EACCES':
    case 'EPERM':
      return new DroverError(ErrorReason.SOURCE_ACCESS_DENIED, `the agent's account may not read the manifest ${printablePath(file)}`, { cause, metadata: { path: file } }); // oxfmt-ignore
    default:
      return wrong(file, `cannot be read: ${code}`, cause);
  }
}

function decode(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw wrong(file, 'is not text in UTF-8; save it as UTF-8', cause);
  }
}

function wrong(file: string, what: string, cause?: unknown): DroverError {
  const message = `the manifest ${printablePath(file)} ${what}`;
  return new DroverError(ErrorReason.INVALID_ARGUMENT, message, {
    cause,
    metadata: { field: 'settings.manifest', path: file },
    violations: [{ field: 'settings.manifest', description: message }],
  });
}
