// Starts the runs of tasks that have a schedule, when they are due. What is due is kept in memory; what was done about it stands in the
// task's row, in the same commit as the run, so that no due time is run twice and none is forgotten.
import { RetryPolicy } from '../../gen/drover/v1/annotations_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import type { TaskRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { DroverError, reasonInfo } from '../../lib/error.ts';
import type { Logger } from '../../lib/log.ts';
import type { Clock } from '../../lib/time.ts';
import type { Store } from '../store/store.ts';
import { parseTaskName, taskName } from '../task/names.ts';
import { DueList } from './due-list.ts';
import { judge, movedOn, nextRunMs, skippedRun } from './schedule-row.ts';

/** How many runs are started at once: many tasks are due at the same minute, and each may have to wait for an agent's look. */
const startsMax = 8;
/** The longest wait between two looks at the clock, which somebody may have set, or which stood still with its machine. */
const waitMsMax = 60_000;
/** When it is tried again to start a run that could not be started for a reason that passes. */
const retryMs = 60_000;
const tasksRead = 1000;

export interface SchedulerParts {
  store: Store;
  clock: Clock;
  log: Logger;
  /** Starts a run as RunTask does, and changes the task's row in the same commit; what `change` throws is passed on. */
  startRun: (
    task: string,
    change: (row: TaskRow) => TaskRow,
    signal: AbortSignal,
  ) => Promise<{ name: string }>;
  /** Told of a task that was changed, though no run of it was started. */
  onChange: (task: string) => void;
}

export interface Scheduler {
  /** A commit set when a task is run by itself next; undefined: that will not be. */
  taskChanged(task: string, nextRunMs: number | undefined): void;
  /** Starts no more runs; resolves when those that are being started are, or are not. Idempotent. */
  close(): Promise<void>;
}

/** Reads which tasks have a schedule, and begins with what became due while nobody looked. */
export async function openScheduler(parts: SchedulerParts): Promise<Scheduler> {
  const scheduler = new StoredScheduler(parts);
  await scheduler.load();
  return scheduler;
}

/** Thrown inside a commit to leave everything as it is: somebody changed the task meanwhile. */
class NotDueError extends Error {}

class StoredScheduler implements Scheduler {
  readonly #parts: SchedulerParts;
  readonly #due = new DueList();
  readonly #starting = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  #cancelWait: () => void = () => {};

  constructor(parts: SchedulerParts) {
    this.#parts = parts;
  }

  async load(): Promise<void> {
    const { store } = this.#parts;
    for (let after = ''; ;) {
      const rows = await store.tasks(after, tasksRead);
      for (const row of rows) {
        after = parseTaskName(row.task!.name, 'name');
        this.#due.set(after, nextRunMs(row));
      }
      if (rows.length < tasksRead) break;
    }
    this.#pump();
  }

  taskChanged(task: string, nextMs: number | undefined): void {
    this.#due.set(task, nextMs);
    this.#pump();
  }

  async close(): Promise<void> {
    this.#cancelWait();
    this.#closing.abort();
    await Promise.all(this.#starting);
  }

  /** Starts what is due, as far as there is room, and waits for what is next. */
  #pump(): void {
    this.#cancelWait();
    if (this.#closing.signal.aborted) return;
    const { clock } = this.#parts;
    while (this.#starting.size < startsMax) {
      const entry = this.#due.take(clock.now());
      if (entry === undefined) break;
      const start = this.#fire(entry.task).finally(() => {
        this.#starting.delete(start);
        this.#pump();
      });
      this.#starting.add(start);
    }
    const { nextMs } = this.#due;
    if (nextMs === undefined || this.#starting.size === startsMax) return;
    const waitMs = Math.min(Math.max(0, nextMs - clock.now()), waitMsMax);
    this.#cancelWait = clock.after(waitMs, () => this.#pump());
  }

  /** Does what a task asks for now; never rejects. */
  async #fire(task: string): Promise<void> {
    const { clock, log } = this.#parts;
    const nowMs = clock.now();
    let nextMs: number | undefined;
    try {
      nextMs = await this.#runDue(task, nowMs);
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      log.error({ err: error, task: taskName(task) }, 'a run that is due cannot be started; it is tried again in a minute'); // oxfmt-ignore
      nextMs = nowMs + retryMs;
    }
    // Somebody may have set another time meanwhile, which is newer.
    if (!this.#due.has(task)) this.#due.set(task, nextMs);
  }

  /** Answers with when the task is to be looked at next. Throws what may pass. */
  async #runDue(task: string, nowMs: number): Promise<number | undefined> {
    const row = await this.#parts.store.task(task);
    if (row === undefined) return undefined;
    const verdict = judge(row, nowMs);
    if (verdict.kind === 'none') return nextRunMs(row);
    if (verdict.kind === 'late')
      return this.#skip(task, nowMs, 'no coordinator was running at that time or in the hour after it'); // oxfmt-ignore
    try {
      return await this.#start(task, nowMs, verdict.dueMs);
    } catch (error) {
      if (error instanceof NotDueError) return nowMs;
      const { reason, message, metadata } = DroverError.from(error);
      const passes = reasonInfo(reason).retry === RetryPolicy.AUTOMATIC;
      if (passes || reason === ErrorReason.INTERNAL || this.#closing.signal.aborted) throw error;
      const isGoing = reason === ErrorReason.WRONG_STATE && metadata['run'] !== undefined;
      return this.#skip(task, nowMs, isGoing ? `${metadata['run']} had not ended` : message);
    }
  }

  async #start(task: string, nowMs: number, dueMs: number): Promise<number | undefined> {
    let nextMs: number | undefined;
    const change = (row: TaskRow): TaskRow => {
      const verdict = judge(row, nowMs);
      if (verdict.kind !== 'run' || verdict.dueMs !== dueMs) throw new NotDueError();
      const moved = movedOn(row, nowMs);
      nextMs = nextRunMs(moved);
      return moved;
    };
    const run = await this.#parts.startRun(task, change, this.#closing.signal);
    this.#parts.log.info({ run: run.name, due: new Date(dueMs).toISOString() }, 'run started by its schedule'); // oxfmt-ignore
    return nextMs;
  }

  async #skip(task: string, nowMs: number, message: string): Promise<number | undefined> {
    const { store, log, onChange } = this.#parts;
    const skipped = await store.commit(async (transaction) => {
      const row = await transaction.task(task);
      const verdict = row && judge(row, nowMs);
      if (verdict === undefined || verdict.kind === 'none')
        return { dueMs: undefined, nextMs: row && nextRunMs(row) };
      const moved = movedOn(row!, nowMs, skippedRun(verdict.dueMs, message));
      transaction.putTask(task, moved);
      return { dueMs: verdict.dueMs, nextMs: nextRunMs(moved) };
    });
    if (skipped.dueMs !== undefined) {
      const due = new Date(skipped.dueMs).toISOString();
      log.warn({ task: taskName(task), due, why: message }, 'a run that was due is skipped');
      onChange(task);
    }
    return skipped.nextMs;
  }
}
