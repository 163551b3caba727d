// The runs that are going, each with its newest row. What is here can be made again from the store.
import { RunState } from '../../gen/drover/v1/run_pb.ts';
import type { RunRow } from '../../gen/drover/store/v1/rows_pb.ts';
import type { Observer } from '../observer.ts';
import type { RunKey, Store } from '../store/store.ts';
import { runName } from '../task/names.ts';
import { stepRun } from '../task/run-machine.ts';
import { isRunOpen } from '../task/run-states.ts';
import type { Changes } from './changes.ts';
import { RunFeed } from './run-feed.ts';

export class OpenRuns {
  readonly #store: Store;
  readonly #changes: Changes;
  readonly #observer: Pick<Observer, 'advanced'> | undefined;
  readonly #feeds = new Map<string, RunFeed>();
  /** By the task's uid, the number of its last run that has ended, so that a row which is heard of late does not bring it back. */
  readonly #lastEnded = new Map<string, number>();

  constructor(store: Store, changes: Changes, observer?: Pick<Observer, 'advanced'>) {
    this.#store = store;
    this.#changes = changes;
    this.#observer = observer;
  }

  get(key: RunKey): RunFeed | undefined {
    return this.#feeds.get(runName(key));
  }

  all(): RunFeed[] {
    return [...this.#feeds.values()];
  }

  /** The run as it is in the store now; undefined when it has ended or its task is gone. */
  async refresh(key: RunKey): Promise<RunFeed | undefined> {
    const before = { ...key, run: key.run - 1 };
    const [task, row, earlier] = await this.#store.commit((transaction) =>
      Promise.all([
        transaction.task(key.task),
        transaction.run(key),
        this.get(key) === undefined ? transaction.run(before) : undefined,
      ]),
    );
    const known = this.get(key);
    if (task === undefined || row === undefined) {
      this.#feeds.delete(runName(key));
      return undefined;
    }
    const hasEnded =
      !isRunOpen(row.run!.state) || key.run <= (this.#lastEnded.get(task.task!.uid) ?? 0);
    if (known === undefined && hasEnded) return undefined;
    const feed = known ?? new RunFeed(this.#store, key, task.task!, row);
    if (known === undefined) feed.foundBefore = foundIn(earlier, row);
    feed.takeTask(task.task!);
    this.#feeds.set(runName(key), feed);
    this.update(feed, row);
    return feed;
  }

  /**
   * Takes a row that was committed; a run that has ended is forgotten. Commits that are written together are heard of in any order, so
   * that a row which is older than the one that is known is left alone: nobody would come to correct it.
   */
  update(feed: RunFeed, row: RunRow): void {
    if (row.revision < feed.row.revision) return;
    if (row !== feed.row) this.#observer?.advanced(feed.row.run!, row.run!);
    feed.row = row;
    const hasEnded = !isRunOpen(row.run!.state);
    if (hasEnded) this.#forget(feed);
    this.#changes.emit({ kind: 'task', task: feed.key.task, hasEnded });
  }

  #forget({ key, taskUid }: RunFeed): void {
    this.#feeds.delete(runName(key));
    this.#lastEnded.set(taskUid, key.run);
  }

  /** Ends a run that was being cancelled; whoever calls knows that nobody works on it any more. */
  async endCancelled(feed: RunFeed, nowMs: number): Promise<void> {
    const row = await this.#store.commit(async (transaction) => {
      const before = await transaction.run(feed.key);
      if (before?.run!.state !== RunState.CANCELLING) return before;
      const next = stepRun(before, { kind: 'stopped' }, nowMs);
      transaction.putRun(feed.key, next);
      return next;
    });
    if (row !== undefined) this.update(feed, row);
  }
}

/** A whole run finds about what the one before found; one that tries again what failed does not. */
function foundIn(earlier: RunRow | undefined, row: RunRow): bigint | undefined {
  const isWhole = earlier?.run!.retriedRun === '' && row.run!.retriedRun === '';
  const progress = earlier?.run!.progress;
  return isWhole && progress?.scanComplete === true ? progress.scannedItems : undefined;
}
