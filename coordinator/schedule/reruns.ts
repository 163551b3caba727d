// Runs that begin by themselves to try again what failed, for tasks whose settings want that. What has to be known is in the rows of the runs: how
// often it may be tried again, and how often it was. So what was missed while no coordinator ran is found when one starts.
import { RetryPolicy } from '../../gen/drover/v1/annotations_pb.ts';
import { ItemState } from '../../gen/drover/v1/item_pb.ts';
import { RunState } from '../../gen/drover/v1/run_pb.ts';
import type { RunRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import { reasonInfo } from '../../lib/error.ts';
import type { Logger } from '../../lib/log.ts';
import type { Clock } from '../../lib/time.ts';
import { itemRows } from '../report/item-rows.ts';
import { readBatch } from '../report/read-batch.ts';
import type { Reader, RunKey } from '../store/store.ts';
import { parseTaskName, runName, taskName } from '../task/names.ts';

/** What failed for a reason that passes gets so long to pass. */
export const rerunPauseMs = 60_000;
const tasksRead = 1000;
const headersRead = 200;

export interface RerunsParts {
  store: Reader;
  clock: Clock;
  log: Logger;
  /** Starts a run that tries again what failed in this one, if it is still the latest of its task. */
  start: (run: RunKey, signal: AbortSignal) => Promise<{ name: string }>;
}

export class Reruns {
  readonly #parts: RerunsParts;
  readonly #closing = new AbortController();
  /** By the task: ends the wait for its next run. */
  readonly #waiting = new Map<string, () => void>();
  /** One after the other: what failed in a run may be a lot to read. */
  #turn: Promise<void> = Promise.resolve();

  constructor(parts: RerunsParts) {
    this.#parts = parts;
  }

  /** Looks at the latest run of every task, in the background. */
  load(): void {
    this.#turn = this.#turn
      .then(() => this.#loadAll())
      .catch((error: unknown) => this.#fail('', error));
  }

  async #loadAll(): Promise<void> {
    const { store } = this.#parts;
    for (let after = ''; ;) {
      const rows = await store.tasks(after, tasksRead);
      for (const row of rows) {
        after = parseTaskName(row.task!.name, 'name');
        const run = await store.run({ task: after, run: row.latestRun });
        if (run !== undefined && mayBeRerun(run)) this.runEnded(after);
      }
      if (rows.length < tasksRead) return;
    }
  }

  /** A run of the task has ended. */
  runEnded(task: string): void {
    this.#turn = this.#turn.then(() => this.#consider(task)).catch((error: unknown) => this.#fail(task, error)); // oxfmt-ignore
  }

  /** Starts no more runs; resolves when nothing is looked at any more. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort();
    for (const cancel of this.#waiting.values()) cancel();
    await this.#turn;
  }

  async #consider(task: string): Promise<void> {
    const { store, clock, log } = this.#parts;
    if (this.#closing.signal.aborted) return;
    const row = await store.task(task);
    const key = { task, run: row?.latestRun ?? 0 };
    const run = await store.run(key);
    if (run === undefined || !mayBeRerun(run)) return;
    if (!(await canHelp(store, key))) {
      log.info({ run: runName(key) }, 'nothing failed in the run that another try could help: it is not run again by itself'); // oxfmt-ignore
      return;
    }
    if (this.#closing.signal.aborted) return;
    this.#waiting.get(task)?.();
    this.#waiting.set(task, clock.after(rerunPauseMs, () => this.#begin(key))); // oxfmt-ignore
  }

  #begin(key: RunKey): void {
    this.#waiting.delete(key.task);
    const { start, log } = this.#parts;
    const began = async () => {
      if (this.#closing.signal.aborted) return;
      const { name } = await start(key, this.#closing.signal);
      log.info({ run: name, retried: runName(key) }, 'run started by itself to try again what failed'); // oxfmt-ignore
    };
    this.#turn = this.#turn.then(began).catch((error: unknown) => this.#fail(key.task, error));
  }

  /** Somebody may have run or deleted the task meanwhile; then there is nothing to do. */
  #fail(task: string, error: unknown): void {
    if (!this.#closing.signal.aborted) this.#parts.log.warn({ err: error, task: taskName(task) }, 'what failed in the task is not tried again by itself'); // oxfmt-ignore
  }
}

/** Whether the run ended with failures, and its settings allow one more try. */
function mayBeRerun({ run }: RunRow): boolean {
  const { state, scanOnly, settings, automaticRerun } = run!;
  const isFailed = state === RunState.SUCCEEDED_WITH_FAILURES && !scanOnly;
  return isFailed && automaticRerun < (settings?.automaticReruns ?? 0);
}

/** Whether something failed in a run for a reason that another try may find gone. */
async function canHelp(store: Reader, run: RunKey): Promise<boolean> {
  for (let after = 0; ;) {
    const headers = await store.batches(run, after, headersRead);
    for (const { batch, row } of headers) {
      after = batch;
      // What is gone from the source cannot be scanned again.
      const isGone = row.phase === BatchPhase.GONE || row.phase === BatchPhase.GONE_FOLDERS;
      if (isGone || row.failedItems === 0) continue;
      const rows = itemRows(await readBatch(store, { ...run, batch }, row), 0);
      for (const { item } of rows)
        if (item.state === ItemState.FAILED && reasonInfo(item.reason).retry !== RetryPolicy.NEVER)
          return true;
    }
    if (headers.length < headersRead) return false;
  }
}
