// Upload sessions on the wire: opening one, and everything that is asked of its address afterwards.
import { QuickXorHash } from '../../lib/quick-xor-hash.ts';
import { DriveError } from '../drive/drive-error.ts';
import { addFragment } from '../drive/fragment-hash.ts';
import type { Identity } from '../drive/item.ts';
import { checkConflict, type PlaceOptions } from '../drive/place-file.ts';
import { receiveBody } from '../drive/receive-body.ts';
import { arrivedFile, type UploadSession } from '../drive/upload-session.ts';
import type { Exchange, Reply } from '../http/exchange.ts';
import { apiRoot, empty, header, json, needWrite, type Call, type Services } from './call.ts';
import { checkFragment } from './content-range.ts';
import { conflictOf, fileTimes } from './file-facts.ts';
import { placeOf } from './find-item.ts';
import { entityJson } from './item-json.ts';
import { uploadUrl } from './links.ts';
import { rewriteOffice } from './office.ts';
import { objectOf, readJson, textOf } from './request-body.ts';
import type { ItemTarget } from './resolve.ts';

/** POST …/createUploadSession */
export async function createUploadSession(call: Call, target: ItemTarget): Promise<Reply> {
  const { exchange, services } = call;
  const { drive } = target;
  needWrite(call, drive);
  const body = await readJson(exchange.body);
  const item = objectOf(body, 'item') ?? {};
  const place = placeOf(call, target);
  const options: PlaceOptions = {
    ...place,
    conflict: conflictOf(item) ?? conflictOf(body) ?? 'replace',
    ifMatch: header(exchange, 'if-match'),
    by: call.by,
    times: fileTimes(item),
  };
  const existing = checkConflict(drive, options);
  if (existing !== undefined && header(exchange, 'if-none-match') === '*')
    throw new DriveError('entityTagDoesNotMatch');
  drive.checkRoom(sizeOf(item['fileSize']));
  const session = services.sessions.open(drive, {
    ...options,
    target: place.target,
    times: options.times ?? {},
    ifMatch: options.ifMatch,
    name: renamed(item, place.name),
    deferCommit: body['deferCommit'] === true,
    rewriteOffice: exchange.effects.rewriteOffice === true,
  });
  const itemId = existing?.id ?? drive.idOf(session.itemGuid);
  return json(200, {
    '@odata.context': `${apiRoot(call)}/$metadata#microsoft.graph.uploadSession`,
    expirationDateTime: expiry(session),
    nextExpectedRanges: ['0-'],
    uploadUrl: uploadUrl(exchange.url, session, itemId, services.tempauth),
  });
}

/** The address says which file it is; a name in the body has to be the same. */
function renamed(item: Record<string, unknown>, name: string): string {
  const wanted = textOf(item, 'name');
  if (wanted === undefined || wanted === '' || wanted === name) return name;
  throw new DriveError('invalidRequest', 'The name in the body differs from that in the address.');
}

function sizeOf(value: unknown): number {
  if (value === undefined || value === null) return 0;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new DriveError('invalidRequest', 'The property fileSize has to be a number.');
}

/** Everything that is asked of an upload address. No header is needed, and one that is there does no harm. */
export async function answerUploadUrl(call: Call, session: UploadSession): Promise<Reply> {
  if (call.exchange.effects.loseSession === true) {
    call.services.sessions.drop(session);
    throw new DriveError('uploadSessionNotFound');
  }
  switch (call.exchange.method) {
    case 'GET':
      return progress(200, session);
    case 'PUT':
      return putFragment(call, session);
    case 'POST':
      return commit(call, session);
    case 'DELETE':
      // Clients give up while their own fragment is still under way.
      call.services.sessions.drop(session);
      return empty(204);
    default:
      throw new DriveError('methodNotAllowed');
  }
}

/** The session of an upload address. */
export function sessionOfUrl(url: URL, { tempauth, sessions }: Services): UploadSession {
  const claims = tempauth.check(url.searchParams.get('tempauth') ?? '', 'upload');
  const guid = (url.searchParams.get('guid') ?? '').replaceAll("'", '');
  if (claims.sub !== guid)
    throw new DriveError('unauthenticated', 'The tempauth token belongs to another session.');
  return sessions.find(guid);
}

async function putFragment(call: Call, session: UploadSession): Promise<Reply> {
  const { exchange, services } = call;
  if (session.busy) throw new DriveError('fragmentConcurrency');
  const fragment = checkFragment(exchange.headers, session, services.unalignedFragments);
  session.drive.checkRoom(fragment.total);
  session.busy = true;
  try {
    const hash = fragmentHash();
    const length = await receiveBody(exchange.body, {
      path: session.drive.files.sessionPath(session.guid),
      position: session.position,
      bytesMax: fragment.length,
      tooLong: wrongLength,
      hash,
    });
    if (length !== fragment.length) throw wrongLength();
    session.total = fragment.total;
    services.sessions.advance(session, length, addFragment(session.hash, hash, session.position, length)); // oxfmt-ignore
    hashes.push(hash);
  } finally {
    session.busy = false;
  }
  if (session.position < fragment.total || session.deferCommit) return progress(202, session);
  return commit(call, session);
}

/** Hashes that are not in use: each has a block of its own, and there is one fragment after the other. */
const hashes: QuickXorHash[] = [];

function fragmentHash(): QuickXorHash {
  return hashes.pop()?.reset() ?? new QuickXorHash();
}

function wrongLength(): DriveError {
  return new DriveError(
    'invalidRequest',
    'The Content-Range header length does not match the provided number of bytes.',
  );
}

/** Makes the file of a session whose bytes are all there. */
async function commit(call: Call, session: UploadSession, more: Partial<PlaceOptions> = {}) {
  const { exchange, services } = call;
  if (session.busy) throw new DriveError('fragmentConcurrency');
  session.busy = true;
  try {
    const rewrite = session.rewriteOffice || exchange.effects.rewriteOffice === true;
    const arrived = await rewriteOffice(arrivedFile(session), more.name ?? session.name, rewrite);
    const { item, created } = services.sessions.commit(session, arrived, more);
    return json(created ? 201 : 200, entityJson(call, session.drive, item));
  } catch (error) {
    services.sessions.save(session);
    throw error;
  } finally {
    session.busy = false;
  }
}

/** PUT of an item with `@microsoft.graph.sourceUrl`: the commit under another name, or with another conflict behaviour. */
export async function commitElsewhere(call: Call, target: ItemTarget, by: Identity) {
  needWrite(call, target.drive);
  const body = await readJson(call.exchange.body);
  const source = textOf(body, '@microsoft.graph.sourceUrl') ?? textOf(body, '@content.sourceUrl');
  const url = URL.parse(source ?? '');
  if (url === null) throw new DriveError('invalidRequest', 'The body names no upload session as its source.'); // oxfmt-ignore
  const session = sessionOfUrl(url, call.services);
  if (session.drive !== target.drive)
    throw new DriveError('invalidRequest', 'The upload session belongs to another drive.');
  const place = placeOf(call, target);
  const name = textOf(body, 'name');
  return commit(call, session, {
    ...place,
    name: name === undefined || name === '' ? place.name : name,
    conflict: conflictOf(body) ?? 'fail',
    ifMatch: header(call.exchange, 'if-match'),
    by,
    guid: session.target === undefined ? session.itemGuid : undefined,
  });
}

/** How far an open session is. */
function progress(status: number, session: UploadSession): Reply {
  const isWhole = session.position === session.total;
  return json(status, {
    expirationDateTime: expiry(session),
    nextExpectedRanges: isWhole ? [] : [`${session.position}-`],
  });
}

function expiry(session: UploadSession): string {
  return new Date(session.expiresMs).toISOString();
}

/** For the log of a call: which session an address means. */
export function isUploadUrl({ url }: Exchange): boolean {
  return /\/uploadsession$/i.test(url.pathname);
}
