// From an address that a person pasted to the drive and folder it means: the service is asked, because only it knows where a site
// ends, a library begins, and what a library is called in addresses.
import type { SharePointPlace } from '../../../lib/location.ts';
import { DroverError } from '../../../lib/error.ts';
import { ErrorReason } from '../../../gen/drover/v1/error_pb.ts';
import { encodePath } from './drive-item.ts';
import type { GraphAnswer, GraphClient } from './graph-client.ts';
import { callMetadata, GraphFailure, rootError } from './graph-error.ts';
import { KnownDrives, type Drive } from './known-drives.ts';

/** Where files go. */
export interface ResolvedPlace {
  driveId: string;
  /** The path of the destination folder below the drive's root; "" for the root itself. */
  folder: string;
  /** The library's address in a browser. */
  libraryUrl: string;
}

/** How deep subsites are looked for. */
const subsitesMax = 8;
const drivesPageMax = 50;

/** Asks the service where `known` does not say it; what is found is put there. Throws DroverError that says what was tried. */
export async function resolvePlace(
  client: GraphClient,
  place: SharePointPlace,
  signal: AbortSignal,
  known = new KnownDrives(),
): Promise<ResolvedPlace> {
  return place.kind === 'onedrive'
    ? resolveOneDrive(client, place, signal, known)
    : (knownPath(client, place, known) ?? (await resolvePath(client, place, signal, known)));
}

async function resolveOneDrive(
  client: GraphClient,
  { user, folder }: SharePointPlace & { kind: 'onedrive' },
  signal: AbortSignal,
  known: KnownDrives,
): Promise<ResolvedPlace> {
  const tried = `the OneDrive of ${user}`;
  const now = client.clock.steady();
  let [drive] = known.get(tried, now) ?? [];
  if (drive === undefined) {
    const path = `/users/${encodeURIComponent(user)}/drive?${driveSelect}`;
    const answer = await ask(client, path, tried, signal);
    drive = readDrive(answer.body);
    if (drive === undefined) throw unreadable(tried, answer);
    known.set(tried, [drive], now);
  }
  return { driveId: drive.id, folder, libraryUrl: drive.webUrl };
}

/** The library that the path leads into, where it is one of the site that the path begins with and that is known; else it must be asked for. */
function knownPath(
  client: GraphClient,
  { host, path }: SitePath,
  known: KnownDrives,
): ResolvedPlace | undefined {
  const parts = partsOf(path);
  const siteParts = siteLength(parts);
  const siteUrl = addressOf(host, parts.slice(0, siteParts).join('/'));
  const drives = known.get(siteUrl, client.clock.steady());
  return drives && libraryAt(drives, siteUrl, parts.slice(siteParts));
}

interface SitePath {
  host: string;
  path: string;
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '');
}

/** How many parts of a path name the outermost site that it can lie in. */
function siteLength([first]: readonly string[]): number {
  return isManaged(first) ? 2 : 0;
}

/** Looks for a library that the path leads into, in the site it begins with, then in that site's subsites. */
async function resolvePath(
  client: GraphClient,
  { host, path }: SitePath,
  signal: AbortSignal,
  known: KnownDrives,
): Promise<ResolvedPlace> {
  const parts = partsOf(path);
  let siteParts = siteLength(parts);
  if (siteParts > parts.length) throw missing(host, parts);
  const seen: string[] = [];
  for (let depth = 0; depth < subsitesMax && siteParts <= parts.length; depth++, siteParts++) {
    const sitePath = parts.slice(0, siteParts).join('/');
    const siteUrl = addressOf(host, sitePath);
    const drives = await drivesOf(client, host, sitePath, signal, depth > 0);
    // What does not exist one level deeper is no subsite, and its parent's libraries were looked at already.
    if (drives === undefined) break;
    known.set(siteUrl, drives, client.clock.steady());
    const found = libraryAt(drives, siteUrl, parts.slice(siteParts));
    if (found !== undefined) return found;
    seen.push(...drives.map(({ name, webUrl }) => `${name} (${webUrl})`));
  }
  throw noLibrary(addressOf(host, path), seen);
}

/** Where sites are kept; everything else in a path from the root is a library of the root site. */
function isManaged(part: string | undefined): boolean {
  return part !== undefined && ['sites', 'teams', 'personal'].includes(part.toLowerCase());
}

/** The libraries of a site; undefined when `mayBeMissing` and there is no such site. */
async function drivesOf(
  client: GraphClient,
  host: string,
  sitePath: string,
  signal: AbortSignal,
  mayBeMissing: boolean,
): Promise<Drive[] | undefined> {
  const tried = `the site ${addressOf(host, sitePath)}`;
  const site = sitePath === '' ? `/sites/${host}` : `/sites/${host}:/${encodePath(sitePath)}:`;
  try {
    return await allDrives(client, `${site}/drives?${driveSelect}`, tried, signal);
  } catch (thrown) {
    if (signal.aborted) throw signal.reason;
    const isMissing = thrown instanceof GraphFailure && [400, 404].includes(thrown.status);
    if (mayBeMissing && isMissing) return undefined;
    throw rootError(thrown, tried);
  }
}

async function allDrives(
  client: GraphClient,
  first: string,
  tried: string,
  signal: AbortSignal,
): Promise<Drive[]> {
  const drives: Drive[] = [];
  let next: string | undefined = first;
  for (let page = 0; next !== undefined && page < drivesPageMax; page++) {
    const answer: GraphAnswer = await client.call(get(next), signal);
    const body = answer.body as { value?: unknown; '@odata.nextLink'?: unknown } | undefined;
    if (!Array.isArray(body?.value)) throw unreadable(tried, answer);
    drives.push(...body.value.map(readDrive).filter((drive) => drive !== undefined));
    const link = body['@odata.nextLink'];
    next = typeof link === 'string' ? pathOfLink(link) : undefined;
  }
  return drives;
}

/** A link to the next page, as a path below /v1.0: the address it names may be one that only the service itself uses. */
function pathOfLink(link: string): string | undefined {
  const at = link.indexOf('/v1.0/');
  return at < 0 ? undefined : link.slice(at + '/v1.0'.length);
}

const driveSelect = '$select=id,name,webUrl,driveType';

function readDrive(body: unknown): Drive | undefined {
  const drive = body as { id?: unknown; name?: unknown; webUrl?: unknown } | undefined | null;
  if (typeof drive?.id !== 'string' || typeof drive.webUrl !== 'string') return undefined;
  const webUrl = drive.webUrl.replace(/\/Forms\/[^/]+\.aspx$/i, '').replace(/\/+$/, '');
  return { id: drive.id, name: typeof drive.name === 'string' ? drive.name : '', webUrl };
}

/** The library that a path below a site leads into; the path is empty for the site alone. */
function libraryAt(drives: readonly Drive[], siteUrl: string, rest: readonly string[]) {
  return rest.length === 0 ? defaultLibrary(drives) : libraryOf(drives, siteUrl, rest);
}

/** What a site's address alone means: its one library, or the one that every site is made with. */
function defaultLibrary(drives: readonly Drive[]): ResolvedPlace | undefined {
  const usual = drives.find(({ webUrl }) => /\/(shared%20documents|shared documents|documents)$/i.test(webUrl)); // oxfmt-ignore
  const drive = drives.length === 1 ? drives[0] : usual;
  return drive === undefined
    ? undefined
    : { driveId: drive.id, folder: '', libraryUrl: drive.webUrl };
}

/** The library whose address, or else whose title, the path below the site begins with. */
function libraryOf(
  drives: readonly Drive[],
  siteUrl: string,
  rest: readonly string[],
): ResolvedPlace | undefined {
  const wanted = comparable(rest[0]!);
  const byAddress = drives.find(({ webUrl }) => comparable(below(webUrl, siteUrl)) === wanted);
  const drive = byAddress ?? drives.find(({ name }) => comparable(name) === wanted);
  if (drive === undefined) return undefined;
  return { driveId: drive.id, folder: rest.slice(1).join('/'), libraryUrl: drive.webUrl };
}

/** The part of a library's address below its site's, decoded. */
function below(webUrl: string, siteUrl: string): string {
  const [url, site] = [decoded(webUrl), decoded(siteUrl)];
  return url.toLowerCase().startsWith(`${site.toLowerCase()}/`) ? url.slice(site.length + 1) : '';
}

function comparable(text: string): string {
  return text.normalize('NFC').toLowerCase();
}

function decoded(url: string): string {
  try {
    return decodeURIComponent(url);
  } catch {
    return url;
  }
}

function addressOf(host: string, path: string): string {
  return path === '' ? `https://${host}` : `https://${host}/${path}`;
}

async function ask(
  client: GraphClient,
  path: string,
  tried: string,
  signal: AbortSignal,
): Promise<GraphAnswer> {
  try {
    return await client.call(get(path), signal);
  } catch (thrown) {
    if (signal.aborted) throw signal.reason;
    throw rootError(thrown, tried);
  }
}

function get(path: string) {
  return { method: 'GET', path, resourceUnits: 1 } as const;
}

function missing(host: string, parts: readonly string[]): DroverError {
  const address = addressOf(host, parts.join('/'));
  return new DroverError(
    ErrorReason.DESTINATION_NOT_FOUND,
    `${address} names no site: give the address of a library, such as https://${host}/sites/NAME/Shared Documents`,
    { metadata: { path: address } },
  );
}

function noLibrary(address: string, seen: readonly string[]): DroverError {
  const there = seen.length === 0 ? 'it has none' : `there are: ${seen.join(', ')}`;
  return new DroverError(
    ErrorReason.DESTINATION_NOT_FOUND,
    `no library of its site is at ${address}; ${there}`,
    { metadata: { path: address } },
  );
}

function unreadable(tried: string, answer: GraphAnswer): DroverError {
  return new DroverError(
    ErrorReason.DESTINATION_UNREACHABLE,
    `${tried}: the answer is not one of Microsoft Graph (request ${answer.requestId}); check the address given with --graph`,
    { metadata: callMetadata(tried, answer) },
  );
}
