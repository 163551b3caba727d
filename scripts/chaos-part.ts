// A process that is killed and started again, any number of times. One that ends without having been told to is something wrong.
import { setTimeout as delay } from 'node:timers/promises';
import type { ChaosLog } from './chaos-log.ts';
import { describeExit, StartError, type LocalProcess } from './local-process.ts';

export interface PartOptions<Ready> {
  name: string;
  /** Starts it; `logName` differs each time, so that no log is written over. */
  start: (logName: string) => Promise<LocalProcess<Ready>>;
  log: ChaosLog;
}

/** How long a part is tried to be started before that is something wrong. */
export const startPatienceMs = 120_000;
const againMs = 500;

export class Part<Ready> implements AsyncDisposable {
  readonly name: string;
  /** Somebody is doing something with it, and nobody else may. */
  isTaken = false;
  /** It may end by itself: what it needs was taken from it. */
  mayEnd = false;
  readonly #options: PartOptions<Ready>;
  #process: LocalProcess<Ready> | undefined;
  #starts = 0;

  constructor(options: PartOptions<Ready>) {
    this.name = options.name;
    this.#options = options;
  }

  get process(): LocalProcess<Ready> {
    if (this.#process === undefined) throw new Error(`${this.name} does not run`);
    return this.#process;
  }

  get isUp(): boolean {
    return this.#process !== undefined;
  }

  /** Starts it if it does not run, however often that has to be tried. */
  async up(): Promise<void> {
    const { log } = this.#options;
    const deadlineMs = performance.now() + startPatienceMs;
    while (this.#process === undefined) {
      try {
        const process = await this.#options.start(`${this.name}.${++this.#starts}`);
        this.#process = process;
        void process.exited.then((exit) => this.#ended(process, describeExit(exit)));
      } catch (error) {
        if (!(error instanceof StartError)) throw error;
        log.note(error.message);
        if (performance.now() > deadlineMs) throw error;
        await delay(againMs);
      }
    }
  }

  /** Ends it as a power cut would. */
  async kill(): Promise<void> {
    await this.#take()?.kill();
  }

  /** Lets it drain; answers with how it ended. */
  async drain(): Promise<string> {
    const process = this.#take();
    return process === undefined ? 'was not there' : describeExit(await process.stop(20_000));
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.signal(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#take()?.stop(5000);
  }

  #take(): LocalProcess<Ready> | undefined {
    const process = this.#process;
    this.#process = undefined;
    return process;
  }

  #ended(process: LocalProcess<Ready>, how: string): void {
    if (process !== this.#process) return;
    this.#process = undefined;
    const text = `${this.name} ended by itself with ${how}, see ${process.logFile}`;
    if (this.mayEnd) this.#options.log.say(text);
    else this.#options.log.problem(text);
  }
}
