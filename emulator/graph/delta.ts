// What changed in a drive since a token, in the order of the changes.
import { isVisible } from '../drive/check-writable.ts';
import { DriveError } from '../drive/drive-error.ts';
import type { Drive } from '../drive/drive.ts';
import type { Reply } from '../http/exchange.ts';
import { apiRoot, json, type Call } from './call.ts';
import { pageSize, queryText } from './children.ts';
import { findItem } from './find-item.ts';
import { itemJson, selectionOf } from './item-json.ts';
import type { ItemTarget } from './resolve.ts';

/** Where a client is: the changes up to a sequence are known to it. */
interface DeltaToken {
  sequence: number;
  issuedMs: number;
  /** The first enumeration leaves out what was deleted before it. */
  first: boolean;
}

/** GET …/root/delta, with the token in the query or, as Graph writes it too, in parentheses. */
export function delta(call: Call, target: ItemTarget, word: string): Reply {
  const { drive } = target;
  if (findItem(call, target) !== drive.root)
    throw new DriveError('notSupported', 'Delta is offered for the root of a drive only.');
  const text = call.query.get('token') ?? /token='([^']*)'/i.exec(word)?.[1] ?? '';
  const token = tokenOf(call, drive, text);
  const size = pageSize(call.query);
  const isWanted = (item: typeof drive.root) =>
    isVisible(item, call.by) && !(token.first && item.deleted !== undefined);
  const found = drive.changes.after(token.sequence, size + 1, isWanted as never);
  const page = found.slice(0, size);
  const more = found.length > size;
  const selection = selectionOf(call.query);
  const last = page.at(-1)?.sequence;
  const next: DeltaToken = {
    sequence: more ? last! : Math.max(token.sequence, drive.sequence),
    issuedMs: call.services.now(),
    first: more && token.first,
  };
  return json(200, {
    '@odata.context': `${apiRoot(call)}/$metadata#Collection(driveItem)`,
    [more ? '@odata.nextLink' : '@odata.deltaLink']: link(call, drive, next),
    value: page.map((item) => itemJson(call, drive, item, selection)),
  });
}

function tokenOf(call: Call, drive: Drive, text: string): DeltaToken {
  const issuedMs = call.services.now();
  if (text === '') return { sequence: 0, issuedMs, first: true };
  if (text === 'latest') return { sequence: drive.sequence, issuedMs, first: false };
  if (/^\d{4}-\d{2}-\d{2}T/.test(text)) {
    const timeMs = Date.parse(text);
    if (Number.isNaN(timeMs)) throw new DriveError('invalidRequest', 'The token is not a time.');
    return { sequence: drive.changes.sequenceAt(timeMs), issuedMs, first: false };
  }
  const token = parseToken(text);
  if (token === undefined) throw new DriveError('invalidRequest', 'The delta token is not valid.');
  if (issuedMs - token.issuedMs > call.services.deltaTokenTtlMs || token.sequence > drive.sequence)
    throw resyncRequired(call, drive);
  return token;
}

function resyncRequired(call: Call, drive: Drive): DriveError {
  const location = `${apiRoot(call)}/drives/${drive.id}/root/delta`;
  return new DriveError('resyncRequired', undefined, { headers: { location } });
}

/** Always by the query: that is where clients look for the token. */
function link(call: Call, drive: Drive, token: DeltaToken): string {
  const query = new URLSearchParams(call.query);
  query.set('token', tokenText(token));
  return `${apiRoot(call)}/drives/${drive.id}/root/delta?${queryText(query)}`;
}

function tokenText({ sequence, issuedMs, first }: DeltaToken): string {
  return Buffer.from(`${first ? 'first' : 'next'};${sequence};${issuedMs}`).toString('base64url');
}

function parseToken(text: string): DeltaToken | undefined {
  const plain = Buffer.from(text, 'base64url').toString();
  const [, kind, sequence, issued] = /^(first|next);(\d{1,15});(\d{1,15})$/.exec(plain) ?? [];
  if (kind === undefined) return undefined;
  return { sequence: Number(sequence), issuedMs: Number(issued), first: kind === 'first' };
}
