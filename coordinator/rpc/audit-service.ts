// AuditService: the audit log as administrators read and verify it.
import type { ServiceImpl } from '@connectrpc/connect';
import { timestampMs, type Timestamp } from '@bufbuild/protobuf/wkt';
import type {
  AuditEntry,
  AuditService,
  ExportAuditRequest,
  ListAuditEntriesRequest,
  VerifyAuditRequest,
} from '../../gen/drover/v1/audit_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { Store } from '../store/store.ts';
import { readPageRequest, writePageToken } from './paging.ts';

/** How many entries one call looks at, at most, when a filter leaves most of them out; the next page goes on. */
const filteredEntriesMax = 10_000;
const entriesRead = 500;
const hashBytes = 32;
/** Entries are in the order of their times, but for a clock that was set back; by more than so much it is not allowed for. */
const clockSetBackMs = 24 * 60 * 60 * 1000;

type Reads = Pick<Store, 'auditHead' | 'auditEntries' | 'auditEntriesBefore' | 'verifyAudit'>;

export function createAuditService(store: Reads): ServiceImpl<typeof AuditService> {
  return {
    listAuditEntries: (request) => listAuditEntries(store, request),
    verifyAudit: (request, { signal }) => verifyAudit(store, request, signal),
    exportAudit: (request, { signal }) => exportAudit(store, request, signal),
  };
}

async function listAuditEntries(store: Reads, request: ListAuditEntriesRequest) {
  const { caller, resource, refused, since, until } = request;
  const scope = ['audit', caller, resource, String(refused), wordsOf(since), wordsOf(until)];
  const page = readPageRequest(request, scope);
  const isWanted = filterOf(request);
  const sinceMs = since === undefined ? -Infinity : timestampMs(since) - clockSetBackMs;
  const entries: AuditEntry[] = [];
  let before = page.cursor === '' ? (await lastNumber(store)) + 1n : readCursor(page.cursor);
  for (let seen = 0; seen < filteredEntriesMax && before > 1n; seen += entriesRead) {
    const read = await store.auditEntriesBefore(before, entriesRead);
    if (read.length === 0) before = 1n;
    for (const entry of read) {
      before = entry.number;
      if (timestampMs(entry.time!) < sinceMs) before = 1n;
      else if (isWanted(entry)) entries.push(entry);
      if (before === 1n || entries.length === page.size) break;
    }
    if (entries.length === page.size) break;
  }
  const next = before > 1n ? String(before) : undefined;
  return { entries, nextPageToken: writePageToken(next, scope) };
}

async function lastNumber(store: Reads): Promise<bigint> {
  return (await store.auditHead())?.number ?? 0n;
}

function readCursor(cursor: string): bigint {
  if (/^\d{1,15}$/.test(cursor)) return BigInt(cursor);
  throw DroverError.invalid('page_token', 'cannot be read');
}

type Filter = (entry: AuditEntry) => boolean;

function filterOf(request: ListAuditEntriesRequest): Filter {
  const { caller, resource, refused } = request;
  const isInTime = timeFilter(request);
  const isOf = (name: string) => name === resource || name.startsWith(`${resource}/`);
  return (entry) =>
    (caller === '' || entry.caller === caller) &&
    (!refused || entry.reason !== ErrorReason.UNSPECIFIED) &&
    isInTime(entry) &&
    (resource === '' ||
      isOf(entry.resource) ||
      entry.changes.some((change) => isOf(change.resource)));
}

function timeFilter({ since, until }: ExportAuditRequest | ListAuditEntriesRequest): Filter {
  const sinceMs = since === undefined ? -Infinity : timestampMs(since);
  const untilMs = until === undefined ? Infinity : timestampMs(until);
  return ({ time }) => {
    const timeMs = timestampMs(time!);
    return timeMs >= sinceMs && timeMs < untilMs;
  };
}

function wordsOf(time: Timestamp | undefined): string {
  return time === undefined ? '' : String(timestampMs(time));
}

async function verifyAudit(store: Reads, request: VerifyAuditRequest, signal: AbortSignal) {
  const { knownNumber: number, knownHash: hash } = request;
  if (number === 0n && hash.length > 0) throw DroverError.invalid('known_number', 'is missing');
  if (number > 0n && hash.length !== hashBytes)
    throw DroverError.invalid('known_hash', `must have ${hashBytes} bytes`);
  const known = number === 0n ? undefined : { number, hash };
  const { entries, lastHash, broken } = await store.verifyAudit(known, signal);
  const found = { brokenNumber: broken?.number ?? 0n, brokenMessage: broken?.message ?? '' };
  return { entries, lastHash, ...found };
}

async function* exportAudit(store: Reads, request: ExportAuditRequest, signal: AbortSignal) {
  const isWanted = timeFilter(request);
  const last = await lastNumber(store);
  for (let after = 0n; after < last;) {
    signal.throwIfAborted();
    const entries = await store.auditEntries(after, entriesRead);
    if (entries.length === 0) return;
    for (const entry of entries) {
      after = entry.number;
      if (entry.number > last) return;
      if (isWanted(entry)) yield { entry };
    }
  }
}
