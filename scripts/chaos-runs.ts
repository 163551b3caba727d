// A task that is run again and again, whatever happens to those who run it; and what was reported of its items, which has to be true.
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { ConnectError } from '@connectrpc/connect';
import { ItemAction, ItemKind, ItemState, type Item } from '../gen/drover/v1/item_pb.ts';
import { RunState, type Run } from '../gen/drover/v1/run_pb.ts';
import { ErrorReason } from '../gen/drover/v1/error_pb.ts';
import { GonePolicy } from '../gen/drover/v1/settings_pb.ts';
import { ErrorInfoSchema } from '../gen/google/rpc/error_details_pb.ts';
import { hasEnded, progressLine } from '../lib/progress-view.ts';
import { allItems, callError, type Api } from './api-client.ts';
import type { ChaosLog } from './chaos-log.ts';
import { startPatienceMs } from './chaos-part.ts';
import type { Share } from './chaos-share.ts';

/** What was last reported as migrated, of one path. */
export interface Reported {
  run: string;
  sha256: string;
  quickXorHash: string;
  /** Below the destination. */
  place: string;
  destinationId: string;
  /** The API said later that it is gone from the source and was kept. */
  isKept: boolean;
}

const lookMs = 200;

export class ChaosTask {
  readonly name: string;
  readonly share: Share;
  readonly destination: string;
  readonly gonePolicy: GonePolicy;
  /** Of files, by path. */
  readonly reported = new Map<string, Reported>();
  /** Every place that a path ever had. */
  readonly places = new Map<string, Set<string>>();
  /** How many runs ended how. */
  readonly endings = new Map<string, number>();
  reportedItems = 0;
  readonly #api: Api;
  readonly #log: ChaosLog;

  constructor(
    parts: { name: string; share: Share; destination: string; gonePolicy: GonePolicy },
    around: { api: Api; log: ChaosLog },
  ) {
    this.name = parts.name;
    this.share = parts.share;
    this.destination = parts.destination;
    this.gonePolicy = parts.gonePolicy;
    this.#api = around.api;
    this.#log = around.log;
  }

  /** Runs the task until the signal aborts; the run that is going then is left going. */
  async runAgainAndAgain(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const name = await this.#start(signal);
      const run = await this.#untilEnded(name, signal);
      if (run !== undefined) await this.takeReport(run);
    }
  }

  /** Waits for the run that is going, if there is one, resuming it if it is paused. Throws when it takes too long. */
  async finish(patienceMs: number): Promise<void> {
    const { task } = await this.#call(() => this.#api.tasks.getTask({ name: this.name }));
    if (task!.latestRun === '') return;
    const run = await this.#end(task!.latestRun, patienceMs);
    await this.takeReport(run);
  }

  /** Runs the task to its end. Throws when that takes too long. */
  async run(patienceMs: number): Promise<Run> {
    const run = await this.#end(await this.#start(), patienceMs);
    await this.takeReport(run);
    return run;
  }

  /** Takes what a run that has ended reports; what was reported and can never have been true is a problem. */
  async takeReport(run: Run): Promise<void> {
    const ending = Object.entries(RunState).find(([, state]) => state === run.state)![0];
    this.endings.set(ending, (this.endings.get(ending) ?? 0) + 1);
    this.#log.note(progressLine(run));
    const all = await this.#call(() => Array.fromAsync(allItems(this.#api, run.name)));
    const files = all.filter(({ kind }) => kind === ItemKind.FILE);
    for (const item of files.filter(({ state }) => state === ItemState.FAILED))
      this.#log.note(`${run.name}: ${item.path}: ${item.message}`);
    const done = files.filter(({ state }) => state === ItemState.SUCCEEDED);
    this.reportedItems += done.length;
    // What was moved away or recycled made its place free before another file took it in the same run.
    for (const { movedFrom } of done) this.reported.delete(movedFrom);
    for (const { path } of done.filter(isRecycled)) this.reported.delete(path);
    for (const item of done.filter((one) => !isRecycled(one))) this.#takeMigrated(run, item);
    for (const { path } of files.filter(({ action }) => action === ItemAction.KEEP)) {
      const report = this.reported.get(path);
      if (report !== undefined) report.isKept = true;
    }
  }

  #takeMigrated(run: Run, item: Item): void {
    const { path, sha256, quickXorHash, destinationId } = item;
    if (this.share.truth.get(path)?.contents.has(sha256) !== true)
      this.#log.problem(`${run.name} reports ${path} as migrated with content that it never had: ${sha256}`); // oxfmt-ignore
    const place = item.destinationPath === '' ? path : item.destinationPath;
    this.reported.set(path, { run: run.name, sha256, quickXorHash, place, destinationId, isKept: false }); // oxfmt-ignore
    this.places.set(path, (this.places.get(path) ?? new Set()).add(place));
  }

  /** Why items of a run failed, in words, the first few. */
  async failures(run: Run): Promise<string> {
    const failed = await Array.fromAsync(allItems(this.#api, run.name, ItemState.FAILED));
    const words = failed.slice(0, 5).map(({ path, message }) => `${path}: ${message}`);
    return [`${failed.length} items failed`, ...words, run.error?.message ?? ''].join('\n  ');
  }

  async #start(signal?: AbortSignal): Promise<string> {
    const requestId = randomUUID();
    for (;;) {
      try {
        return (await this.#api.tasks.runTask({ name: this.name, requestId })).run!.name;
      } catch (thrown) {
        const error = callError(thrown);
        this.#log.note(`${this.name} cannot be run now: ${error.message}`);
        if (error.reason === ErrorReason.INTERNAL && !isLostCall(thrown)) this.#log.problem(`RunTask: ${error.message}`); // oxfmt-ignore
        if (signal?.aborted) return '';
        await delay(lookMs);
      }
    }
  }

  async #untilEnded(name: string, signal: AbortSignal): Promise<Run | undefined> {
    while (!signal.aborted) {
      const { run } = await this.#call(() => this.#api.runs.getRun({ name }));
      if (hasEnded(run!)) return run;
      await delay(lookMs);
    }
    return undefined;
  }

  async #end(name: string, patienceMs: number): Promise<Run> {
    const deadlineMs = performance.now() + patienceMs;
    for (;;) {
      const { run } = await this.#call(() => this.#api.runs.getRun({ name }));
      if (hasEnded(run!)) return run!;
      if (run!.state === RunState.PAUSED) await this.#call(() => this.#api.tasks.resumeTask({ name: this.name })); // oxfmt-ignore
      if (performance.now() > deadlineMs)
        throw new Error(`${progressLine(run!)}: it did not end within ${patienceMs / 1000} s; ${run!.waitingFor}`); // oxfmt-ignore
      await delay(lookMs);
    }
  }

  /** Calls until there is an answer, which is not at once when the coordinator is away. */
  async #call<T>(call: () => Promise<T>): Promise<T> {
    const deadlineMs = performance.now() + startPatienceMs;
    for (;;) {
      try {
        return await call();
      } catch (thrown) {
        if (performance.now() > deadlineMs || !isLostCall(thrown)) throw callError(thrown);
        await delay(lookMs);
      }
    }
  }
}

function isRecycled({ action }: Item): boolean {
  return action === ItemAction.RECYCLE;
}

/** Whether it was not the coordinator that refused: then nobody knows whether the call was taken. */
function isLostCall(thrown: unknown): boolean {
  return thrown instanceof ConnectError && thrown.findDetails(ErrorInfoSchema).length === 0;
}
