// The runs that are going, each with its newest row. What is here can be made again from the store.
import { RunState } from '../../gen/drover/v1/run_pb.ts';
import type { RunRow } from '../../gen/drover/store/v1/rows_pb.ts';
import type { RunKey, Store } from '../store/store.ts';
import { runName } from '../task/names.ts';
import { stepRun } from '../task/run-machine.ts';
import { isRunOpen } from '../task/run-states.ts';
import type { Changes } from './changes.ts';
import { RunFeed } from './run-feed.ts';

export class OpenRuns {
  readonly #store: Store;
  readonly #changes: Changes;
  readonly #feeds = new Map<string, RunFeed>();

  constructor(store: Store, changes: Changes) {
    this.#store = store;
    this.#changes = changes;
  }

  get(key: RunKey): RunFeed | undefined {
    return this.#feeds.get(runName(key));
  }

  all(): RunFeed[] {
    return [...this.#feeds.values()];
  }

  /** The run as it is in the store now; undefined when it has ended or its task is gone. */
  async refresh(key: RunKey): Promise<RunFeed | undefined> {
    // Read inside a commit, so that no row older than one that was already taken comes back late.
    const [task, row] = await this.#store.commit((transaction) =>
      Promise.all([transaction.task(key.task), transaction.run(key)]),
    );
    const known = this.get(key);
    if (task === undefined || row === undefined) {
      this.#feeds.delete(runName(key));
      return undefined;
    }
    if (known === undefined && !isRunOpen(row.run!.state)) return undefined;
    const feed = known ?? new RunFeed(this.#store, key, task.task!, row);
    feed.takeTask(task.task!);
    this.#feeds.set(runName(key), feed);
    this.update(feed, row);
    return feed;
  }

  /** Takes a row that was just committed; a run that has ended is forgotten. */
  update(feed: RunFeed, row: RunRow): void {
    feed.row = row;
    if (!isRunOpen(row.run!.state)) this.#feeds.delete(runName(feed.key));
    this.#changes.emit({ kind: 'task', task: feed.key.task });
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
