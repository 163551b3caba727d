// Worker threads with Piscina.
import { Piscina } from 'piscina';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import type { Job, JobResult } from './jobs.ts';
import type { Pool } from './pool.ts';

export interface PoolOptions {
  /** How many threads; at least 1. */
  threads: number;
}

/** Jobs that may wait for a thread. An agent takes no more leases than it has slots, so this is never reached. */
const waitingJobsMax = 1024;

/**
 * What one thread may use. A folder with a million names takes about 100 MiB while it is scanned, a batch far less; a thread
 * that needs more ends with a failed job instead of taking the machine's memory.
 */
const resourceLimits = { maxOldGenerationSizeMb: 192, maxYoungGenerationSizeMb: 16 };

/** Starts the threads. They stay until the pool is closed. */
export function createPool(options: PoolOptions): Pool {
  return new PiscinaPool(options.threads);
}

type RunOptions = NonNullable<Parameters<Piscina['run']>[1]>;

class PiscinaPool implements Pool {
  readonly threads: number;
  readonly #piscina: Piscina<Job, JobResult>;
  #closing: Promise<void> | undefined;

  constructor(threads: number) {
    this.threads = threads;
    this.#piscina = new Piscina<Job, JobResult>({
      filename: new URL('./worker.ts', import.meta.url).href,
      minThreads: threads,
      maxThreads: threads,
      idleTimeout: Infinity,
      concurrentTasksPerWorker: 1,
      maxQueue: waitingJobsMax,
      // The default lets a thread sleep between jobs without serving its sockets, and the other side closes them.
      atomics: 'disabled',
      resourceLimits,
    });
  }

  async run(job: Job): Promise<JobResult> {
    // Piscina would start a new thread for it.
    if (this.#closing !== undefined) return threadEnded('the agent is stopping');
    try {
      // Piscina takes its type of the list from a signature of Node's that has become an object of options since.
      const own = job.kind === 'scan' ? job.port : job.kind === 'batch' ? job.notes : undefined;
      const ports = [own, job.tenant?.host];
      const transferList = ports.filter((port) => port !== undefined) as RunOptions['transferList'];
      return await this.#piscina.run(withOwnBytes(job), { transferList });
    } catch (thrown) {
      return threadEnded(thrown instanceof Error ? thrown.message : String(thrown));
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#piscina.destroy();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** A view on a part of a larger buffer would cross with all of the buffer, such as the frame that it came in. */
function withOwnBytes(job: Job): Job {
  if (job.kind === 'scan' || job.items.byteLength === job.items.buffer.byteLength) return job;
  return { ...job, items: job.items.slice() };
}

function threadEnded(why: string): JobResult {
  const message = `the worker thread ended before its job did: ${why}`;
  return { kind: 'failed', reason: ErrorReason.INTERNAL, message };
}
