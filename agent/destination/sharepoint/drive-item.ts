// driveItems as the service answers with them, as far as a migration looks at them; and how paths and times are written for it.
import { ItemVerification } from '../../../gen/drover/v1/item_pb.ts';
import type { DestinationFile } from '../destination.ts';

/** Fields are absent where the service leaves them out. */
export interface DriveItem {
  id: string;
  name: string;
  size: number;
  eTag: string;
  cTag: string;
  isFile: boolean;
  isFolder: boolean;
  /** How many items are directly in it; 0 for a file. */
  childCount: number;
  /** Base64; undefined when the service does not say. */
  quickXorHash: string | undefined;
  /** Nanoseconds since 1970. */
  modifiedNs: bigint;
  createdNs: bigint;
  /** The library requires check-out, and the file is not checked in. */
  isCheckedOut: boolean;
  /** Whether the service said so, or that it is not: only where it may be otherwise, and where it was asked. */
  isCheckOutKnown: boolean;
  /** Where its content can be read without a token; a secret. */
  downloadUrl: string | undefined;
}

/** What to ask for, so that `readDriveItem` finds everything. */
export const itemSelect =
  '$select=id,name,size,eTag,cTag,file,folder,package,fileSystemInfo,lastModifiedDateTime,publication';

/** Reads a driveItem out of an answer; undefined when it is none. */
export function readDriveItem(body: unknown): DriveItem | undefined {
  const item = body as Json | undefined;
  if (item === undefined || item === null || typeof item['id'] !== 'string') return undefined;
  const file = item['file'] as Json | undefined;
  const hashes = file?.['hashes'] as Json | undefined;
  const info = item['fileSystemInfo'] as Json | undefined;
  const publication = item['publication'] as Json | undefined;
  return {
    id: item['id'],
    name: text(item['name']),
    size: numberOf(item['size']),
    eTag: text(item['eTag']),
    cTag: text(item['cTag']),
    isFile: file !== undefined,
    isFolder: item['folder'] !== undefined && item['package'] === undefined,
    childCount: numberOf((item['folder'] as Json | undefined)?.['childCount']),
    quickXorHash: optionalText(hashes?.['quickXorHash']),
    modifiedNs: timeNs(info?.['lastModifiedDateTime'] ?? item['lastModifiedDateTime']),
    createdNs: timeNs(info?.['createdDateTime']),
    isCheckedOut: publication?.['level'] === 'checkout',
    isCheckOutKnown: publication !== undefined && publication !== null,
    downloadUrl: optionalText(item['@microsoft.graph.downloadUrl']),
  };
}

/** What tells the versions of an item's content apart; where it has no cTag, its eTag is all there is. */
export function itemVersion({ cTag, eTag }: DriveItem): string {
  return cTag === '' ? eTag : cTag;
}

/** What became of a file, for the ledger. */
export function destinationFile(item: DriveItem, verification: ItemVerification): DestinationFile {
  const { modifiedNs, id, size, quickXorHash = '' } = item;
  const file = { modifiedNs, id, version: itemVersion(item), verification };
  return verification === ItemVerification.REWRITTEN_BY_SHAREPOINT
    ? { ...file, rewritten: { size, quickXorHash: Buffer.from(quickXorHash, 'base64') } }
    : file;
}

/** A path with each of its parts encoded, for the `:/…:` form of an address. */
export function encodePath(path: string): string {
  return path.split('/').map(encodePart).join('/');
}

/** A quote or a percent sign would end or change what stands around it. */
function encodePart(part: string): string {
  return encodeURIComponent(part).replaceAll("'", '%27');
}

/** The dates of an item as the service takes them: whole seconds and a Z; it refuses more digits. */
export function fileSystemInfo(times: {
  modifiedNs: bigint;
  createdNs: bigint;
}): Record<string, string> {
  const { modifiedNs, createdNs } = times;
  return {
    lastModifiedDateTime: timeText(modifiedNs),
    ...(createdNs === 0n ? {} : { createdDateTime: timeText(createdNs) }),
  };
}

const nanosecondsPerSecond = 1_000_000_000n;
/** What SharePoint's date columns hold. */
const firstSecond = BigInt(Date.UTC(1900, 0, 1) / 1000);
const lastSecond = BigInt(Date.UTC(8900, 11, 31) / 1000);

/** Whole seconds, rounded down as file systems with less precision do. */
export function wholeSeconds(ns: bigint): bigint {
  const seconds = ns / nanosecondsPerSecond - (ns < 0n && ns % nanosecondsPerSecond !== 0n ? 1n : 0n); // oxfmt-ignore
  return seconds < firstSecond ? firstSecond : seconds > lastSecond ? lastSecond : seconds;
}

function timeText(ns: bigint): string {
  return new Date(Number(wholeSeconds(ns)) * 1000).toISOString().replace('.000Z', 'Z');
}

function timeNs(value: unknown): bigint {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? 0n : BigInt(ms) * 1_000_000n;
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

type Json = Record<string, unknown>;

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function optionalText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
