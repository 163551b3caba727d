// Where a task reads from and writes to, as a person writes it. Both sides parse it the same way: the coordinator to refuse
// what cannot work, the agent to open it.
import { fileURLToPath } from 'node:url';
import { DroverError } from './error.ts';
import { isPersonPlace, parseSharePointPlace, placeLength, type SharePointPlace } from './sharepoint-place.ts'; // oxfmt-ignore

export { parseSharePointPlace, type SharePointPlace };

/** A kind of place; an agent says in its hello which kinds it can serve. */
export type LocationKind = 'file' | 'unc' | 'sharepoint';

export type Location =
  /** A folder in the agent's file system; the path is absolute and normal: no `.`, `..` or doubled separators. */
  | { kind: 'file'; path: string }
  /** A folder of a Windows share; the path is normal, and empty for the share itself. */
  | { kind: 'unc'; server: string; share: string; path: string }
  /** A place in SharePoint or OneDrive. */
  | { kind: 'sharepoint'; place: SharePointPlace };

/** The most characters a location may have: Linux's PATH_MAX. */
export const locationLengthMax = 4096;

/**
 * Parses `/srv/share`, `C:\data`, `\\server\share\dir`, the long forms of these two (`\\?\C:\data`, `\\?\UNC\server\share\dir`),
 * `file:///srv/share`, `https://….sharepoint.com/…` or `ann@contoso.com`, which is the OneDrive of that person, with a folder or not.
 * Throws INVALID_ARGUMENT that names `field`.
 */
export function parseLocation(text: string, field: string): Location {
  if (text === '') throw DroverError.invalid(field, 'is missing; give a folder such as /srv/share');
  if (text.length > locationLengthMax)
    throw DroverError.invalid(field, `is longer than ${locationLengthMax} characters`);
  if (text.includes('\0')) throw DroverError.invalid(field, 'holds a NUL character');
  const [long, ofShare] = /^\\\\\?\\(?:(UNC\\)|(?=[a-z]:))/i.exec(text) ?? [];
  if (long !== undefined)
    return parseLocation(`${ofShare ? '\\\\' : ''}${text.slice(long.length)}`, field);
  if (text.startsWith('\\\\')) return parseUnc(text, field);
  if (/^[a-z][a-z0-9+.-]+:/i.test(text)) return parseUrl(text, field);
  if (text.startsWith('/')) return { kind: 'file', path: normalPath(text, '/') };
  if (/^[a-z]:[\\/]/i.test(text))
    return { kind: 'file', path: normalPath(text.replaceAll('/', '\\'), '\\') };
  if (isPersonPlace(text)) return { kind: 'sharepoint', place: parseSharePointPlace(text, field) };
  throw DroverError.invalid(
    field,
    `"${text}" is not an absolute path or a URL; give /srv/share, \\\\server\\share, file:///… or https://…`,
  );
}

function parseUrl(text: string, field: string): Location {
  if (/^https?:/i.test(text))
    return { kind: 'sharepoint', place: parseSharePointPlace(text, field) };
  const url = URL.parse(text);
  if (url === null) throw DroverError.invalid(field, `"${text}" is not a valid URL`);
  if (url.protocol !== 'file:')
    throw DroverError.invalid(field, `"${text}" has a scheme other than file: and https:`);
  if (url.search !== '' || url.hash !== '')
    throw DroverError.invalid(
      field,
      `"${text}" has a ? or # that belongs to no path; write them as %3F and %23`,
    );
  if (url.host !== '') {
    const [, share = '', ...rest] = decodeURIComponent(url.pathname).split('/');
    return parseUnc(`\\\\${url.host}\\${[share, ...rest].join('\\')}`, field);
  }
  const hasDrive = /^\/[a-z]:(\/|$)/i.test(url.pathname);
  const path = urlPath(url, text, { field, windows: hasDrive });
  return { kind: 'file', path: normalPath(path, hasDrive ? '\\' : '/') };
}

function urlPath(
  url: URL,
  text: string,
  { field, windows }: { field: string; windows: boolean },
): string {
  try {
    const path = fileURLToPath(url, { windows });
    if (!path.includes('\0')) return path;
  } catch (cause) {
    throw DroverError.invalid(field, `"${text}" cannot be read as a path`, cause);
  }
  throw DroverError.invalid(field, `"${text}" holds a NUL character`);
}

function parseUnc(text: string, field: string): Location {
  const [server = '', share = '', ...rest] = text.slice(2).split(/[\\/]/);
  if (server === '' || share === '')
    throw DroverError.invalid(field, `"${text}" does not name a server and a share`);
  if (server === '.' || server === '?' || share === '.' || share === '..')
    throw DroverError.invalid(field, `"${text}" does not name a server and a share, but a device or nothing`); // oxfmt-ignore
  return { kind: 'unc', server, share, path: normalParts(rest).join('\\') };
}

/** Nothing leads above the first. */
function normalParts(parts: readonly string[]): string[] {
  const normal: string[] = [];
  for (const part of parts) {
    if (part === '..') normal.pop();
    else if (part !== '' && part !== '.') normal.push(part);
  }
  return normal;
}

function normalPath(path: string, separator: '/' | '\\'): string {
  // What comes first is the drive, or nothing.
  const [first = '', ...parts] = path.split(separator);
  return `${first}${separator}${normalParts(parts).join(separator)}`;
}

/** How many characters of SharePoint's 400 the destination itself takes; 0 where that limit is not. */
export function destinationRootLength(location: Location): number {
  return location.kind === 'sharepoint' ? placeLength(location.place) : 0;
}

/** Whether one of two folders holds the other, or they are the same, as far as their names tell. */
export function overlaps(one: Location, other: Location): boolean {
  if (one.kind === 'file' && other.kind === 'file') return pathsOverlap(one.path, other.path);
  if (one.kind === 'unc' && other.kind === 'unc') return pathsOverlap(uncKey(one), uncKey(other));
  return false;
}

/** Whether one of two absolute, normal paths holds the other, or they are the same. */
export function pathsOverlap(one: string, other: string): boolean {
  const a = withSeparator(one);
  const b = withSeparator(other);
  return a.startsWith(b) || b.startsWith(a);
}

function withSeparator(path: string): string {
  const slashed = path.replaceAll('\\', '/');
  return slashed.endsWith('/') ? slashed : `${slashed}/`;
}

function uncKey(location: Location & { kind: 'unc' }): string {
  return `/${location.server}/${location.share}/${location.path}`.toLowerCase();
}

/** Whether `inner` is `outer` or lies in it, part by part. Windows does not tell upper from lower case, others do. */
export function holds(outer: Location, inner: Location): boolean {
  const [above, below] = [partsOf(outer), partsOf(inner)];
  if (above === undefined || below === undefined || below.length < above.length) return false;
  return above.every((part, index) => part === below[index]);
}

function partsOf(location: Location): string[] | undefined {
  switch (location.kind) {
    case 'unc': {
      const { server, share, path } = location;
      const folded = path.toLowerCase().split('\\').filter((part) => part !== ''); // oxfmt-ignore
      return ['\\\\', server.toLowerCase(), share.toLowerCase(), ...folded];
    }
    case 'file': {
      if (location.path.startsWith('/')) return ['/', ...split(location.path, '/')];
      return ['drive', ...split(location.path.toLowerCase(), '\\')];
    }
    default:
      return undefined;
  }
}

function split(path: string, separator: string): string[] {
  return path.split(separator).filter((part) => part !== '');
}
