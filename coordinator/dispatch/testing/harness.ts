// A dispatcher on a real store in a folder of its own, with a clock and agents that a test moves.
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type { ExecutionContext } from 'ava';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { TaskRowSchema, type RunRow } from '../../../gen/drover/store/v1/rows_pb.ts';
import { RunState } from '../../../gen/drover/v1/run_pb.ts';
import type { HelloSchema } from '../../../gen/drover/v1/session_pb.ts';
import { TaskSettingsSchema } from '../../../gen/drover/v1/settings_pb.ts';
import { createLog } from '../../../lib/log.ts';
import { batchBytesMax } from '../../plan/batch-builder.ts';
import { openLevelStore } from '../../store/level-store.ts';
import type { RunKey } from '../../store/store.ts';
import { newRetry, newRun, stepRun, type RunEvent } from '../../task/run-machine.ts';
import { createDispatcher } from '../create-dispatcher.ts';
import type { Dispatcher } from '../dispatcher.ts';
import { firstPosition } from '../failed-paths.ts';
import { ManualClock } from './manual-clock.ts';
import { ScriptedAgent, type Entry } from './scripted-agent.ts';
import { watchStore, type WatchedStore } from './watched-store.ts';

export const leaseTtlMs = 40_000;
const options = { leaseTtlMs, heartbeatIntervalMs: 5_000 };

export interface RunOptions {
  scanOnly?: boolean;
  /** @default /from */
  source?: string;
  destination?: string;
  settings?: MessageInitShape<typeof TaskSettingsSchema>;
  /** The number of a run: only what failed in it is tried again. */
  retried?: number;
}

export class Harness {
  readonly clock = new ManualClock();
  readonly watched: WatchedStore;
  dispatcher: Dispatcher;

  constructor(watched: WatchedStore) {
    this.watched = watched;
    this.dispatcher = this.#create();
  }

  #create(): Dispatcher {
    const { store } = this.watched;
    return createDispatcher({
      store,
      clock: this.clock,
      log: createLog('test', 'silent'),
      options,
    });
  }

  /** Waits until everything has happened that follows from what was done. */
  idle(): Promise<void> {
    return this.watched.idle();
  }

  /** Moves the time on, in steps small enough for every timer to come in its turn. */
  async advance(byMs: number): Promise<void> {
    for (let left = byMs; left > 0; left -= 5_000) {
      this.clock.advance(Math.min(left, 5_000));
      await this.idle();
    }
  }

  async attach(name: string, hello?: MessageInitShape<typeof HelloSchema>): Promise<ScriptedAgent> {
    const agent = new ScriptedAgent(this.dispatcher, name, hello);
    await this.idle();
    return agent;
  }

  /** Creates the task if it is new, and asks for its next run. */
  async start(
    task: string,
    {
      scanOnly = false,
      source = '/from',
      destination = '/to',
      settings: own = {},
      retried,
    }: RunOptions = {},
  ): Promise<RunKey> {
    // oxfmt-ignore
    const key = await this.watched.store.commit(async (transaction) => {
      const row =
        (await transaction.task(task)) ??
        create(TaskRowSchema, { task: { name: `tasks/${task}`, uid: task, source, destination } });
      const runKey = { task, run: row.latestRun + 1 };
      transaction.putTask(task, create(TaskRowSchema, { ...row, latestRun: runKey.run }));
      const settings = create(TaskSettingsSchema, { maxAttempts: 3, ...own });
      const now = this.clock.now();
      const run =
        retried === undefined
          ? newRun(runKey, settings, scanOnly, now)
          : newRetry(runKey, { settings, retried, position: firstPosition() }, now);
      transaction.putRun(runKey, run);
      return runKey;
    });
    this.dispatcher.runChanged(key);
    await this.idle();
    return key;
  }

  /** Somebody pauses, resumes or cancels a run; `told` is whether the dispatcher hears of it. */
  async change(key: RunKey, kind: 'pause' | 'resume' | 'cancel', told = true): Promise<void> {
    await this.step(key, { kind }, told);
  }

  /** The same for any event. */
  async step(key: RunKey, event: RunEvent, told = true): Promise<void> {
    await this.watched.store.commit(async (transaction) => {
      const row = await transaction.run(key);
      transaction.putRun(key, stepRun(row!, event, this.clock.now()));
    });
    if (told) this.dispatcher.runChanged(key);
    await this.idle();
  }

  async run(key: RunKey): Promise<RunRow> {
    return (await this.watched.store.run(key))!;
  }

  /** The name of the run's state. */
  async state(key: RunKey): Promise<string> {
    const { state } = (await this.run(key)).run!;
    return Object.entries(RunState).find(([, value]) => value === state)![0];
  }

  /** The coordinator's process ends and another begins on the same store. */
  async restart(): Promise<void> {
    await this.dispatcher.close();
    await this.idle();
    this.dispatcher = this.#create();
    await this.idle();
  }

  /** Starts a run whose scan an agent does at once: one page with these entries. */
  async scanned(
    task: string,
    agent: ScriptedAgent,
    entries: readonly Entry[],
    options?: RunOptions,
  ): Promise<RunKey> {
    const key = await this.start(task, options);
    const { key: lease } = agent.take('scanLease');
    if (entries.length > 0) agent.sendPage(lease, 1n, entries);
    agent.sendScanDone(lease, entries.length > 0 ? 1n : 0n);
    await this.idle();
    return key;
  }
}

/** A harness of the test's own, closed and removed when the test ends. */
export async function openHarness(t: ExecutionContext): Promise<Harness> {
  const folder = await mkdtemp(path.join(tmpdir(), 'drover-dispatch-'));
  const store = await openLevelStore(path.join(folder, 'store'));
  const harness = new Harness(watchStore(store));
  t.teardown(async () => {
    await harness.dispatcher.close();
    await store.close();
    await rm(folder, { recursive: true, force: true });
  });
  return harness;
}

/** Small files, in path order. */
export function smallFiles(count: number): Entry[] {
  return Array.from({ length: count }, (_, index) => ({
    path: `s${String(index).padStart(6, '0')}`,
    size: 1000n,
  }));
}

/** Files each of which is a batch of its own, in path order. */
export function batchFiles(count: number): Entry[] {
  return Array.from({ length: count }, (_, index) => ({
    path: `f${String(index).padStart(4, '0')}`,
    size: batchBytesMax,
  }));
}
