// The store on LevelDB: the only door to it. LevelDB has no isolation, so commits run one at a time; each is one synced write,
// and rows and their index rows share it.
import { fromBinary, toBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { Level } from 'level';
import path from 'node:path';
import {
  AgentRowSchema,
  BatchRowSchema,
  JoinTokenRowSchema,
  LeaseState,
  LedgerRowSchema,
  NameRowSchema,
  RequestRowSchema,
  RunRowSchema,
  SettingsRowSchema,
  TaskRowSchema,
  type AgentRow,
  type BatchRow,
  type JoinTokenRow,
  type LedgerRow,
  type NameRow,
  type RequestRow,
  type RunRow,
  type SettingsRow,
  type TaskRow,
} from '../../gen/drover/store/v1/rows_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import type { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { isRunOpen } from '../task/run-states.ts';
import { keyPath, keys, lastNumber, pathKey, taskRanges, under, type KeyRange } from './keys.ts';
import { mergeLedger } from './ledger-merge.ts';
import {
  joinTokenMemoryMs,
  requestMemoryMs,
  type BatchKey,
  type Reader,
  type RunKey,
  type Store,
  type Transaction,
} from './store.ts';
import { makeFolders } from '../../lib/make-folders.ts';

type Database = Level<string, Uint8Array>;

/** How many rows an iterator brings at once. */
const iteratorRows = 1000;
const nothing = new Uint8Array(0);

/** Opens the store in `folder`, made when missing. Throws DATA_FOLDER_LOCKED when another process has it open. */
export async function openLevelStore(folder: string): Promise<Store> {
  makeFolders(path.dirname(folder), 0o700);
  const database: Database = new Level(folder, { keyEncoding: 'utf8', valueEncoding: 'view' });
  try {
    await database.open();
  } catch (error) {
    throw openError(folder, error);
  }
  return new LevelStore(database);
}

function openError(folder: string, error: unknown): DroverError {
  const cause = error instanceof Error ? (error.cause as { code?: string } | undefined) : undefined;
  if (cause?.code === 'LEVEL_LOCKED')
    return new DroverError(
      ErrorReason.DATA_FOLDER_LOCKED,
      `the data folder ${path.dirname(folder)} is in use by another coordinator`,
      { cause: error, metadata: { folder } },
    );
  const detail = cause instanceof Error ? cause.message : String(error);
  return new DroverError(ErrorReason.UNAVAILABLE, `cannot open the store in ${folder}: ${detail}`, {
    cause: error,
    metadata: { folder },
  });
}

/** Reads rows; `get` is where a transaction sees its own writes first. */
class LevelReader implements Reader {
  protected readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  protected async get(key: string): Promise<Uint8Array | undefined> {
    return this.database.get(key);
  }

  async #row<D extends DescMessage>(schema: D, key: string): Promise<MessageShape<D> | undefined> {
    const bytes = await this.get(key);
    return bytes === undefined ? undefined : fromBinary(schema, bytes);
  }

  /** Many rows at once; it does not see what a commit has not written yet. */
  async #rows<D extends DescMessage>(
    schema: D,
    rowKeys: string[],
  ): Promise<(MessageShape<D> | undefined)[]> {
    const found = await this.database.getMany(rowKeys);
    return found.map((bytes) => bytes && fromBinary(schema, bytes));
  }

  async #page<D extends DescMessage>(
    schema: D,
    range: KeyRange,
    limit: number,
  ): Promise<{ key: string; row: MessageShape<D> }[]> {
    const entries = await this.database.iterator({ ...range, limit }).all();
    return entries.map(([key, bytes]) => ({ key, row: fromBinary(schema, bytes) }));
  }

  task = (id: string): Promise<TaskRow | undefined> => this.#row(TaskRowSchema, keys.task(id));

  async tasks(after: string, limit: number): Promise<TaskRow[]> {
    const page = await this.#page(TaskRowSchema, from('task!', keys.task(after)), limit);
    return page.map(({ row }) => row);
  }

  run = (key: RunKey): Promise<RunRow | undefined> => this.#row(RunRowSchema, keys.run(key));

  async runs(task: string, after: number, limit: number): Promise<RunRow[]> {
    const range = from(`run!${task}!`, keys.run({ task, run: after }));
    return (await this.#page(RunRowSchema, range, limit)).map(({ row }) => row);
  }

  async openRuns(): Promise<RunKey[]> {
    const found = await this.database.keys(under('open-run!')).all();
    return found.map((key) => ({ task: key.split('!')[1]!, run: lastNumber(key) }));
  }

  batch = (key: BatchKey): Promise<BatchRow | undefined> =>
    this.#row(BatchRowSchema, keys.batch(key));

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
    const found = await this.database.keys({ ...from(parent(start), start), limit }).all();
    return found.map(lastNumber);
  }

  async leasedBatches(run: RunKey): Promise<number[]> {
    const range = under(parent(keys.leasedBatch({ ...run, batch: 0 })));
    return (await this.database.keys(range).all()).map(lastNumber);
  }

  async ledger(task: string, paths: readonly string[]): Promise<(LedgerRow | undefined)[]> {
    if (paths.length === 0) return [];
    const iterator = this.database.iterator({
      gte: keys.ledger(task, paths[0]!),
      lte: keys.ledger(task, paths.at(-1)!),
    });
    try {
      const prefix = keys.ledger(task, '').length;
      const found = await mergeLedger(paths.map(pathKey), async () => {
        const entries = await iterator.nextv(iteratorRows);
        return entries.map(([key, bytes]) => [key.slice(prefix), bytes] as const);
      });
      return found.map((bytes) => bytes && fromBinary(LedgerRowSchema, bytes));
    } finally {
      await iterator.close();
    }
  }

  async firstMigrated(task: string, itemPath: string) {
    const key = keys.ledger(task, itemPath);
    // What is below a path comes right after it, since nothing is below the separator.
    const range = { gte: key, lt: `${key}\x01`, limit: 1 };
    const [entry] = await this.database.iterator(range).all();
    if (entry === undefined) return undefined;
    const found = keyPath(entry[0].slice(keys.ledger(task, '').length));
    return { path: found, row: fromBinary(LedgerRowSchema, entry[1]) };
  }

  names = (task: string, paths: readonly string[]): Promise<(NameRow | undefined)[]> =>
    this.#rows(NameRowSchema, paths.map((one) => keys.name(task, one))); // prettier-ignore

  agent = (id: string): Promise<AgentRow | undefined> => this.#row(AgentRowSchema, keys.agent(id));

  async agents(after: string, limit: number): Promise<AgentRow[]> {
    const page = await this.#page(AgentRowSchema, from('agent!', keys.agent(after)), limit);
    return page.map(({ row }) => row);
  }

  joinToken = (hash: string): Promise<JoinTokenRow | undefined> =>
    this.#row(JoinTokenRowSchema, keys.joinToken(hash));
  request = (id: string): Promise<RequestRow | undefined> =>
    this.#row(RequestRowSchema, keys.request(id));
  settings = (): Promise<SettingsRow | undefined> => this.#row(SettingsRowSchema, keys.settings);
}

/** The keys under `prefix` that come after `start`. */
function from(prefix: string, start: string): KeyRange {
  return { gt: start, lt: under(prefix).lt };
}

/** A key without its last part, with the separator. */
function parent(key: string): string {
  return key.slice(0, key.lastIndexOf('!') + 1);
}

class LevelTransaction extends LevelReader implements Transaction {
  /** What the commit will write; undefined deletes. */
  readonly writes = new Map<string, Uint8Array | undefined>();

  protected override async get(key: string): Promise<Uint8Array | undefined> {
    return this.writes.has(key) ? this.writes.get(key) : this.database.get(key);
  }

  #put<D extends DescMessage>(schema: D, key: string, row: MessageShape<D>): void {
    this.writes.set(key, toBinary(schema, row));
  }

  #index(key: string, stands: boolean): void {
    this.writes.set(key, stands ? nothing : undefined);
  }

  putTask(id: string, row: TaskRow): void {
    this.#put(TaskRowSchema, keys.task(id), row);
  }

  async isBeingDeleted(id: string): Promise<boolean> {
    return (await this.get(keys.deletedTask(id))) !== undefined;
  }

  deleteTask(id: string): void {
    this.writes.set(keys.task(id), undefined);
    this.writes.set(keys.deletedTask(id), nothing);
  }

  putRun(key: RunKey, row: RunRow): void {
    this.#put(RunRowSchema, keys.run(key), row);
    this.#index(keys.openRun(key), isRunOpen(row.run!.state));
  }

  putBatch(key: BatchKey, row: BatchRow): void {
    this.#put(BatchRowSchema, keys.batch(key), row);
    const { state } = row.lease!;
    this.#index(keys.pendingBatch(key, row.phase), state === LeaseState.PENDING);
    this.#index(keys.leasedBatch(key), state === LeaseState.LEASED);
  }

  putBatchItems(key: BatchKey, items: Uint8Array): void {
    this.writes.set(keys.batchItems(key), items);
  }

  putBatchResults(key: BatchKey, results: Uint8Array): void {
    this.writes.set(keys.batchResults(key), results);
  }

  putLedger(task: string, itemPath: string, row: LedgerRow): void {
    this.#put(LedgerRowSchema, keys.ledger(task, itemPath), row);
  }

  putName(task: string, itemPath: string, row: NameRow): void {
    this.#put(NameRowSchema, keys.name(task, itemPath), row);
  }

  putAgent(id: string, row: AgentRow): void {
    this.#put(AgentRowSchema, keys.agent(id), row);
  }

  putJoinToken(secretHash: string, row: JoinTokenRow): void {
    this.#put(JoinTokenRowSchema, keys.joinToken(secretHash), row);
  }

  putRequest(id: string, row: RequestRow): void {
    this.#put(RequestRowSchema, keys.request(id), row);
  }

  putSettings(row: SettingsRow): void {
    this.#put(SettingsRowSchema, keys.settings, row);
  }
}

class LevelStore extends LevelReader implements Store {
  /** Settles when the commits before are done; never rejects. */
  #last: Promise<unknown> = Promise.resolve();

  commit<T>(change: (transaction: Transaction) => Promise<T> | T): Promise<T> {
    const mine = this.#last.then(() => this.#commitAlone(change));
    this.#last = mine.catch(() => undefined);
    return mine;
  }

  async #commitAlone<T>(change: (transaction: Transaction) => Promise<T> | T): Promise<T> {
    const transaction = new LevelTransaction(this.database);
    const result = await change(transaction);
    if (transaction.writes.size === 0) return result;
    const batch = this.database.batch();
    for (const [key, value] of transaction.writes) {
      if (value === undefined) batch.del(key);
      else batch.put(key, value);
    }
    await batch.write({ sync: true });
    return result;
  }

  async sweep(nowMs: number): Promise<void> {
    await this.#sweepDeletedTasks();
    await this.#sweepOld('request!', nowMs - requestMemoryMs, (bytes) =>
      timestampMs(fromBinary(RequestRowSchema, bytes).createTime!),
    );
    await this.#sweepOld('join-token!', nowMs - joinTokenMemoryMs, (bytes) =>
      timestampMs(fromBinary(JoinTokenRowSchema, bytes).expireTime!),
    );
  }

  /** Rows whose time is before `beforeMs`; one at a time, since there are few. */
  async #sweepOld(
    prefix: string,
    beforeMs: number,
    timeMs: (bytes: Uint8Array) => number,
  ): Promise<void> {
    for await (const [key, bytes] of this.database.iterator(under(prefix)))
      if (timeMs(bytes) < beforeMs) await this.database.del(key);
  }

  async #sweepDeletedTasks(): Promise<void> {
    for await (const key of this.database.keys(under('deleted!'))) {
      const task = key.slice(key.indexOf('!') + 1);
      for (const range of taskRanges(task)) await this.database.clear(range);
      await this.database.del(key, { sync: true });
    }
  }

  async close(): Promise<void> {
    await this.#last;
    await this.database.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
