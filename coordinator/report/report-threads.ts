// Threads that make the lines of large reports, so that agents and other callers do not wait for them: the only door to Piscina here. There are
// none while no such report is made. A job is done in one go; jobs of several reports are done in the order in which they come.
import { availableParallelism } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import type { Piscina } from 'piscina';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { LinesJob } from './item-lines.ts';

export interface ReportThreadsOptions {
  /** So many items of a report get their lines without a thread. @default 50,000 */
  itemsWithoutMax?: number;
  /** What a thread runs. @default report-thread.ts */
  program?: URL;
  /** How long a thread stays that has nothing to do, in milliseconds. @default 5000 */
  idleMs?: number;
}

/**
 * To start a thread takes as much processor time as the lines of so many items, and most reports have fewer. Without a thread these take half a
 * second, with turns for others every few milliseconds.
 */
const itemsWithoutMaxDefault = 50_000;
/** The main thread passes on what so many threads make, and no more. */
const threadsMax = 2;
/** Jobs that a thread has at once: the next one is there when one is done, whatever the main thread does just then. */
const jobsPerThread = 2;
const idleMsDefault = 5000;

/**
 * What one thread may use; it needs a fifth of it. One that needs more ends with a failed report instead of taking the machine's memory. Little
 * of what it makes is in use for long: with a third of this young generation a report takes an eighth longer, with twice as much it is no faster.
 */
const resourceLimits = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 18 };

/** What report-thread.ts exports to be called when it is loaded. */
const loadedName = 'loaded';

const reportProgram = new URL('./report-thread.ts', import.meta.url);

type Pieces = Uint8Array<ArrayBuffer>[];

export class ReportThreads implements AsyncDisposable {
  readonly itemsWithoutMax: number;
  /** One core is for the main thread. */
  readonly #threads = Math.min(Math.max(availableParallelism() - 1, 1), threadsMax);
  readonly #program: URL;
  readonly #idleMs: number;
  #piscina: Promise<Piscina<LinesJob | undefined, Pieces>> | undefined;
  /** There from the time when a thread is loaded until the last one ends. */
  #loading: Promise<void> | undefined;
  #isLoaded = false;
  #isClosed = false;

  constructor({
    itemsWithoutMax = itemsWithoutMaxDefault,
    program = reportProgram,
    idleMs = idleMsDefault,
  }: ReportThreadsOptions = {}) {
    this.itemsWithoutMax = itemsWithoutMax;
    this.#program = program;
    this.#idleMs = idleMs;
  }

  /** How many jobs a report has here, or done and not yet taken, beside the one whose lines are sent: each takes some megabytes. */
  get jobsAhead(): number {
    return this.#threads + 1;
  }

  /** Whether there is a thread, or none can be had, which `lines` tells. Who asks has one loaded, and need not wait for it. */
  get isLoaded(): boolean {
    void this.load();
    return this.#isLoaded;
  }

  /** Has a thread loaded where there is none. Resolves when there is one, or none can be had. */
  load(): Promise<void> {
    this.#loading ??= this.#run(undefined, loadedName).then(
      () => this.#noteLoaded(),
      () => this.#noteLoaded(),
    );
    return this.#loading;
  }

  #noteLoaded(): void {
    this.#isLoaded = true;
  }

  /**
   * Makes the lines of a job, in pieces of whole lines; each is good until the next is asked for. Throws INTERNAL when the thread ends before, or a
   * batch is damaged, and UNAVAILABLE after `close`.
   */
  async lines(job: LinesJob): Promise<Iterable<Uint8Array>> {
    return released(await this.#run(job, 'default'));
  }

  async #run(job: LinesJob | undefined, name: string): Promise<Pieces> {
    if (this.#isClosed) throw stopping();
    this.#piscina ??= this.#start();
    const piscina = await this.#piscina;
    try {
      return await piscina.run(job, { name });
    } catch (cause) {
      throw this.#isClosed ? stopping() : failure(cause);
    }
  }

  /** Ends all threads; jobs that are not done fail. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await (await this.#piscina)?.destroy();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** It is loaded when it is needed first: many a coordinator never makes a large report. */
  async #start(): Promise<Piscina<LinesJob | undefined, Pieces>> {
    const { Piscina } = await import('piscina');
    // These are for the main thread's heap, which has its size by now, and would count for those of threads in the place of the limits.
    for (const flag of ['min', 'max']) setFlagsFromString(`--${flag}-semi-space-size=0`);
    const piscina = new Piscina<LinesJob | undefined, Pieces>({
      filename: this.#program.href,
      minThreads: 0,
      maxThreads: this.#threads,
      idleTimeout: this.#idleMs,
      concurrentTasksPerWorker: jobsPerThread,
      // The default lets a thread sleep between two jobs without ever having a turn for anything else.
      atomics: 'disabled',
      resourceLimits,
    });
    // Of threads that end without a job; without a listener it would end the process.
    piscina.on('error', () => {});
    piscina.on('workerDestroy', () =>
      queueMicrotask(() => {
        if (piscina.threads.length > 0) return;
        this.#loading = undefined;
        this.#isLoaded = false;
        // Jobs that wait would wait for ever: Piscina starts another thread when the next job comes.
        if (piscina.queueSize > 0) void piscina.destroy();
      }),
    );
    return piscina;
  }
}

/** Frees the memory of each piece when the next is asked for: much would come together before it is collected as garbage. */
function* released(pieces: Pieces): Generator<Uint8Array> {
  for (const piece of pieces) {
    yield piece;
    piece.buffer.transfer(0);
  }
}

function stopping(): DroverError {
  return new DroverError(ErrorReason.UNAVAILABLE, 'the coordinator is stopping, and makes no more reports'); // oxfmt-ignore
}

function failure(cause: unknown): DroverError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new DroverError(ErrorReason.INTERNAL, `a thread could not make lines of a report: ${message}`, { cause }); // oxfmt-ignore
}
