// Reads everything in a store and says what is wrong with it. Repairs nothing.
import {
  BatchRowSchema,
  FileIdRowSchema,
  KeptLedgerRowSchema,
  LeaseState,
  LedgerRowSchema,
  NameRowSchema,
  RunRowSchema,
  TaskRowSchema,
  WebhookRowSchema,
  type BatchRow,
  type KeptLedgerRow,
  type RunRow,
  type TaskRow,
} from '../../gen/drover/store/v1/rows_pb.ts';
import { BatchItemsSchema, BatchResultsSchema } from '../../gen/drover/v1/columns_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { isRunOpen } from '../task/run-states.ts';
import { decodeBatchResults } from '../plan/decode-columns.ts';
import { decode, kindOf, problemsOfColumns, problemsOfRow, taskOf } from './check-row.ts';
import { RunTally } from './check-run.ts';
import { isOfLedger, keys, lastNumber, under } from './keys.ts';
import { openDatabase, type Database } from './open-database.ts';
import { readError } from './store-errors.ts';
import { damagedTables } from './store-files.ts';
import { verifyAudit } from './verify-audit.ts';
import type { BatchKey, RunKey } from './store.ts';

/** Something that is not as it should be. */
export interface StoreProblem {
  /** The key of the row, or the file. */
  key: string;
  words: string;
}

/** What there is of a task. */
interface StoredTask {
  id: string;
  row: TaskRow | undefined;
  kept: KeptLedgerRow | undefined;
  /** Rows of it are still being removed. */
  isDeleted: boolean;
}

type Report = (problem: StoreProblem) => void;

/**
 * Checks the store in `folder`; answers with how many rows there are of each kind. Throws what `openDatabase` throws; what is found in a
 * store that can be opened is reported.
 */
export async function checkStore(folder: string, report: Report): Promise<Record<string, number>> {
  await using database = await openDatabase(folder, { make: false });
  for await (const { file, words } of damagedTables(folder)) report({ key: file, words });
  const check = new StoreCheck(database, report);
  try {
    await check.rows();
    await check.runs();
    await check.audit();
  } catch (error) {
    report({ key: folder, words: `not all could be read: ${DroverError.from(readError(folder, error)).message}` }); // oxfmt-ignore
  }
  return check.found;
}

class StoreCheck {
  readonly found: Record<string, number> = {};
  readonly #database: Database;
  readonly #report: Report;
  /** The task that was asked for last, since rows come task by task. */
  #task: StoredTask | undefined;

  constructor(database: Database, report: Report) {
    this.#database = database;
    this.#report = report;
  }

  /** Every row by itself, and whether what it belongs to is there. */
  async rows(): Promise<void> {
    let last = Buffer.alloc(0);
    for await (const [key, bytes] of this.#database.iterator()) {
      const kind = kindOf(key);
      this.found[kind] = (this.found[kind] ?? 0) + 1;
      const current = Buffer.from(key);
      if (Buffer.compare(last, current) >= 0) this.#say(key, 'is not in its place');
      last = current;
      for (const words of problemsOfRow(key, bytes)) this.#say(key, words);
      for (const words of await this.#problemsOfOwner(kind, key, bytes)) this.#say(key, words);
    }
  }

  /** Every run with its batches. */
  async runs(): Promise<void> {
    for await (const [key, bytes] of this.#database.iterator(under('run!'))) {
      const row = decode(RunRowSchema, bytes);
      const task = taskOf(key);
      if (row?.run?.progress === undefined || (await this.#taskOf(task)).isDeleted) continue;
      await this.#run(key, { task, run: lastNumber(key) }, row);
    }
  }

  /** Whether the audit log is whole. */
  async audit(): Promise<void> {
    const { broken } = await verifyAudit(this.#database);
    if (broken !== undefined) this.#say(keys.audit(broken.number), `entry ${broken.number} of the audit log: ${broken.message}`); // oxfmt-ignore
  }

  async #run(key: string, run: RunKey, row: RunRow): Promise<void> {
    const stands = (await this.#database.get(keys.openRun(run))) !== undefined;
    if (stands !== isRunOpen(row.run!.state)) this.#say(key, 'is open or ended, and the index of open runs says otherwise'); // oxfmt-ignore
    const tally = new RunTally(row);
    const prefix = keys.batch({ ...run, batch: 0 }).replace(/\d+$/, '');
    for await (const [batchKey, bytes] of this.#database.iterator(under(prefix))) {
      const batch = decode(BatchRowSchema, bytes);
      if (batch?.lease === undefined) continue;
      const one = { ...run, batch: lastNumber(batchKey) };
      for (const words of await this.#problemsOfBatch(one, batch, tally))
        this.#say(batchKey, words);
    }
    for (const words of tally.finish()) this.#say(key, words);
  }

  async #problemsOfBatch(key: BatchKey, row: BatchRow, tally: RunTally): Promise<string[]> {
    const { state } = row.lease!;
    const [itemBytes, resultBytes, pending, leased] = await this.#database.getMany([
      keys.batchItems(key),
      keys.batchResults(key),
      keys.pendingBatch(key, row.phase),
      keys.leasedBatch(key),
    ]);
    const problems: string[] = [];
    if ((pending !== undefined) !== (state === LeaseState.PENDING))
      problems.push('waits or does not, and the index of pending batches says otherwise');
    if ((leased !== undefined) !== (state === LeaseState.LEASED))
      problems.push('is held or not, and the index of leased batches says otherwise');
    const items = itemBytes && decode(BatchItemsSchema, itemBytes);
    if (items === undefined) return [...problems, 'has no items'];
    const results = resultBytes && decode(BatchResultsSchema, resultBytes, decodeBatchResults);
    problems.push(...problemsOfColumns(items, results));
    problems.push(...tally.add(key.batch, row, items, results));
    return problems;
  }

  async #problemsOfOwner(kind: string, key: string, bytes: Uint8Array): Promise<string[]> {
    switch (kind) {
      case 'run':
      case 'ledger':
      case 'name':
        return this.#problemsOfTask(kind, key, bytes);
      case 'unreported':
        return (await this.#hasLedger(taskOf(key))) ? [] : ['belongs to no task'];
      case 'file-id':
        return (await this.#hasLedger(taskOf(key)))
          ? this.#problemsOfFileId(key, bytes)
          : ['belongs to no task'];
      case 'kept-ledger':
        return (await this.#taskOf(taskOf(key))).row === undefined
          ? []
          : ['is kept, and there is a task of its id'];
      case 'webhook-event':
      case 'webhook-dead':
        return this.#problemsOfEvent(key);
      case 'open-run':
        return this.#missing(key, keys.run(runKeyOf(key)), 'there is no such run');
      case 'readiness':
      case 'batch':
        return this.#missing(key, keys.run(runKeyOf(key)), 'belongs to no run');
      case 'items':
      case 'results':
      case 'leased':
      case 'pending':
        return this.#problemsOfIndex(kind, key);
      default:
        return [];
    }
  }

  async #problemsOfTask(kind: string, key: string, bytes: Uint8Array): Promise<string[]> {
    const { row: task, kept, isDeleted } = await this.#taskOf(taskOf(key));
    if (isDeleted) return [];
    const row = task ?? (isOfLedger(kind) ? kept : undefined);
    if (row === undefined) return ['belongs to no task'];
    const run = kind === 'run' ? lastNumber(key) : runOf(kind, bytes);
    return run > row.latestRun
      ? [`is of run ${run}, and the task's latest is ${row.latestRun}`]
      : [];
  }

  /** The index may lack ids, but what it has leads to a row that has the id. */
  async #problemsOfFileId(key: string, bytes: Uint8Array): Promise<string[]> {
    const id = key.slice(key.lastIndexOf('!') + 1);
    const task = taskOf(key);
    if ((await this.#taskOf(task)).isDeleted) return [];
    const path = decode(FileIdRowSchema, bytes)?.path ?? '';
    const ledger = await this.#database.get(keys.ledger(task, path));
    const row = ledger && decode(LedgerRowSchema, ledger);
    if (row === undefined) return ['leads to a path that has no row in the ledger'];
    return row.fileId === BigInt(id)
      ? []
      : ['leads to a row of the ledger that has another file id'];
  }

  async #problemsOfEvent(key: string): Promise<string[]> {
    const [, id = ''] = key.split('!', 2);
    const bytes = await this.#database.get(keys.webhook(id));
    const row = bytes && decode(WebhookRowSchema, bytes);
    if (row === undefined) return ['belongs to no webhook'];
    return BigInt(lastNumber(key)) > row.lastNumber
      ? [`has a number above ${row.lastNumber}, which is the last that its webhook gave`]
      : [];
  }

  /** Whether there is a task, or what was kept or is being removed of one. */
  async #hasLedger(id: string): Promise<boolean> {
    const { row, kept, isDeleted } = await this.#taskOf(id);
    return row !== undefined || kept !== undefined || isDeleted;
  }

  async #problemsOfIndex(kind: string, key: string): Promise<string[]> {
    if ((await this.#taskOf(taskOf(key))).isDeleted) return [];
    const batch = { ...runKeyOf(key), batch: lastNumber(key) };
    const bytes = await this.#database.get(keys.batch(batch));
    const row = bytes && decode(BatchRowSchema, bytes);
    if (row === undefined) return ['belongs to no batch'];
    // The index of a batch that is there is checked with the batch; but one of another phase is not found there.
    const isOther = kind === 'pending' && key !== keys.pendingBatch(batch, row.phase);
    return isOther ? ['is of another phase than its batch'] : [];
  }

  async #missing(key: string, owner: string, words: string): Promise<string[]> {
    if ((await this.#taskOf(taskOf(key))).isDeleted) return [];
    return (await this.#database.get(owner)) === undefined ? [words] : [];
  }

  async #taskOf(id: string) {
    if (this.#task?.id === id) return this.#task;
    const [bytes, keptBytes, ...marks] = await this.#database.getMany([
      keys.task(id),
      keys.keptLedger(id),
      keys.deletedTask(id),
      keys.deletedRuns(id),
    ]);
    const row = bytes && decode(TaskRowSchema, bytes);
    const kept = keptBytes && decode(KeptLedgerRowSchema, keptBytes);
    return (this.#task = { id, row, kept, isDeleted: marks.some((mark) => mark !== undefined) });
  }

  #say(key: string, words: string): void {
    this.#report({ key, words });
  }
}

function runKeyOf(key: string): RunKey {
  const [, task = '', run] = key.split('!', 3);
  return { task, run: Number(run) };
}

/** The run that a row of the ledger or of a name is of. */
function runOf(kind: string, bytes: Uint8Array): number {
  return decode(kind === 'name' ? NameRowSchema : LedgerRowSchema, bytes)?.run ?? 0;
}
