// Contents in one request: small uploads, and downloads from addresses that need no header.
import { randomUUID } from 'node:crypto';
import { createReadStream, rmSync, statSync } from 'node:fs';
import { QuickXorHash } from '../../lib/quick-xor-hash.ts';
import { DriveError } from '../drive/drive-error.ts';
import type { Drive } from '../drive/drive.ts';
import { cTag, isFolder, type Item } from '../drive/item.ts';
import { checkConflict, placeFile, type PlaceOptions } from '../drive/place-file.ts';
import { receiveBody } from '../drive/receive-body.ts';
import { versionContent } from '../drive/version.ts';
import { empty, header, json, needWrite, type Call, type Services } from './call.ts';
import { rangeOf } from './content-range.ts';
import { conflictOfQuery } from './file-facts.ts';
import { findItem, placeOf } from './find-item.ts';
import { entityJson } from './item-json.ts';
import { downloadUrl } from './links.ts';
import { mediaType } from './media-type.ts';
import { rewriteOffice } from './office.ts';
import type { Exchange, Reply } from '../http/exchange.ts';
import type { ItemTarget } from './resolve.ts';

/** The longest body of a small upload: 250 MB. */
export const smallUploadBytesMax = 262_144_000;

/** PUT …/content */
export async function putContent(call: Call, target: ItemTarget): Promise<Reply> {
  const { exchange } = call;
  const { drive } = target;
  needWrite(call, drive);
  const length = Number(exchange.headers['content-length'] ?? 0);
  if (length > smallUploadBytesMax) throw new DriveError('maxFileSizeExceeded');
  const place: PlaceOptions = {
    ...placeOf(call, target),
    conflict: conflictOfQuery(call.query) ?? 'replace',
    ifMatch: header(exchange, 'if-match'),
    by: call.by,
  };
  const existing = checkConflict(drive, place);
  if (existing !== undefined && header(exchange, 'if-none-match') === '*')
    throw new DriveError('entityTagDoesNotMatch');
  drive.checkRoom(length);
  const path = drive.files.incomingPath(randomUUID());
  try {
    const received = await receiveSmall(call, path);
    const arrived = await rewriteOffice(received, place.name, exchange.effects.rewriteOffice === true); // oxfmt-ignore
    const { item, created } = placeFile(drive, arrived, place);
    if (arrived !== received) rmSync(path);
    return json(created ? 201 : 200, entityJson(call, drive, item));
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
}

async function receiveSmall({ exchange }: Call, path: string) {
  const hash = new QuickXorHash();
  const size = await receiveBody(exchange.body, {
    path,
    position: 0,
    bytesMax: smallUploadBytesMax,
    tooLong: () => new DriveError('maxFileSizeExceeded'),
    hash,
  });
  return { path, size, hash: Buffer.from(hash.digest()).toString('base64') };
}

/** GET …/content: where it can be had */
export function getContent(call: Call, target: ItemTarget): Reply {
  return redirect(call, target.drive, findItem(call, target));
}

/** The way to the content of an item, or of a version of it. */
export function redirect(call: Call, drive: Drive, item: Item, version?: string): Reply {
  if (isFolder(item))
    throw new DriveError('invalidRequest', 'You cannot get content for a folder.');
  if (call.query.has('format'))
    throw new DriveError('notBuilt', 'The emulator does not convert files.');
  if (header(call.exchange, 'if-none-match') === cTag(item)) return empty(304);
  const { exchange, services } = call;
  if (version !== undefined) versionContent(drive, item, version);
  return empty(302, {
    location: downloadUrl(exchange.url, drive, item, services.tempauth, version),
  });
}

/** Whether an address is one that gives out content. */
export function isDownloadUrl({ url }: Exchange): boolean {
  return /\/_layouts\/15\/download\.aspx$/i.test(url.pathname);
}

/** The content itself; no header is needed, and one that is there does no harm. */
export function answerDownloadUrl(exchange: Exchange, services: Services): Reply {
  const { method, url } = exchange;
  if (method !== 'GET' && method !== 'HEAD') throw new DriveError('methodNotAllowed');
  const claims = services.tempauth.check(url.searchParams.get('tempauth') ?? '', 'download');
  const drive = services.index.drive(claims.drive);
  const item = drive.item(claims.sub);
  const label = claims.version ?? `${item.version}.0`;
  const { path } = versionContent(drive, item, label);
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  if (size === undefined) throw new DriveError('itemNotFound', 'The content is gone.');
  const etag = claims.version === undefined ? cTag(item) : `"${item.guid},${label}"`;
  if (header(exchange, 'if-none-match') === etag) return empty(304, { etag });
  const ifRange = header(exchange, 'if-range');
  const asked = ifRange === undefined || ifRange === etag ? header(exchange, 'range') : undefined;
  const range = rangeOf(asked, size);
  const { start, end } = range ?? { start: 0, end: size - 1 };
  const length = end - start + 1;
  return {
    status: range === undefined ? 200 : 206,
    headers: {
      'content-type': mediaType(item.name),
      'content-length': String(length),
      'accept-ranges': 'bytes',
      'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(item.name)}`,
      'cache-control': 'private,max-age=0',
      'last-modified': new Date(item.fileModifiedMs).toUTCString(),
      etag,
      ...(range === undefined ? {} : { 'content-range': `bytes ${start}-${end}/${size}` }),
    },
    body:
      length === 0 || method === 'HEAD'
        ? undefined
        : createReadStream(path, { start, end, highWaterMark: readBytes }),
  };
}

const readBytes = 1 << 20;
