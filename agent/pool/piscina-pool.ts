// Worker threads with Piscina. A thread does one job at a time, with one exception: beside a batch for a tenant that has begun its last item
// it begins the next such batch, because the first one only waits for answers from then on. A scan blocks its thread, and so does a batch
// for a folder: they are always alone.
import { Piscina } from 'piscina';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import type { DroverError } from '../../lib/error.ts';
import { systemClock, type Clock } from '../../lib/time.ts';
import { jobLimits, JobWatch, type JobLimits } from './job-watch.ts';
import { isEnding, threadOf, type Job, type JobResult, type SharedJobState } from './jobs.ts';
import type { Pool } from './pool.ts';
import { ThreadHealth } from './thread-health.ts';

export interface PoolOptions {
  /** How many threads; at least 1. */
  threads: number;
  /** Hears once why there can be no threads any more: from then on jobs wait until the pool is closed. @default the process ends with it */
  onBroken?: (error: DroverError) => void;
  /** Hears that a thread ended between two jobs, by this error; another one takes its place. */
  onLost?: (error: unknown) => void;
  /** Hears why a thread was ended whose job did not end; another one takes its place. */
  onStuck?: (why: string) => void;
  /** What a thread runs. @default worker.ts */
  program?: URL;
  /** Waits for threads to be loaded. @default the machine's */
  clock?: Clock;
  /** When a job is taken for one that does not end. @default jobLimits */
  limits?: JobLimits;
}

/** Jobs that may wait for a thread. An agent takes no more leases than it has slots, so this is never reached. */
const waitingJobsMax = 1024;

/**
 * What one thread may use. A folder with a million names takes about 100 MiB while it is scanned, a batch far less; a thread
 * that needs more ends with a failed job instead of taking the machine's memory.
 */
const resourceLimits = { maxOldGenerationSizeMb: 192, maxYoungGenerationSizeMb: 16 };

const workerProgram = new URL('./worker.ts', import.meta.url);

/** Starts the threads. They stay until the pool is closed. */
export function createPool(options: PoolOptions): Pool {
  return new PiscinaPool(options);
}

/** Jobs of one thread at once. */
const jobsPerThreadMax = 2;
/** What worker.ts exports for jobs that may share a thread. */
const besideName = 'beside';

type Balancer = NonNullable<NonNullable<ConstructorParameters<typeof Piscina>[0]>['loadBalancer']>;
type RunOptions = NonNullable<Parameters<Piscina['run']>[1]>;

class PiscinaPool implements Pool {
  readonly threads: number;
  readonly #piscina: Piscina<Job, JobResult>;
  readonly #health: ThreadHealth;
  readonly #watch: JobWatch;
  /** Jobs that share a thread. */
  readonly #beside = new Set<SharedJobState>();
  #closing: Promise<void> | undefined;

  constructor({
    threads,
    onBroken = endProcess,
    onLost = () => {},
    onStuck = () => {},
    program = workerProgram,
    clock = systemClock,
    limits = jobLimits,
  }: PoolOptions) {
    this.threads = threads;
    this.#piscina = new Piscina<Job, JobResult>({
      filename: program.href,
      minThreads: threads,
      maxThreads: threads,
      idleTimeout: Infinity,
      concurrentTasksPerWorker: jobsPerThreadMax,
      loadBalancer: (task, workers) => this.#choose(task, workers),
      // Who waits for a thread of its own is not overtaken again and again.
      stricterFIFO: true,
      maxQueue: waitingJobsMax,
      // The default lets a thread sleep between jobs without serving its sockets, and the other side closes them.
      atomics: 'disabled',
      resourceLimits,
    });
    this.#health = new ThreadHealth(this.#piscina, { onBroken, onLost }, clock);
    this.#watch = new JobWatch(this.#piscina, limits, onStuck);
  }

  async run(job: Job): Promise<JobResult> {
    // Piscina would start a new thread for it.
    if (!(await this.#health.ready())) return threadEnded('the agent is stopping');
    const beside = job.kind === 'batch' && job.tenant !== undefined ? job.shared : undefined;
    if (beside !== undefined) this.#beside.add(beside);
    using _ = 'shared' in job ? this.#watch.begin(job.shared) : undefined;
    try {
      // Piscina takes its type of the list from a signature of Node's that has become an object of options since.
      const ports = [...ownPorts(job), job.tenant?.host];
      const transferList = ports.filter((port) => port !== undefined) as RunOptions['transferList'];
      const name = beside === undefined ? 'default' : besideName;
      return await this.#piscina.run(withOwnBytes(job), { name, transferList });
    } catch (thrown) {
      const outcome = 'shared' in job ? this.#watch.outcome(job.shared) : undefined;
      if (outcome !== undefined) return outcome;
      return threadEnded(thrown instanceof Error ? thrown.message : String(thrown));
    } finally {
      if (beside !== undefined) this.#beside.delete(beside);
    }
  }

  /** A thread that does nothing; else, for a job that may share one, a thread whose only job has begun its last items. */
  #choose: Balancer = ({ name }, workers) => {
    const idle = workers.find(({ currentUsage }) => currentUsage === 0);
    if (idle !== undefined || name !== besideName) return idle ?? null;
    const ending = new Set([...this.#beside].filter(isEnding).map(threadOf));
    return workers.find(({ id, currentUsage }) => currentUsage === 1 && ending.has(id)) ?? null;
  };

  close(): Promise<void> {
    this.#closing ??= this.#health.close().then(() => this.#piscina.destroy());
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** For whoever has nothing to put in order before. */
function endProcess(error: DroverError): void {
  queueMicrotask(() => {
    throw error;
  });
}

/** The ports that are a job's own. */
function ownPorts(job: Job) {
  if (job.kind === 'scan' || job.kind === 'preview') return [job.port];
  return job.kind === 'batch' ? [job.notes] : [];
}

/** A view on a part of a larger buffer would cross with all of the buffer, such as the frame that it came in. */
function withOwnBytes(job: Job): Job {
  if (
    job.kind === 'scan' ||
    job.kind === 'preview' ||
    job.items.byteLength === job.items.buffer.byteLength
  )
    return job;
  return { ...job, items: job.items.slice() };
}

function threadEnded(why: string): JobResult {
  const message = `the worker thread ended before its job did: ${why}`;
  return { kind: 'failed', reason: ErrorReason.INTERNAL, message };
}
