// Jobs that do not end. A thread that computes without an end looks at no stop flag, and what waits for something that never comes may not hear of
// it; both would keep a thread, and a lease, for good. So a thread is ended when a job that was told to stop is still there long after, and when
// it has used much processor time without any of its jobs coming a step further. A job that only waits is left alone until it is told to stop: a
// source or a service may be away for hours. So is a thread that stands in a call of the operating system, because nothing ends it before that call does.
import type { Piscina } from 'piscina';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { isStopped, stepsOf, threadOf, type JobResult, type SharedJobState } from './jobs.ts';

export interface JobLimits {
  /** How long a job may go on after it was told to stop, in milliseconds. */
  stopMs: number;
  /** How much processor time a thread may use between two steps of its jobs, in milliseconds: no step takes a hundredth of it. */
  stepMs: number;
  /** How often it is looked, in milliseconds. */
  lookMs: number;
}

export const jobLimits: JobLimits = { stopMs: 60_000, stepMs: 300_000, lookMs: 10_000 };

/** A job that a thread does, or that waits for one. */
interface Watched {
  shared: SharedJobState;
  /** Another one for each job. */
  number: number;
  /** When it was first seen that it was told to stop. */
  stopSinceMs: number | undefined;
}

/** What is known of a thread with jobs. */
interface Seen {
  /** Which jobs it had, and how far they were, when it was last seen to have come further. */
  mark: string;
  /** Its processor time by then, in milliseconds. */
  cpuMs: number;
}

type Thread = Piscina['threads'][number];

export class JobWatch {
  readonly #piscina: Piscina;
  readonly #limits: JobLimits;
  readonly #onStuck: (why: string) => void;
  readonly #jobs = new Map<SharedJobState, Watched>();
  #number = 0;
  readonly #seen = new WeakMap<Thread, Seen>();
  /**
   * Threads that are being asked for their processor time, which they answer between two lines of their program, and not while they stand in a
   * call; and those that are ended.
   */
  readonly #busy = new WeakSet<Thread>();
  /** What becomes of the jobs of threads that were ended, by the thread. */
  readonly #outcomes = new Map<number, JobResult>();
  #timer: NodeJS.Timeout | undefined;

  /** `onStuck` hears why a thread is ended. */
  constructor(piscina: Piscina, limits: JobLimits, onStuck: (why: string) => void) {
    this.#piscina = piscina;
    this.#limits = limits;
    this.#onStuck = onStuck;
  }

  /** A job is given to the threads. It is watched until the answer is disposed of. */
  begin(shared: SharedJobState): Disposable {
    this.#jobs.set(shared, { shared, number: ++this.#number, stopSinceMs: undefined });
    this.#timer ??= setInterval(() => this.#look(), this.#limits.lookMs).unref();
    return { [Symbol.dispose]: () => this.#done(shared) };
  }

  /** What a job answers whose thread was ended here; undefined when it ended for another reason. */
  outcome(shared: SharedJobState): JobResult | undefined {
    const thread = threadOf(shared);
    // It had been given to a thread beside another job, and had not begun.
    if (thread === 0 && this.#outcomes.size > 0) return { kind: 'stopped' };
    return this.#outcomes.get(thread);
  }

  #done(shared: SharedJobState): void {
    this.#jobs.delete(shared);
    if (this.#jobs.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#outcomes.clear();
  }

  #look(): void {
    const nowMs = performance.now();
    for (const job of this.#jobs.values()) if (isStopped(job.shared)) job.stopSinceMs ??= nowMs;
    const byThread = Map.groupBy(this.#jobs.values(), ({ shared }) => threadOf(shared));
    for (const thread of this.#piscina.threads) {
      const jobs = byThread.get(thread.threadId);
      if (jobs !== undefined && !this.#busy.has(thread)) void this.#lookAt(thread, jobs);
    }
  }

  async #lookAt(thread: Thread, jobs: readonly Watched[]): Promise<void> {
    // As they are before it is asked, so that a step that comes meanwhile is seen the next time.
    const mark = jobs.map(({ shared, number }) => `${number}: ${stepsOf(shared)}`).join();
    this.#busy.add(thread);
    const cpuMs = await processorTime(thread);
    this.#busy.delete(thread);
    const left = jobs.filter(({ shared }) => this.#jobs.has(shared));
    if (cpuMs === undefined || left.length === 0) return;
    const { stopMs, stepMs } = this.#limits;
    const nowMs = performance.now();
    if (left.some(({ stopSinceMs = Infinity }) => nowMs - stopSinceMs >= stopMs)) {
      const why = `its job was told to stop, and had not ended ${stopMs / 1000} seconds later`;
      return this.#end(thread, why, { kind: 'stopped' });
    }
    const before = this.#seen.get(thread);
    if (before?.mark !== mark) this.#seen.set(thread, { mark, cpuMs });
    else if (cpuMs - before.cpuMs >= stepMs) {
      const why = `it came no further in ${stepMs / 1000} seconds of processor time`;
      const message = `the worker thread was ended before its job did: ${why}`;
      this.#end(thread, why, { kind: 'failed', reason: ErrorReason.INTERNAL, message });
    }
  }

  #end(thread: Thread, why: string, outcome: JobResult): void {
    this.#busy.add(thread);
    this.#outcomes.set(thread.threadId, outcome);
    this.#onStuck(why);
    // Piscina notices, rejects its jobs and starts another.
    void thread.terminate();
  }
}

/** Milliseconds; undefined of a thread that has ended. */
async function processorTime(thread: Thread): Promise<number | undefined> {
  try {
    const { user, system } = await thread.cpuUsage();
    return (user + system) / 1000;
  } catch {
    return undefined;
  }
}
