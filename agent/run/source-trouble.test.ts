// What becomes of leases whose source, or destination folder, is out of reach as a whole: with a real journal and real folders, and threads that do what the test says.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import test, { type ExecutionContext } from 'ava';
import { BatchItemsSchema } from '../../gen/drover/v1/columns_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { AttachResponseSchema, BatchPhase, type AttachRequest } from '../../gen/drover/v1/session_pb.ts'; // oxfmt-ignore
import { reasonName } from '../../lib/error.ts';
import { createLog } from '../../lib/log.ts';
import { sealedBox } from '../../lib/sealed-box.ts';
import type { Clock } from '../../lib/time.ts';
import { isStopped, type JobResult } from '../pool/jobs.ts';
import { openJournal } from './journal.ts';
import { PlayedPool } from './played-pool.ts';
import { lookMsFirst } from './place-watch.ts';
import { Work } from './work.ts';

const { SOURCE_NOT_FOUND, SOURCE_CHANGED, DESTINATION_UNREACHABLE } = ErrorReason;
const results = Uint8Array.of(1, 2, 3);
const lost = { kind: 'source-lost', reason: SOURCE_NOT_FOUND, message: 'it is not there' } as const;

class Scene implements AsyncDisposable {
  readonly pool = new PlayedPool(4);
  readonly work: Work;
  readonly folder: string;
  readonly #journal: Awaited<ReturnType<typeof openJournal>>;
  readonly #frames: AttachRequest['frame'][] = [];
  readonly #watchers = new Set<() => void>();
  #timers: { delayMs: number; callback: () => void }[] = [];

  private constructor(folder: string, journal: Awaited<ReturnType<typeof openJournal>>) {
    const clock: Clock = {
      now: () => 0,
      steady: () => 0,
      after: (delayMs, callback) => {
        const timer = { delayMs, callback };
        this.#timers.push(timer);
        return () => (this.#timers = this.#timers.filter((other) => other !== timer));
      },
    };
    this.folder = folder;
    this.#journal = journal;
    const log = createLog('agent', 'silent');
    this.work = new Work({ pool: this.pool, journal, slots: 5, authority: 'ca', tenant: undefined, clock, log }); // oxfmt-ignore
    this.work.attach(({ frame }) => {
      this.#frames.push(frame);
      for (const tell of this.#watchers) tell();
    });
  }

  static async start(t: ExecutionContext): Promise<Scene> {
    const folder = mkdtempSync(path.join(tmpdir(), 'drover-source-'));
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    return new Scene(folder, await openJournal(path.join(folder, 'journal'), sealedBox(new Uint8Array(32)))); // oxfmt-ignore
  }

  source(name: string): string {
    return path.join(this.folder, name);
  }

  /** A lease of a batch, or of a scan, of a source of this name. */
  lease(kind: 'scan' | 'batches', number: number, source: string, nextPage = 1n): void {
    const lease = kind === 'scan' ? `tasks/${number}/runs/1/scan` : `tasks/a/runs/1/batches/${number}`; // oxfmt-ignore
    const place = { key: { lease, generation: 1 }, source: this.source(source), destination: this.source('to') }; // oxfmt-ignore
    const items = toBinary(BatchItemsSchema, create(BatchItemsSchema, { path: ['a', 'b'] }));
    const frame =
      kind === 'scan'
        ? ({ case: 'scanLease', value: { ...place, nextPage, pageWindow: 1 } } as const)
        : ({ case: 'batchLease', value: { ...place, phase: BatchPhase.TRANSFER, items } } as const);
    this.work.receive(create(AttachResponseSchema, { frame }));
  }

  /** The job of a source of this name, as soon as it is going. */
  async going(source: string) {
    for (;;) {
      const found = this.pool.going.find(({ job }) => 'source' in job && job.source === this.source(source)); // oxfmt-ignore
      if (found !== undefined) return found;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async end(source: string, result: JobResult): Promise<void> {
    (await this.going(source)).answer(result);
  }

  /** The pause before the next look at a source, as soon as it has begun. */
  async nextPause(): Promise<{ delayMs: number; callback: () => void }> {
    for (;;) {
      // A standstill is looked for much later.
      const timer = this.#timers.find(({ delayMs }) => delayMs <= 2 * lookMsFirst);
      if (timer !== undefined) {
        this.#timers = this.#timers.filter((other) => other !== timer);
        return timer;
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** What the agent said, in short, as soon as it said so much; of its heartbeats those that say something new. */
  async said(least: number): Promise<string[]> {
    for (;;) {
      const said = this.#said();
      if (said.length >= least) return said;
      await new Promise<void>((resolve) => this.#watchers.add(resolve));
    }
  }

  #said(): string[] {
    let condition = 'well';
    return this.#frames.flatMap((frame) => {
      switch (frame.case) {
        case 'heartbeat': {
          const before = condition;
          const { attention } = frame.value;
          const places = attention?.sources.map((source) => path.basename(source)).join();
          condition = attention === undefined ? 'well' : `${attention.locationKinds.join()} ${places}: ${attention.message}`; // oxfmt-ignore
          return condition === before ? [] : [condition];
        }
        case 'leaseReturn':
          return frame.value.keys.map(({ lease }) => `returned ${lease}`);
        case 'batchDone':
          return `${frame.value.partial ? 'part' : 'all'} of ${frame.value.key!.lease}`;
        case 'scanDone':
          return `${frame.value.key!.lease} ended with ${reasonName(frame.value.reason)}`;
        default:
          return String(frame.case);
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.work.close();
    await this.pool.close();
    await this.#journal.close();
  }
}

test('it says so first, reports what is done, gives back the rest, goes on with other sources, and with this one when it is back', async (t) => {
  await using scene = await Scene.start(t);
  scene.lease('batches', 1, 'lost');
  scene.lease('batches', 2, 'lost/inside');
  scene.lease('batches', 3, 'other');
  const [other, inside] = [await scene.going('other'), await scene.going('lost/inside')];
  await scene.end('lost', { ...lost, results });
  await scene.said(1);
  t.true('shared' in inside.job && isStopped(inside.job.shared));
  t.false('shared' in other.job && isStopped(other.job.shared));
  inside.answer({ kind: 'stopped' });
  const said = await scene.said(3);
  t.is(said[0], 'file lost: it is not there');
  t.deepEqual(said.slice(1).toSorted(), ['part of tasks/a/runs/1/batches/1', 'returned tasks/a/runs/1/batches/2']); // oxfmt-ignore
  scene.lease('batches', 4, 'lost');
  t.is((await scene.said(4))[3], 'returned tasks/a/runs/1/batches/4');
  other.answer({ kind: 'batch-done', results });
  t.is((await scene.said(5))[4], 'all of tasks/a/runs/1/batches/3');

  // A share that is not mounted yet leaves a folder without anything in it.
  mkdirSync(scene.source('lost'));
  const first = await scene.nextPause();
  t.is(first.delayMs, lookMsFirst);
  first.callback();
  const second = await scene.nextPause();
  t.is(second.delayMs, 2 * lookMsFirst);
  writeFileSync(path.join(scene.source('lost'), 'a'), '');
  second.callback();
  t.is((await scene.said(6))[5], 'well');
  scene.lease('batches', 5, 'lost');
  await scene.end('lost', { kind: 'batch-done', results });
  t.is((await scene.said(7))[6], 'all of tasks/a/runs/1/batches/5');
});

test('a batch whose destination is away goes back, and is swept up after when it is there again', async (t) => {
  await using scene = await Scene.start(t);
  scene.lease('batches', 1, 'one');
  const away = { reason: DESTINATION_UNREACHABLE, message: 'it is away' };
  await scene.end('one', { kind: 'destination-lost', ...away });
  t.deepEqual((await scene.said(2)).toSorted(), ['file to: it is away', 'returned tasks/a/runs/1/batches/1']); // oxfmt-ignore
  const early = await scene.pool.job('sweep');
  early.answer({ kind: 'failed', ...away });
  mkdirSync(scene.source('to'));
  writeFileSync(path.join(scene.source('to'), 'a'), '');
  (await scene.nextPause()).callback();
  t.is((await scene.said(3))[2], 'well');
  const { job, answer } = await scene.pool.job('sweep');
  t.like(job, { destination: scene.source('to'), generation: 1 });
  answer({ kind: 'swept' });
});

test('a scan whose source is not there ends its run, but not when something was found of it before', async (t) => {
  await using scene = await Scene.start(t);
  scene.lease('scan', 1, 'never');
  await scene.end('never', { kind: 'failed', reason: SOURCE_NOT_FOUND, message: 'not there' });
  scene.lease('scan', 2, 'another', 7n);
  await scene.end('another', { kind: 'failed', reason: SOURCE_CHANGED, message: 'another one' });
  scene.lease('scan', 3, 'lost', 7n);
  await scene.end('lost', { kind: 'failed', reason: SOURCE_NOT_FOUND, message: 'not there' });
  t.deepEqual(await scene.said(4), [
    'tasks/1/runs/1/scan ended with SOURCE_NOT_FOUND',
    'tasks/2/runs/1/scan ended with SOURCE_CHANGED',
    'file lost: not there',
    'returned tasks/3/runs/1/scan',
  ]);
});
