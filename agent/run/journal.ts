// What the agent must not forget when its process dies: which batches it had begun, and the results that the coordinator has
// not yet acknowledged. The only door to LevelDB in the agent; its lock also keeps a second agent out of the data folder.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Level } from 'level';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import {
  BatchDoneSchema,
  BatchLeaseSchema,
  LeaseKeySchema,
  WriteNoteSchema,
  type BatchDone,
  type BatchLease,
  type LeaseKey,
  type WriteNote,
} from '../../gen/drover/v1/session_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { SealedBox } from '../../lib/sealed-box.ts';
import type { ItemUpload } from '../pool/jobs.ts';

/** What an earlier process left behind. */
export interface JournalContents {
  /** Results that were not acknowledged. */
  results: BatchDone[];
  /** Batches that were begun and have no result: their work died with the process. */
  unfinished: UnfinishedBatch[];
  /** Notes of writes that were not acknowledged. */
  notes: WriteNote[];
}

export interface UnfinishedBatch {
  lease: BatchLease;
  /** What it holds open at the destination. */
  uploads: ItemUpload[];
}

/** Changes take effect in the order of the calls. */
export interface Journal extends AsyncDisposable {
  contents(): Promise<JournalContents>;
  /** Resolves when the lease is on the disk: from then on its half-written files are found again. */
  recordLease(lease: BatchLease): Promise<void>;
  /** Resolves when the result is on the disk. */
  saveResult(result: BatchDone): Promise<void>;
  /**
   * Resolves when what is open of an item is kept; undefined: nothing any more. `survivesPowerLoss` costs a forced write;
   * without it only the death of the process is survived, and what is lost then is a wait until the upload ends by itself.
   */
  keepUpload(
    key: LeaseKey,
    index: number,
    upload: ItemUpload | undefined,
    survivesPowerLoss: boolean,
  ): Promise<void>;
  /** Resolves when the note is kept; the death of the process is survived. Notes outlive their leases. */
  keepNote(note: WriteNote): Promise<void>;
  forgetNote(number: bigint): Promise<void>;
  /** Seals all that is sealed here anew, in one step, and answers how much that is. What `box` does not open stays as it is. */
  reseal(box: SealedBox): Promise<number>;
  /** Deletes the lease, what it held open, and its result. */
  forget(key: LeaseKey): Promise<void>;
  /** Idempotent; changes that were asked for before are made. */
  close(): Promise<void>;
}

type Database = Level<string, Uint8Array>;

/**
 * Opens the journal in this folder and makes it if need be; `box` seals the secrets in it. Throws DATA_FOLDER_LOCKED when another
 * process has it open.
 */
export async function openJournal(folder: string, box: SealedBox): Promise<Journal> {
  const database: Database = new Level(folder, { valueEncoding: 'view' });
  try {
    await database.open();
  } catch (cause) {
    throw openError(folder, cause);
  }
  return new LevelJournal(database, box);
}

class LevelJournal implements Journal {
  readonly #database: Database;
  readonly #box: SealedBox;
  /** Leases that something is kept open of, so that forgetting the others needs no look. */
  readonly #holding = new Set<string>();
  #last: Promise<unknown> = Promise.resolve();
  /** A write has failed. */
  #isTorn = false;

  constructor(database: Database, box: SealedBox) {
    this.#database = database;
    this.#box = box;
  }

  async contents(): Promise<JournalContents> {
    const results: BatchDone[] = [];
    const unfinished: UnfinishedBatch[] = [];
    for await (const value of this.#database.values(range('result')))
      results.push(fromBinary(BatchDoneSchema, value));
    const finished = new Set(results.map((result) => keyText(result.key)));
    for await (const value of this.#database.values(range('lease'))) {
      const lease = fromBinary(BatchLeaseSchema, value);
      if (finished.has(keyText(lease.key))) continue;
      unfinished.push({ lease, uploads: await this.#uploads(keyText(lease.key)) });
    }
    const notes: WriteNote[] = [];
    for await (const value of this.#database.values(range('note')))
      notes.push(fromBinary(WriteNoteSchema, value));
    return { results, unfinished, notes };
  }

  async #uploads(lease: string): Promise<ItemUpload[]> {
    const uploads: ItemUpload[] = [];
    for await (const value of this.#database.values(range(`upload!${lease}`))) {
      this.#holding.add(lease);
      const bytes = this.#box.open(value);
      // Sealed with a key that is gone: then it is open until it ends by itself.
      if (bytes !== undefined) uploads.push(decodeUpload(bytes));
    }
    return uploads;
  }

  recordLease(lease: BatchLease): Promise<void> {
    const value = toBinary(BatchLeaseSchema, lease);
    return this.#inOrder(() =>
      this.#database.put(`lease!${keyText(lease.key)}`, value, { sync: true }),
    );
  }

  saveResult(result: BatchDone): Promise<void> {
    const value = toBinary(BatchDoneSchema, result);
    return this.#inOrder(() =>
      this.#database.put(`result!${keyText(result.key)}`, value, { sync: true }),
    );
  }

  keepUpload(
    key: LeaseKey,
    index: number,
    upload: ItemUpload | undefined,
    survivesPowerLoss: boolean,
  ): Promise<void> {
    const lease = keyText(key);
    const place = `upload!${lease}!${index}`;
    this.#holding.add(lease);
    return this.#inOrder(
      () =>
      upload === undefined
        ? this.#database.del(place)
        : this.#database.put(place, this.#box.seal(encodeUpload(upload)), { sync: survivesPowerLoss }), // oxfmt-ignore
    );
  }

  keepNote(note: WriteNote): Promise<void> {
    const value = toBinary(WriteNoteSchema, note);
    return this.#inOrder(() => this.#database.put(`note!${note.number}`, value));
  }

  forgetNote(number: bigint): Promise<void> {
    return this.#inOrder(() => this.#database.del(`note!${number}`));
  }

  async reseal(box: SealedBox): Promise<number> {
    let count = 0;
    await this.#inOrder(async () => {
      const changes: { type: 'put'; key: string; value: Uint8Array }[] = [];
      for await (const [key, value] of this.#database.iterator(range('upload'))) {
        const bytes = box.open(value);
        if (bytes !== undefined) changes.push({ type: 'put', key, value: box.seal(bytes) });
      }
      await this.#database.batch(changes, { sync: true });
      count = changes.length;
    });
    return count;
  }

  // Not synced: what comes back after a power failure is sent once more, and answered with a revocation.
  forget(key: LeaseKey): Promise<void> {
    const text = keyText(key);
    const held = this.#holding.delete(text);
    return this.#inOrder(async () => {
      if (held) await this.#database.clear(range(`upload!${text}`));
      await this.#database.batch([
        { type: 'del', key: `lease!${text}` },
        { type: 'del', key: `result!${text}` },
      ]);
    });
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#database.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  // LevelDB runs calls that overlap in any order, and a delete must not overtake the put it follows.
  #inOrder(change: () => Promise<void>): Promise<void> {
    const result = this.#last.then(() => this.#change(change));
    this.#last = result.catch(() => undefined);
    return result;
  }

  /**
   * A write that fails, as on a full disk, leaves a part of itself in LevelDB's log, which goes on behind it; whoever opens the journal again
   * reads up to that part only, and what was taken since would be gone. So nothing is taken behind it: the journal is opened anew first, with
   * another log. What failed may be there all the same, and does no harm: it is what was to be there.
   */
  async #change(change: () => Promise<void>): Promise<void> {
    if (this.#isTorn) {
      await this.#database.close();
      await this.#database.open();
      this.#isTorn = false;
    }
    try {
      await change();
    } catch (error) {
      this.#isTorn = true;
      throw error;
    }
  }
}

/** A lease's id and generation as one text, the same for keys that mean the same. */
export function keyText(key: LeaseKey | undefined): string {
  const { lease, generation } = key ?? create(LeaseKeySchema);
  return `${lease}!${generation}`;
}

function range(prefix: string): { gt: string; lt: string } {
  return { gt: `${prefix}!`, lt: `${prefix}"` };
}

function encodeUpload({ modifiedNs, changedNs, ...rest }: ItemUpload): Uint8Array {
  const plain = { ...rest, modifiedNs: String(modifiedNs), changedNs: String(changedNs) };
  return Buffer.from(JSON.stringify(plain));
}

function decodeUpload(bytes: Uint8Array): ItemUpload {
  const plain = JSON.parse(Buffer.from(bytes).toString('utf8')) as {
    index: number;
    url: string;
    size: number;
    modifiedNs: string;
    changedNs: string;
  };
  const { index, url, size } = plain;
  return { index, url, size, modifiedNs: BigInt(plain.modifiedNs), changedNs: BigInt(plain.changedNs) }; // oxfmt-ignore
}

function openError(folder: string, cause: unknown): DroverError {
  const metadata = { folder };
  const inner =
    cause instanceof Error ? (cause.cause as NodeJS.ErrnoException | undefined) : undefined;
  if (inner?.code === 'LEVEL_LOCKED')
    return new DroverError(
      ErrorReason.DATA_FOLDER_LOCKED,
      `the journal ${folder} is in use by another agent`,
      { cause, metadata },
    );
  const description = `the journal ${folder} cannot be opened: ${inner?.message ?? String(cause)}`;
  return DroverError.invalid('--data', description, cause);
}
