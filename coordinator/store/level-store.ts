// The store on LevelDB. LevelDB has no isolation, so changes are made one at a time; each commit is part of one synced write, and rows and
// their index rows share it.
import { fromBinary } from '@bufbuild/protobuf';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import {
  AccessTokenRowSchema,
  JoinTokenRowSchema,
  RequestRowSchema,
} from '../../gen/drover/store/v1/rows_pb.ts';
import type { KnownEntry, Verdict } from './audit-chain.ts';
import type { Observer } from '../observer.ts';
import { CommitQueue, type CommitWriter } from './commit-queue.ts';
import { copyRows, type CopiedRows } from './copy-rows.ts';
import { keys, runRanges, taskRanges, under, type KeyRange } from './keys.ts';
import { KnownRows } from './known-rows.ts';
import { LedgerAhead } from './ledger-ahead.ts';
import { LevelReader, type OpenedStore } from './level-reader.ts';
import { LevelTransaction } from './level-transaction.ts';
import { encodeNumber, openDatabase, readNumber, storeFormat } from './open-database.ts';
import { SafeWriter, type Writes } from './safe-writer.ts';
import { damagedStore } from './store-errors.ts';
import { damagedTables } from './store-files.ts';
import { verifyAudit } from './verify-audit.ts';
import {
  accessTokenMemoryMs,
  joinTokenMemoryMs,
  requestMemoryMs,
  type Begun,
  type Store,
  type Transaction,
} from './store.ts';

/** How many rows are removed at once; commits go on in between. */
const sweepRows = 1000;

/** A store that can be copied while it is used. */
export interface CopyableStore extends Store {
  /**
   * Copies all rows, as they are at one moment, into a new store in `folder`. Throws what the signal was aborted with, INVALID_ARGUMENT when
   * a file of this store is damaged, and what LevelDB says when the disk is full.
   */
  copyTo(folder: string, signal?: AbortSignal): Promise<CopiedRows>;
}

/**
 * Opens the store in `folder`; without `make: false` it is made when it is missing. Throws DATA_FOLDER_LOCKED when another process has it
 * open, and INVALID_ARGUMENT that says what to do when it is damaged or newer than this program.
 */
export async function openLevelStore(
  folder: string,
  {
    make = true,
    observer,
  }: { make?: boolean; observer?: Pick<Observer, 'wrote'> | undefined } = {},
): Promise<CopyableStore> {
  const database = await openDatabase(folder, { make });
  const store = new LevelStore({
    database,
    folder,
    generationBase: (await readNumber(database, keys.generationBase)) ?? 0,
    known: new KnownRows(),
    ahead: new LedgerAhead(),
    observer,
  });
  try {
    await store.writeFormat();
  } catch (error) {
    await store.close();
    throw error;
  }
  return store;
}

class LevelStore extends LevelReader implements CopyableStore {
  readonly #queue: CommitQueue;

  constructor(opened: OpenedStore & { observer: Pick<Observer, 'wrote'> | undefined }) {
    super(opened);
    const writer = knowing(new SafeWriter(opened.database, opened.folder), opened.known);
    this.#queue = new CommitQueue(
      opened.observer === undefined ? writer : observed(writer, opened.observer),
    );
  }

  /** Says which format the store has, where it does not say so yet. */
  async writeFormat(): Promise<void> {
    if ((await readNumber(this.database, keys.format)) !== undefined) return;
    await this.#put(new Map([[keys.format, encodeNumber(storeFormat)]]));
  }

  commit<T>(change: (transaction: Transaction) => Promise<T> | T): Promise<T> {
    return this.#queue.commit(() => this.#make(change));
  }

  begin<T>(change: (transaction: Transaction) => Promise<T> | T): Promise<Begun<T>> {
    return this.#queue.begin(() => this.#make(change));
  }

  async #make<T>(change: (transaction: Transaction) => Promise<T> | T) {
    const transaction = new LevelTransaction(this.opened, this.#queue);
    const result = await change(transaction);
    return { result, writes: transaction.writes };
  }

  async copyTo(folder: string, signal?: AbortSignal): Promise<CopiedRows> {
    // LevelDB hands out a block that has changed as long as it can be taken apart, and a copy of it would look whole.
    for await (const { file, words } of damagedTables(this.opened.folder))
      throw damagedStore(this.opened.folder, `${file}: ${words}`);
    return this.read(copyRows(this.database, folder, signal));
  }

  verifyAudit(known?: KnownEntry, signal?: AbortSignal): Promise<Verdict> {
    return this.read(verifyAudit(this.database, known, signal));
  }

  withFinish(finish: Finish): Store {
    return new FinishingStore(this, this.opened, finish);
  }

  async sweep(nowMs: number): Promise<void> {
    await this.#sweepDeleted('deleted!', taskRanges);
    await this.#sweepDeleted('deleted-runs!', runRanges);
    await this.#sweepOld('request!', nowMs - requestMemoryMs, (bytes) =>
      timestampMs(fromBinary(RequestRowSchema, bytes).createTime!),
    );
    await this.#sweepOld('join-token!', nowMs - joinTokenMemoryMs, (bytes) =>
      timestampMs(fromBinary(JoinTokenRowSchema, bytes).expireTime!),
    );
    await this.#sweepOld('access-token!', nowMs - accessTokenMemoryMs, (bytes) =>
      timestampMs(fromBinary(AccessTokenRowSchema, bytes).accessToken!.expireTime!),
    );
  }

  /** Rows whose time is before `beforeMs`; one at a time, since there are few. */
  async #sweepOld(
    prefix: string,
    beforeMs: number,
    timeMs: (bytes: Uint8Array) => number,
  ): Promise<void> {
    for await (const [key, bytes] of this.database.iterator(under(prefix)))
      if (timeMs(bytes) < beforeMs) await this.#remove([key]);
  }

  /** The mark of a task goes last, so that what a crash left is found again. */
  async #sweepDeleted(marks: string, ranges: (task: string) => KeyRange[]): Promise<void> {
    for await (const key of this.database.keys(under(marks))) {
      const task = key.slice(key.indexOf('!') + 1);
      for (const range of ranges(task)) {
        await using iterator = this.database.keys(range);
        for (
          let found = await iterator.nextv(sweepRows);
          found.length > 0;
          found = await iterator.nextv(sweepRows)
        )
          // oxfmt-ignore
          await this.#remove(found);
      }
      await this.#remove([key]);
    }
  }

  #remove(rowKeys: readonly string[]): Promise<void> {
    return this.#put(new Map(rowKeys.map((key) => [key, undefined])));
  }

  async #put(writes: Writes): Promise<void> {
    await this.#queue.commit(async () => ({ result: undefined, writes }));
  }

  async close(): Promise<void> {
    await this.#queue.idle();
    await this.database.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** The writer, with what it writes known from then on. */
function knowing(writer: CommitWriter, known: KnownRows): CommitWriter {
  return {
    mend: () => writer.mend(),
    write: async (writes) => {
      try {
        await writer.write(writes);
      } catch (error) {
        known.clear();
        throw error;
      }
      known.wrote(writes);
    },
  };
}

/** The writer, with what it does told. */
function observed(writer: CommitWriter, observer: Pick<Observer, 'wrote'>): CommitWriter {
  return {
    mend: () => writer.mend(),
    write: async (writes) => {
      const startMs = performance.now();
      await writer.write(writes);
      observer.wrote(writes.size, performance.now() - startMs);
    },
  };
}

type Finish = (transaction: Transaction) => Promise<void>;

/** Another store's rows, with commits that end in a way of their own. */
class FinishingStore extends LevelReader implements Store {
  readonly #store: Store;
  readonly #finish: Finish;

  constructor(store: Store, opened: OpenedStore, finish: Finish) {
    super(opened);
    this.#store = store;
    this.#finish = finish;
  }

  commit<T>(change: (transaction: Transaction) => Promise<T> | T): Promise<T> {
    return this.#store.commit(this.#finished(change));
  }

  begin<T>(change: (transaction: Transaction) => Promise<T> | T): Promise<Begun<T>> {
    return this.#store.begin(this.#finished(change));
  }

  #finished<T>(change: (transaction: Transaction) => Promise<T> | T) {
    return async (transaction: Transaction): Promise<T> => {
      const result = await change(transaction);
      await this.#finish(transaction);
      return result;
    };
  }

  withFinish = (finish: Finish): Store => new FinishingStore(this, this.opened, finish);
  sweep = (nowMs: number): Promise<void> => this.#store.sweep(nowMs);
  verifyAudit = (known?: KnownEntry, signal?: AbortSignal): Promise<Verdict> =>
    this.#store.verifyAudit(known, signal);
  close = (): Promise<void> => this.#store.close();

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
