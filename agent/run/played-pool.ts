// Threads for tests: jobs are functions of the test, which run in this thread and see the same shared memory and ports.
import type { BatchJob, Job, JobResult, ScanJob } from '../pool/jobs.ts';
import { stateStop, statePageCredits } from '../pool/jobs.ts';
import type { Pool } from '../pool/pool.ts';

export class PlayedPool implements Pool {
  readonly threads: number;
  /** Jobs that are going, in the order they came. */
  readonly going: { job: Job; answer: (result: JobResult) => void }[] = [];
  readonly #watchers = new Set<() => void>();
  closed = false;

  constructor(threads: number) {
    this.threads = threads;
  }

  run(job: Job): Promise<JobResult> {
    const { promise, resolve } = Promise.withResolvers<JobResult>();
    const entry = {
      job,
      answer: (result: JobResult) => {
        this.going.splice(this.going.indexOf(entry), 1);
        resolve(result);
      },
    };
    this.going.push(entry);
    for (const wake of this.#watchers) wake();
    this.#watchers.clear();
    return promise;
  }

  /** Waits until a job of this kind is going. */
  async job<K extends Job['kind']>(
    kind: K,
  ): Promise<{ job: Extract<Job, { kind: K }>; answer: (result: JobResult) => void }> {
    for (;;) {
      const found = this.going.find(({ job }) => job.kind === kind);
      if (found !== undefined)
        return { job: found.job as Extract<Job, { kind: K }>, answer: found.answer };
      await new Promise<void>((resolve) => this.#watchers.add(resolve));
    }
  }

  close(): Promise<void> {
    this.closed = true;
    for (const { answer } of [...this.going])
      answer({ kind: 'failed', reason: 15, message: 'closed' });
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Posts pages of one byte, `count` in all, as far as credits allow; answers how many it posted when told to stop. */
export async function postPages(job: ScanJob, count: number): Promise<number> {
  for (let posted = 0; posted < count; posted += 1) {
    while (Atomics.load(job.shared.state, statePageCredits) === 0) {
      if (isStopped(job)) return posted;
      await Atomics.waitAsync(job.shared.state, statePageCredits, 0).value;
    }
    if (isStopped(job)) return posted;
    Atomics.sub(job.shared.state, statePageCredits, 1);
    job.port.postMessage({ items: Uint8Array.of(posted + 1) });
  }
  return count;
}

export function isStopped(job: ScanJob | BatchJob): boolean {
  return Atomics.load(job.shared.state, stateStop) !== 0;
}
