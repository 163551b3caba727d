// What becomes of a batch that is taken away while it is going, where the coordinator wants what was done by then: with a real journal,
// and threads that do what the test says.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import test, { type ExecutionContext } from 'ava';
import { BatchItemsSchema } from '../../gen/drover/v1/columns_pb.ts';
import { AttachResponseSchema, BatchPhase, type AttachRequest, type BatchDone } from '../../gen/drover/v1/session_pb.ts'; // oxfmt-ignore
import { createLog } from '../../lib/log.ts';
import { sealedBox } from '../../lib/sealed-box.ts';
import { isCutOff, isStopped } from '../pool/jobs.ts';
import { openJournal } from './journal.ts';
import { PlayedPool } from './played-pool.ts';
import { Work } from './work.ts';

const key = { lease: 'tasks/a/runs/1/batches/1', generation: 1 };
const results = Uint8Array.of(1, 2, 3);

type Answer = (Omit<BatchDone, 'results'> & { results: number[] }) | 'returned';

class Scene implements AsyncDisposable {
  readonly pool = new PlayedPool(1);
  readonly frames: AttachRequest['frame'][] = [];
  readonly work: Work;
  readonly #journal: Awaited<ReturnType<typeof openJournal>>;

  private constructor(journal: Awaited<ReturnType<typeof openJournal>>) {
    const { pool } = this;
    this.#journal = journal;
    this.work = new Work({ pool, journal, slots: 2, authority: 'ca', tenant: undefined, log: createLog('agent', 'silent') }); // oxfmt-ignore
  }

  /** An agent with this data folder, which is attached. */
  static async start(folder: string): Promise<Scene> {
    const box = sealedBox(new Uint8Array(32));
    const scene = new Scene(await openJournal(path.join(folder, 'journal'), box));
    await scene.work.restore();
    scene.work.attach(({ frame }) => scene.frames.push(frame));
    return scene;
  }

  send(
    frame: NonNullable<Parameters<typeof create<typeof AttachResponseSchema>>[1]>['frame'],
  ): void {
    this.work.receive(create(AttachResponseSchema, { frame: frame! }));
  }

  lease(): void {
    const items = toBinary(BatchItemsSchema, create(BatchItemsSchema, { path: ['a', 'b'] }));
    const value = { key, source: '/srv/from', destination: '/srv/to', phase: BatchPhase.TRANSFER, items }; // oxfmt-ignore
    this.send({ case: 'batchLease', value });
  }

  revoke(takesPartial: boolean): void {
    this.send({ case: 'leaseRevocation', value: { key, message: 'others wait', takesPartial } });
  }

  /** The answers so far: a BatchDone, or `returned`. */
  answers(): Answer[] {
    return this.frames.flatMap((frame): Answer[] => {
      if (frame.case === 'leaseReturn') return ['returned'];
      return frame.case === 'batchDone' ? [{ ...frame.value, results: [...frame.value.results] }] : []; // oxfmt-ignore
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.work.close();
    await this.pool.close();
    await this.#journal.close();
  }
}

function folderFor(t: ExecutionContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'drover-partial-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test('what was finished is reported, once it is on the disk, and again until it is acknowledged', async (t) => {
  const folder = folderFor(t);
  {
    await using scene = await Scene.start(folder);
    scene.lease();
    const { job, answer } = await scene.pool.job('batch');
    scene.revoke(true);
    t.true(isStopped(job.shared));
    t.false(isCutOff(job.shared), 'what is almost done may be finished');
    answer({ kind: 'stopped', results });
    await scene.work.until(() => scene.answers().length > 0);
    t.like(scene.answers(), { length: 1, 0: { key, results: [...results], partial: true } });
  }
  // The process died, or the agent was started again.
  await using scene = await Scene.start(folder);
  t.like(scene.answers(), { length: 1, 0: { key, results: [...results], partial: true } });
  t.deepEqual(scene.pool.going, []);
  scene.send({ case: 'acknowledgement', value: { key, page: 0n } });
  t.deepEqual(scene.work.leases(), []);
});

test('a batch that had finished nothing goes back', async (t) => {
  await using scene = await Scene.start(folderFor(t));
  scene.lease();
  const { answer } = await scene.pool.job('batch');
  scene.revoke(true);
  answer({ kind: 'stopped' });
  await scene.work.until(({ leases }) => leases === 0);
  t.deepEqual(scene.answers(), ['returned']);
});

test('a batch that came to its end all the same is reported as a whole', async (t) => {
  await using scene = await Scene.start(folderFor(t));
  scene.lease();
  const { answer } = await scene.pool.job('batch');
  scene.revoke(true);
  answer({ kind: 'batch-done', results });
  await scene.work.until(() => scene.answers().length > 0);
  t.like(scene.answers(), { length: 1, 0: { key, results: [...results], partial: false } });
});

test('nothing is reported of a batch that is lost, also when a part of it was wanted before', async (t) => {
  for (const wanted of [[false], [true, false], [false, true]]) {
    await using scene = await Scene.start(folderFor(t));
    scene.lease();
    const { job, answer } = await scene.pool.job('batch');
    for (const takesPartial of wanted) scene.revoke(takesPartial);
    t.true(isCutOff(job.shared));
    answer({ kind: 'stopped', results });
    await scene.work.until(({ leases }) => leases === 0);
    t.deepEqual(scene.answers(), ['returned'], wanted.join());
  }
});

test('a revocation that takes parts comes too late for a batch that is reported', async (t) => {
  await using scene = await Scene.start(folderFor(t));
  scene.lease();
  (await scene.pool.job('batch')).answer({ kind: 'batch-done', results });
  await scene.work.until(() => scene.answers().length > 0);
  scene.revoke(true);
  t.like(scene.answers(), { length: 1, 0: { key, partial: false } });
  t.is(scene.work.leases().length, 1, 'it is kept until it is acknowledged');
});
