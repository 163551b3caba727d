// Whether one row of the store is what its key says, looked at by itself.
import { fromBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import {
  AccessTokenRowSchema,
  AgentRowSchema,
  AuditHeadRowSchema,
  BatchRowSchema,
  FileIdRowSchema,
  JoinTokenRowSchema,
  KeptLedgerRowSchema,
  LeaseState,
  LedgerRowSchema,
  NameRowSchema,
  RequestRowSchema,
  RunRowSchema,
  SettingsRowSchema,
  TaskRowSchema,
  UnreportedRowSchema,
  WebhookEventRowSchema,
  WebhookRowSchema,
  type BatchRow,
  type FileIdRow,
  type NameRow,
  type RunRow,
  type UnreportedRow,
} from '../../gen/drover/store/v1/rows_pb.ts';
import { ReadinessRowSchema } from '../../gen/drover/store/v1/readiness_pb.ts';
import { AuditEntrySchema } from '../../gen/drover/v1/audit_pb.ts';
import {
  BatchItemsSchema,
  BatchResultsSchema,
  type BatchItems,
  type BatchResults,
} from '../../gen/drover/v1/columns_pb.ts';
import { keyPath } from './keys.ts';
import { decodeNumber } from './open-database.ts';
import { quickXorHashBytes, sha256Bytes } from '../plan/hash-bytes.ts';

/** The kinds of rows that hold a message, by the first part of their keys. */
const schemas = new Map<string, DescMessage>([
  ['task', TaskRowSchema],
  ['kept-ledger', KeptLedgerRowSchema],
  ['run', RunRowSchema],
  ['readiness', ReadinessRowSchema],
  ['batch', BatchRowSchema],
  ['items', BatchItemsSchema],
  ['results', BatchResultsSchema],
  ['ledger', LedgerRowSchema],
  ['file-id', FileIdRowSchema],
  ['unreported', UnreportedRowSchema],
  ['name', NameRowSchema],
  ['agent', AgentRowSchema],
  ['join-token', JoinTokenRowSchema],
  ['access-token', AccessTokenRowSchema],
  ['webhook', WebhookRowSchema],
  ['webhook-event', WebhookEventRowSchema],
  ['webhook-dead', WebhookEventRowSchema],
  ['audit', AuditEntrySchema],
  ['audit-head', AuditHeadRowSchema],
  ['request', RequestRowSchema],
  ['settings', SettingsRowSchema],
]);
/** The kinds whose rows are empty: what counts is that they stand. */
const empties = new Set(['deleted', 'deleted-runs', 'open-run', 'pending', 'leased']);

/** The first part of a key. */
export function kindOf(key: string): string {
  return key.slice(0, Math.max(0, key.indexOf('!')));
}

/** The id of the task that a row belongs to: the second part of its key. */
export function taskOf(key: string): string {
  return key.split('!', 2)[1] ?? '';
}

/** Every problem of a row that can be seen without looking at another, in words. */
export function* problemsOfRow(key: string, bytes: Uint8Array): Generator<string> {
  const kind = kindOf(key);
  if (kind === 'meta') {
    if (Number.isNaN(decodeNumber(bytes))) yield 'holds no number';
    return;
  }
  if (empties.has(kind)) {
    if (bytes.length > 0) yield 'is not empty';
    return;
  }
  const schema = schemas.get(kind);
  if (schema === undefined) return void (yield 'is a row of no kind that this version knows');
  const message = decode(schema, bytes);
  if (message === undefined) return void (yield 'cannot be decoded');
  yield* problemsOfMessage(key, message);
}

/** What is wrong with the items of a batch and what became of them; `results` is undefined where there is none. */
export function* problemsOfColumns(
  items: BatchItems,
  results: BatchResults | undefined,
): Generator<string> {
  const count = items.path.length;
  for (const column of unevenColumns(BatchItemsSchema, items, count))
    yield `the column ${column} of its items has another length than their paths`;
  if (items.kind.length !== count) yield 'not every item has a kind';
  if (results === undefined) return;
  if (results.state.length !== count) yield `it has ${count} items, but ${results.state.length} results`; // oxfmt-ignore
  for (const column of unevenColumns(BatchResultsSchema, results, count))
    yield `the column ${column} of its results has another length than its items`;
  const hashes = [[results.sha256, sha256Bytes], [results.quickXorHash, quickXorHashBytes]] as const; // oxfmt-ignore
  for (const [bytes, size] of hashes)
    if (bytes.length !== 0 && bytes.length !== count * size)
      yield 'not every result has its hashes';
  if (results.remark.some(({ index }) => index >= count)) yield 'a remark is about no item';
  if (results.moved.some((index) => index >= count))
    yield 'an item is said to be moved that is not there';
}

/** The message of a row; undefined when it is none. `read` is another way to read it. */
export function decode<D extends DescMessage>(
  schema: D,
  bytes: Uint8Array,
  read: (bytes: Uint8Array) => MessageShape<D> = (message) => fromBinary(schema, message),
): MessageShape<D> | undefined {
  try {
    return read(bytes);
  } catch {
    return undefined;
  }
}

// A column that came into the schema later is missing in older rows, and one that is optional may be empty.
function* unevenColumns(schema: DescMessage, message: object, count: number): Generator<string> {
  for (const field of schema.fields) {
    if (field.fieldKind !== 'list' || field.listKind === 'message') continue;
    // A list of some items, by their indexes.
    if (field === BatchResultsSchema.field.moved) continue;
    const { length } = (message as Record<string, unknown[]>)[field.localName]!;
    if (length !== 0 && length !== count) yield field.name;
  }
}

function* problemsOfMessage(key: string, message: object): Generator<string> {
  switch (kindOf(key)) {
    case 'task':
      if (!('task' in message) || message.task === undefined) yield 'holds no task';
      return;
    case 'run': {
      const { run, scan } = message as RunRow;
      if (run?.progress === undefined || scan?.lease === undefined) yield 'holds no whole run';
      return;
    }
    case 'batch': {
      const { lease } = message as BatchRow;
      if (lease === undefined || lease.state === LeaseState.UNSPECIFIED) yield 'holds no lease';
      return;
    }
    case 'file-id':
      if (!isRelativePath((message as FileIdRow).path)) yield 'names no path at the source';
      return;
    case 'unreported': {
      if (!isRelativePath(pathOf(key))) yield 'is not under the key of a path';
      const { files, run } = message as UnreportedRow;
      if (files.length === 0 && run === 0) yield 'tells of no write';
      return;
    }
    case 'ledger':
    case 'name': {
      if (!isRelativePath(pathOf(key))) yield 'is not under the key of a path';
      const { path, run } = message as Partial<NameRow>;
      if (kindOf(key) === 'name' && !isRelativePath(path!)) yield 'names no path at the source';
      if (!run) yield 'names no run';
      return;
    }
    default:
  }
}

function pathOf(key: string): string {
  return keyPath(key.slice(key.indexOf('!', key.indexOf('!') + 1) + 1));
}

function isRelativePath(text: string): boolean {
  return text.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}
