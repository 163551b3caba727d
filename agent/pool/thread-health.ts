// Whether there are threads that do jobs. Piscina replaces a thread that ends, but not one that ends before it has loaded what it runs: then
// it leaves jobs waiting for ever, and says so to nobody. Here that is the end of the pool, whose jobs then wait until it is closed, because
// their work is none the worse for it and goes on in the next process.
import type { Worker } from 'node:worker_threads';
import type { Piscina } from 'piscina';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { Clock } from '../../lib/time.ts';

/** What worker.ts exports to be called when it is loaded. */
const loadedName = 'loaded';
/** A thread loads in less than a second; in milliseconds. */
const loadMsMax = 60_000;
/** How long it is waited at the end for threads that are being loaded; in milliseconds. */
const lastLoadMsMax = 10_000;
/** Threads that end between two jobs are replaced, but not more of them than this within a minute. */
const lostMax = 10;
const lostWithinMs = 60_000;

export interface ThreadHealthEvents {
  /** Called once, when there can be no threads any more, with why. */
  onBroken: (error: DroverError) => void;
  /** A thread ended between two jobs, by this error. */
  onLost: (error: unknown) => void;
}

export class ThreadHealth {
  readonly #piscina: Piscina;
  readonly #events: ThreadHealthEvents;
  readonly #closed = Promise.withResolvers<void>();
  readonly #firstLoaded: Promise<void>;
  readonly #clock: Clock;
  /** Threads that have loaded what they run; of the first ones that is only believed, until one of them answers. */
  #loaded = 0;
  /** There while threads are loaded. */
  #cancelTimer: (() => void) | undefined;
  #state: 'loading' | 'good' | 'broken' | 'closed' = 'loading';
  /** Of each thread: resolves when it has loaded what it runs, or has ended. */
  readonly #loads = new WeakMap<Worker, Promise<void>>();
  /** What the last thread that ended by itself ended with; a thread without a job ends so in silence. */
  #exitCode: number | undefined;
  /** When the last threads ended between two jobs. */
  readonly #lostAt: number[] = [];

  constructor(piscina: Piscina, events: ThreadHealthEvents, clock: Clock) {
    this.#piscina = piscina;
    this.#events = events;
    this.#clock = clock;
    this.#watchThreads();
    piscina.on('workerCreate', () => {
      this.#loaded += 1;
      if (this.#state !== 'loading' && this.#loaded >= piscina.options.minThreads) this.#stopTimer(); // oxfmt-ignore
    });
    // Of threads that end without a job; without a listener it would end the process.
    piscina.on('error', (error: unknown) => {
      if (this.#isShort()) this.#break(error);
      else this.#lose(error);
    });
    // Whatever is replaced has been by then, and who knows an error has told it.
    piscina.on('workerDestroy', () => {
      this.#loaded -= 1;
      queueMicrotask(() => {
        this.#watchThreads();
        if (this.#isShort())
          this.#break(this.#exitCode === undefined ? 'it ended while it was loaded' : `worker exited with code: ${this.#exitCode}`); // oxfmt-ignore
        else this.#startTimer();
      });
    });
    this.#firstLoaded = this.#load();
  }

  /** Resolves when there are threads, or the pool is closed; answers which. */
  async ready(): Promise<boolean> {
    if (this.#state === 'loading') await Promise.race([this.#firstLoaded, this.#closed.promise]);
    if (this.#state === 'broken') await this.#closed.promise;
    return this.#state === 'good';
  }

  /**
   * From now on threads end because they are to. Resolves when they can be ended: a thread that is ended while it loads native code takes
   * the process with it, because such code cannot throw any more.
   */
  async close(): Promise<void> {
    const wasBroken = this.#state === 'broken';
    this.#state = 'closed';
    this.#stopTimer();
    this.#closed.resolve();
    // Of these nothing better comes.
    if (wasBroken) return;
    const { threads } = this.#piscina;
    // Threads without a job keep no process alive.
    for (const thread of threads) thread.ref();
    const late = Promise.withResolvers<void>();
    const cancel = this.#clock.after(lastLoadMsMax, late.resolve);
    await Promise.race([
      Promise.all(threads.map(async (thread) => this.#loads.get(thread))),
      late.promise,
    ]);
    cancel();
  }

  #watchThreads(): void {
    for (const thread of this.#piscina.threads) {
      if (this.#loads.has(thread)) continue;
      this.#loads.set(thread, loadedOrGone(thread));
      thread.once('exit', (code) => (this.#exitCode = code));
    }
  }

  /** A first job shows whether the program loads: a real one would fail in the place of the program. */
  async #load(): Promise<void> {
    this.#startTimer();
    try {
      await this.#piscina.run(undefined, { name: loadedName });
      if (this.#state === 'loading') this.#state = 'good';
    } catch (thrown) {
      this.#break(thrown);
    } finally {
      if (this.#loaded >= this.#piscina.options.minThreads) this.#stopTimer();
    }
  }

  #startTimer(): void {
    if (this.#state === 'broken' || this.#state === 'closed') return;
    const why = `nothing was loaded within ${loadMsMax / 1000} seconds`;
    this.#cancelTimer ??= this.#clock.after(loadMsMax, () => this.#break(why));
  }

  #stopTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #isShort(): boolean {
    return this.#piscina.threads.length < this.#piscina.options.minThreads;
  }

  #lose(error: unknown): void {
    const now = performance.now();
    this.#lostAt.push(now);
    const before = this.#lostAt.length > lostMax ? this.#lostAt.shift() : undefined;
    if (before !== undefined && now - before < lostWithinMs) this.#break(error);
    else this.#events.onLost(error);
  }

  #break(cause: unknown): void {
    if (this.#state === 'broken' || this.#state === 'closed') return;
    this.#state = 'broken';
    this.#stopTimer();
    const why = cause instanceof Error ? cause.message : String(cause);
    this.#events.onBroken(
      new DroverError(ErrorReason.INTERNAL, `the worker threads cannot run: ${why}`, {
        advice:
          'See whether the program is whole and not being replaced at the moment, and start it again: nothing of its work is lost.',
      }),
    );
  }
}

/** Piscina has a thread say its first words when its program is loaded. */
function loadedOrGone(thread: Worker): Promise<void> {
  return new Promise((resolve) => {
    thread.once('message', () => resolve());
    thread.once('exit', () => resolve());
  });
}
