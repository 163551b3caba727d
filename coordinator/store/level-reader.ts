// Reading the rows of the store.
import { fromBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import {
  AccessTokenRowSchema,
  AgentRowSchema,
  AuditHeadRowSchema,
  BatchRowSchema,
  FileIdRowSchema,
  JoinTokenRowSchema,
  KeptLedgerRowSchema,
  NameRowSchema,
  RequestRowSchema,
  RunRowSchema,
  SettingsRowSchema,
  TaskRowSchema,
  UnreportedRowSchema,
  WebhookEventRowSchema,
  WebhookRowSchema,
  type AccessTokenRow,
  type AgentRow,
  type AuditHeadRow,
  type BatchRow,
  type FileIdRow,
  type JoinTokenRow,
  type KeptLedgerRow,
  type LedgerRow,
  type NameRow,
  type RequestRow,
  type RunRow,
  type SettingsRow,
  type TaskRow,
  type UnreportedRow,
  type WebhookEventRow,
  type WebhookRow,
} from '../../gen/drover/store/v1/rows_pb.ts';
import { ReadinessRowSchema, type ReadinessRow } from '../../gen/drover/store/v1/readiness_pb.ts';
import { AuditEntrySchema, type AuditEntry } from '../../gen/drover/v1/audit_pb.ts';
import type { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import { raiseGeneration } from './generations.ts';
import { keyPath, keys, lastNumber, pathKey, under, type KeyRange } from './keys.ts';
import type { KnownRows } from './known-rows.ts';
import type { LedgerAhead } from './ledger-ahead.ts';
import { decodeLedgerRow, isSameFile, type FileFacts } from './ledger-bytes.ts';
import { mergeLedger } from './ledger-merge.ts';
import type { Database } from './open-database.ts';
import { readError } from './store-errors.ts';
import type { BatchKey, LedgerRange, NumberedEvent, Reader, RunKey, StoredEntry } from './store.ts';

/** How many rows an iterator brings at once. */
const iteratorRows = 1000;
/** How many bytes an iterator brings at once: all that it is asked for here. By default it comes back after 16 KiB, each time through another thread. */
const iteratorBytes = 1024 * 1024;

/** A database that is open, and what has to be known of it. */
export interface OpenedStore {
  database: Database;
  folder: string;
  /** See `raiseGeneration`. */
  generationBase: number;
  known: KnownRows;
  ahead: LedgerAhead;
}

/** Reads rows; `get` and `getMany` are where a transaction sees its own writes first. */
export class LevelReader implements Reader {
  protected readonly opened: OpenedStore;

  constructor(opened: OpenedStore) {
    this.opened = opened;
  }

  protected get database(): Database {
    return this.opened.database;
  }

  /** The database, for reading more than single rows of it. A transaction waits until all that was committed before it is in there. */
  protected async whole(): Promise<Database> {
    return this.database;
  }

  /** The same, for reading nothing but the rows under a prefix. */
  protected async wholeUnder(_prefix: string): Promise<Database> {
    return this.database;
  }

  /** What a read brings; what goes wrong with it is said in words that help. */
  protected async read<T>(reading: PromiseLike<T>): Promise<T> {
    try {
      return await reading;
    } catch (error) {
      throw readError(this.opened.folder, error);
    }
  }

  protected async get(key: string): Promise<Uint8Array | undefined> {
    return this.opened.known.get(key) ?? this.read(this.database.get(key));
  }

  protected async getMany(rowKeys: string[]): Promise<(Uint8Array | undefined)[]> {
    return rowKeys.length === 0 ? [] : this.read(this.database.getMany(rowKeys));
  }

  async #row<D extends DescMessage>(schema: D, key: string): Promise<MessageShape<D> | undefined> {
    const bytes = await this.get(key);
    return bytes === undefined ? undefined : fromBinary(schema, bytes);
  }

  async #rows<D extends DescMessage>(
    schema: D,
    rowKeys: string[],
  ): Promise<(MessageShape<D> | undefined)[]> {
    const found = await this.getMany(rowKeys);
    return found.map((bytes) => bytes && fromBinary(schema, bytes));
  }

  async #page<D extends DescMessage>(
    schema: D,
    range: (KeyRange | { gt: string; lte: string }) & { reverse?: boolean },
    limit: number,
  ): Promise<{ key: string; row: MessageShape<D> }[]> {
    const entries = await this.read((await this.whole()).iterator({ ...range, limit }).all());
    return entries.map(([key, bytes]) => ({ key, row: fromBinary(schema, bytes) }));
  }

  task = (id: string): Promise<TaskRow | undefined> => this.#row(TaskRowSchema, keys.task(id));

  async tasks(after: string, limit: number): Promise<TaskRow[]> {
    const page = await this.#page(TaskRowSchema, from('task!', keys.task(after)), limit);
    return page.map(({ row }) => row);
  }

  async run(key: RunKey): Promise<RunRow | undefined> {
    const row = await this.#row(RunRowSchema, keys.run(key));
    raiseGeneration(row?.scan?.lease, this.opened.generationBase);
    return row;
  }

  async runs(task: string, after: number, limit: number): Promise<RunRow[]> {
    const range = from(`run!${task}!`, keys.run({ task, run: after }));
    return (await this.#page(RunRowSchema, range, limit)).map(({ row }) => row);
  }

  readiness = (key: RunKey): Promise<ReadinessRow | undefined> =>
    this.#row(ReadinessRowSchema, keys.readiness(key));

  async latestReadiness(task: string): Promise<RunKey | undefined> {
    const range = { ...under(`readiness!${task}!`), reverse: true, limit: 1 };
    const [last] = await this.read((await this.whole()).keys(range).all());
    return last === undefined ? undefined : { task, run: lastNumber(last) };
  }

  async openRuns(): Promise<RunKey[]> {
    const found = await this.read((await this.whole()).keys(under('open-run!')).all());
    return found.map((key) => ({ task: key.split('!')[1]!, run: lastNumber(key) }));
  }

  async batch(key: BatchKey): Promise<BatchRow | undefined> {
    const row = await this.#row(BatchRowSchema, keys.batch(key));
    raiseGeneration(row?.lease, this.opened.generationBase);
    return row;
  }

  async batches(run: RunKey, after: number, limit: number) {
    const start = keys.batch({ ...run, batch: after });
    const page = await this.#page(BatchRowSchema, from(parent(start), start), limit);
    return page.map(({ key, row }) => ({ batch: lastNumber(key), row }));
  }

  batchItems = (key: BatchKey): Promise<Uint8Array | undefined> => this.get(keys.batchItems(key));
  batchResults = (key: BatchKey): Promise<Uint8Array | undefined> =>
    this.get(keys.batchResults(key));

  async pendingBatches(run: RunKey, phase: BatchPhase, after: number, limit: number) {
    const start = keys.pendingBatch({ ...run, batch: after }, phase);
    const found = await this.read(
      (await this.whole()).keys({ ...from(parent(start), start), limit }).all(),
    );
    return found.map(lastNumber);
  }

  async lastPendingBatch(run: RunKey, phase: BatchPhase): Promise<number | undefined> {
    const range = under(parent(keys.pendingBatch({ ...run, batch: 0 }, phase)));
    const found = await this.read(
      (await this.whole()).keys({ ...range, reverse: true, limit: 1 }).all(),
    );
    return found.map(lastNumber)[0];
  }

  async leasedBatches(run: RunKey): Promise<number[]> {
    const range = under(parent(keys.leasedBatch({ ...run, batch: 0 })));
    return (await this.read((await this.whole()).keys(range).all())).map(lastNumber);
  }

  async ledger(task: string, paths: readonly string[]): Promise<(LedgerRow | undefined)[]> {
    if (paths.length === 0) return [];
    const all = keys.ledger(task, '');
    const iterator = (await this.wholeUnder(all)).iterator({
      gte: keys.ledger(task, paths[0]!),
      lte: keys.ledger(task, paths.at(-1)!),
      highWaterMarkBytes: iteratorBytes,
    });
    try {
      const prefix = all.length;
      const found = await mergeLedger(paths.map(pathKey), async () => {
        const entries = await this.read(iterator.nextv(iteratorRows));
        return entries.map(([key, bytes]) => [key.slice(prefix), bytes] as const);
      });
      return found.map((bytes) => bytes && decodeLedgerRow(bytes));
    } finally {
      await iterator.close();
    }
  }

  async ledgerRows(task: string, paths: readonly string[]): Promise<(LedgerRow | undefined)[]> {
    const found = await this.getMany(paths.map((one) => keys.ledger(task, one)));
    return found.map((bytes) => bytes && decodeLedgerRow(bytes));
  }

  async ledgerRange(
    task: string,
    { after, upTo }: LedgerRange,
    limit: number,
  ): Promise<StoredEntry[]> {
    const all = keys.ledger(task, '');
    const end = upTo === '' ? { lt: under(all).lt } : { lte: keys.ledger(task, upTo) };
    const range = { gt: keys.ledger(task, after), ...end, limit };
    const database = await this.wholeUnder(all);
    const found = await this.read(
      database.iterator({ ...range, highWaterMarkBytes: iteratorBytes }).all(),
    );
    return found.map(([key, bytes]) => new LedgerBytes(keyPath(key.slice(all.length)), bytes));
  }

  fileIds = (task: string, ids: readonly bigint[]): Promise<(FileIdRow | undefined)[]> =>
    this.#rows(FileIdRowSchema, ids.map((id) => keys.fileId(task, id))); // oxfmt-ignore
  unreported = (task: string, paths: readonly string[]): Promise<(UnreportedRow | undefined)[]> =>
    this.#rows(UnreportedRowSchema, paths.map((one) => keys.unreported(task, one))); // oxfmt-ignore

  async firstMigrated(task: string, itemPath: string) {
    const key = keys.ledger(task, itemPath);
    // What is below a path comes right after it, since nothing is below the separator.
    const range = { gte: key, lt: `${key}\x01`, limit: 1 };
    const [entry] = await this.read((await this.whole()).iterator(range).all());
    if (entry === undefined) return undefined;
    const found = keyPath(entry[0].slice(keys.ledger(task, '').length));
    return { path: found, row: decodeLedgerRow(entry[1]) };
  }

  async hasUnreported(task: string): Promise<boolean> {
    const range = under(keys.unreported(task, ''));
    const found = await this.read((await this.whole()).keys({ ...range, limit: 1 }).all());
    return found.length > 0;
  }

  async countLedger(task: string, max: number): Promise<number> {
    const range = under(keys.ledger(task, ''));
    const found = await this.read((await this.whole()).keys({ ...range, limit: max }).all());
    return found.length;
  }

  keptLedger = (task: string): Promise<KeptLedgerRow | undefined> =>
    this.#row(KeptLedgerRowSchema, keys.keptLedger(task));

  async keptLedgers(after: string, limit: number) {
    const range = from('kept-ledger!', keys.keptLedger(after));
    const page = await this.#page(KeptLedgerRowSchema, range, limit);
    return page.map(({ key, row }) => ({ task: key.split('!')[1]!, row }));
  }

  names = (task: string, paths: readonly string[]): Promise<(NameRow | undefined)[]> =>
    this.#rows(NameRowSchema, paths.map((one) => keys.name(task, one))); // oxfmt-ignore

  agent = (id: string): Promise<AgentRow | undefined> => this.#row(AgentRowSchema, keys.agent(id));

  async agents(after: string, limit: number): Promise<AgentRow[]> {
    const page = await this.#page(AgentRowSchema, from('agent!', keys.agent(after)), limit);
    return page.map(({ row }) => row);
  }

  joinToken = (hash: string): Promise<JoinTokenRow | undefined> =>
    this.#row(JoinTokenRowSchema, keys.joinToken(hash));
  accessToken = (id: string): Promise<AccessTokenRow | undefined> =>
    this.#row(AccessTokenRowSchema, keys.accessToken(id));

  async accessTokens(after: string, limit: number): Promise<AccessTokenRow[]> {
    const range = from('access-token!', keys.accessToken(after));
    return (await this.#page(AccessTokenRowSchema, range, limit)).map(({ row }) => row);
  }

  webhook = (id: string): Promise<WebhookRow | undefined> =>
    this.#row(WebhookRowSchema, keys.webhook(id));

  async webhooks(after: string, limit: number): Promise<WebhookRow[]> {
    const page = await this.#page(WebhookRowSchema, from('webhook!', keys.webhook(after)), limit);
    return page.map(({ row }) => row);
  }

  webhookEvent = (webhook: string, event: bigint): Promise<WebhookEventRow | undefined> =>
    this.#row(WebhookEventRowSchema, keys.webhookEvent(webhook, event));

  webhookEvents(webhook: string, after: bigint, limit: number): Promise<NumberedEvent[]> {
    return this.#events(keys.webhookEvent(webhook, after), limit);
  }

  deadLetter = (webhook: string, event: bigint): Promise<WebhookEventRow | undefined> =>
    this.#row(WebhookEventRowSchema, keys.deadLetter(webhook, event));

  deadLetters(webhook: string, after: bigint, limit: number): Promise<NumberedEvent[]> {
    return this.#events(keys.deadLetter(webhook, after), limit);
  }

  async #events(start: string, limit: number): Promise<NumberedEvent[]> {
    const page = await this.#page(WebhookEventRowSchema, from(parent(start), start), limit);
    return page.map(({ key, row }) => ({ number: BigInt(lastNumber(key)), row }));
  }

  request = (id: string): Promise<RequestRow | undefined> =>
    this.#row(RequestRowSchema, keys.request(id));
  settings = (): Promise<SettingsRow | undefined> => this.#row(SettingsRowSchema, keys.settings);

  auditHead = (): Promise<AuditHeadRow | undefined> =>
    this.#row(AuditHeadRowSchema, keys.auditHead);

  async auditEntries(after: bigint, limit: number): Promise<AuditEntry[]> {
    const page = await this.#page(AuditEntrySchema, from('audit!', keys.audit(after)), limit);
    return page.map(({ row }) => row);
  }

  async auditEntriesBefore(before: bigint, limit: number): Promise<AuditEntry[]> {
    const range = { gt: 'audit!', lt: keys.audit(before), reverse: true };
    return (await this.#page(AuditEntrySchema, range, limit)).map(({ row }) => row);
  }
}

/** A row of the ledger that is taken apart when somebody asks for what is in it. */
class LedgerBytes implements StoredEntry {
  readonly path: string;
  readonly #bytes: Uint8Array;
  #row: LedgerRow | undefined;
  /** Whether it is that of the file that was asked for last: it is asked for again. */
  #same: { facts: FileFacts; isSame: boolean } | undefined;

  constructor(path: string, bytes: Uint8Array) {
    this.path = path;
    this.#bytes = bytes;
  }

  get row(): LedgerRow {
    return (this.#row ??= decodeLedgerRow(this.#bytes));
  }

  isSameFile(facts: FileFacts): boolean {
    if (this.#same?.facts !== facts) this.#same = { facts, isSame: isSameFile(this.#bytes, facts) };
    return this.#same.isSame;
  }
}

/** The keys under `prefix` that come after `start`. */
function from(prefix: string, start: string): KeyRange {
  return { gt: start, lt: under(prefix).lt };
}

/** A key without its last part, with the separator. */
function parent(key: string): string {
  return key.slice(0, key.lastIndexOf('!') + 1);
}
