// What becomes of leases when the agent's sign-in stops working, and when it works again: with a real journal, and threads and a sign-in
// that do what the test says.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { MessagePort } from 'node:worker_threads';
import { create, toBinary } from '@bufbuild/protobuf';
import test, { type ExecutionContext } from 'ava';
import { BatchItemsSchema } from '../../gen/drover/v1/columns_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { AttachResponseSchema, BatchPhase, type AttachRequest, type Heartbeat } from '../../gen/drover/v1/session_pb.ts'; // oxfmt-ignore
import { DroverError } from '../../lib/error.ts';
import { createLog } from '../../lib/log.ts';
import { systemClock, type Clock } from '../../lib/time.ts';
import type { Credential } from '../credential/credential.ts';
import { sealedBox } from '../../lib/sealed-box.ts';
import { createGateMemory, TenantGate } from '../destination/sharepoint/tenant-gate.ts';
import { isCutOff, isStopped, type Job, type JobResult } from '../pool/jobs.ts';
import { openJournal } from './journal.ts';
import { PlayedPool } from './played-pool.ts';
import { retryMsFirst } from './sign-in-watch.ts';
import { TenantHost } from './tenant-host.ts';
import { Work } from './work.ts';

const folder = '/srv/to';
const library = 'https://contoso.sharepoint.com/sites/x/Shared Documents';
const results = Uint8Array.of(1, 2, 3);
const expired = new DroverError(ErrorReason.SIGN_IN_FAILED, 'the secret has expired');
const ailing = {
  reason: ErrorReason.SIGN_IN_FAILED,
  message: 'the secret has expired',
  locationKinds: ['sharepoint'],
};

/** Closes what a thread would. */
class ClosingPool extends PlayedPool {
  readonly #hosts: MessagePort[] = [];

  override run(job: Job): Promise<JobResult> {
    if (job.tenant !== undefined) this.#hosts.push(job.tenant.host);
    return super.run(job);
  }

  override close(): Promise<void> {
    for (const host of this.#hosts) host.close();
    return super.close();
  }
}

class Scene implements AsyncDisposable {
  readonly pool = new ClosingPool(4);
  readonly work: Work;
  readonly tenant: TenantHost;
  readonly gate = createGateMemory(4);
  /** What the next sign-in comes to. */
  refusal: Error | undefined;
  readonly #frames: AttachRequest['frame'][] = [];
  readonly #journal: Awaited<ReturnType<typeof openJournal>>;
  #tokens = 0;
  #timer: { delayMs: number; callback: () => void } | undefined;

  private constructor(journal: Awaited<ReturnType<typeof openJournal>>) {
    const { pool } = this;
    const log = createLog('agent', 'silent');
    const clock: Clock = {
      now: () => 0,
      steady: () => 0,
      after: (delayMs, callback) => {
        this.#timer = { delayMs, callback };
        return () => (this.#timer = undefined);
      },
    };
    const credential: Credential = {
      accessToken: async () => {
        if (this.refusal !== undefined) throw this.refusal;
        return { token: `token ${(this.#tokens += 1)}`, expiresOnMs: Infinity };
      },
      [Symbol.asyncDispose]: async () => {},
    };
    const access = {
      graphUrl: 'https://127.0.0.1:1',
      route: { proxyUrl: undefined, caFile: undefined, noProxy: undefined },
      gate: this.gate,
      lanes: 2,
    };
    this.#journal = journal;
    this.tenant = new TenantHost({ credential, access, clock, log });
    this.work = new Work({ pool, journal, slots: 5, authority: 'ca', sourceRoots: [], tenant: this.tenant, log }); // oxfmt-ignore
  }

  /** An agent that is signed in, and is not attached yet. */
  static async start(t: ExecutionContext): Promise<Scene> {
    const data = mkdtempSync(path.join(tmpdir(), 'drover-attention-'));
    t.teardown(() => rmSync(data, { recursive: true, force: true }));
    const box = sealedBox(new Uint8Array(32));
    const scene = new Scene(await openJournal(path.join(data, 'journal'), box));
    await scene.tenant.signInEarly();
    return scene;
  }

  attach(): void {
    this.work.attach(({ frame }) => this.#frames.push(frame));
  }

  lease(kind: 'scan' | 'batches', number: number, destination: string): void {
    const lease = kind === 'scan' ? `tasks/${number}/runs/1/scan` : `tasks/a/runs/1/batches/${number}`; // oxfmt-ignore
    const place = { key: { lease, generation: 1 }, source: '/srv/from', destination };
    const items = toBinary(BatchItemsSchema, create(BatchItemsSchema, { path: ['a', 'b'] }));
    const frame =
      kind === 'scan'
        ? ({ case: 'scanLease', value: { ...place, nextPage: 1n, pageWindow: 1 } } as const)
        : ({ case: 'batchLease', value: { ...place, phase: BatchPhase.TRANSFER, items } } as const);
    this.work.receive(create(AttachResponseSchema, { frame }));
  }

  /** The sign-in does not work from now on, and somebody finds out. */
  async break(): Promise<void> {
    this.refusal = expired;
    await this.tenant.signInEarly();
  }

  /** The pause before the next attempt to sign in ends. */
  async retry(): Promise<number> {
    const { delayMs, callback } = this.#timer!;
    callback();
    await new Promise((resolve) => setImmediate(resolve));
    return delayMs;
  }

  /** Heartbeats so far. */
  heartbeats(): Heartbeat[] {
    return this.#frames.flatMap((frame) => (frame.case === 'heartbeat' ? [frame.value] : []));
  }

  /** What the agent said so far, in short; of its heartbeats those that say something new. */
  said(): string[] {
    let condition = 'well';
    return this.#frames.flatMap((frame) => {
      switch (frame.case) {
        case 'heartbeat': {
          const before = condition;
          condition = frame.value.attention?.message ?? 'well';
          return condition === before ? [] : [condition];
        }
        case 'leaseReturn':
          return `returned ${frame.value.keys.map(({ lease }) => lease).join()}`;
        case 'batchDone':
          return `${frame.value.partial ? 'part' : 'all'} of ${frame.value.key!.lease}`;
        default:
          return String(frame.case);
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.tenant.close();
    this.work.close();
    await this.pool.close();
    await this.#journal.close();
  }
}

test('it says so first, reports what is done, gives back the rest, and goes on with folders', async (t) => {
  await using scene = await Scene.start(t);
  scene.attach();
  scene.lease('batches', 1, library);
  scene.lease('batches', 2, folder);
  scene.lease('scan', 3, library);
  const going = await jobs(scene, 3);
  const scan = going.find(({ job }) => job.kind === 'scan');
  const batch = going.find(({ job }) => job.kind === 'batch' && job.destination === library);
  const other = going.find(({ job }) => 'destination' in job && job.destination === folder);
  await scene.break();
  t.true(isStopped(batch!.job.shared) && !isCutOff(batch!.job.shared));
  t.true(isCutOff(scan!.job.shared));
  t.false(isStopped(other!.job.shared));
  scan!.answer({ kind: 'stopped' });
  batch!.answer({ kind: 'stopped', results });
  await scene.work.until(() => scene.said().length >= 3);
  const first = [expired.message, 'returned tasks/3/runs/1/scan', 'part of tasks/a/runs/1/batches/1']; // oxfmt-ignore
  t.deepEqual(scene.said(), first);

  // What was on its way goes back, and work on folders does not.
  scene.lease('batches', 4, library);
  scene.lease('batches', 5, folder);
  t.deepEqual(scene.said().slice(3), ['returned tasks/a/runs/1/batches/4']);
  t.is(await scene.retry(), retryMsFirst);
  t.is(await scene.retry(), 2 * retryMsFirst);
  t.is(scene.said().length, 4);
  scene.refusal = undefined;
  await scene.retry();
  t.deepEqual(scene.said().slice(4), ['well']);
  scene.lease('batches', 6, library);
  await jobs(scene, 3);
  t.is(scene.said().length, 5);
});

test('what the tenant throttled by then is said when the agent is attached, so that what comes to it counts from the first', async (t) => {
  await using scene = await Scene.start(t);
  const gate = new TenantGate(scene.gate, systemClock);
  gate.throttled({ startMs: 0 }, 0);
  scene.attach();
  t.is(scene.heartbeats()[0]?.throttledRequests, 1n);
  scene.work.detach();
  gate.throttled({ startMs: 0 }, 0);
  scene.attach();
  t.is(scene.heartbeats()[1]?.throttledRequests, 2n);
});

test('a job that could not begin, or go on, because of it fails nothing', async (t) => {
  await using scene = await Scene.start(t);
  scene.attach();
  scene.lease('batches', 1, library);
  const [batch] = await jobs(scene, 1);
  batch!.answer({ kind: 'failed', reason: ErrorReason.SIGN_IN_FAILED, message: 'late' });
  await scene.work.until(({ leases }) => leases === 0);
  t.deepEqual(scene.said(), ['late', 'returned tasks/a/runs/1/batches/1']);
  await scene.retry();
  scene.lease('scan', 2, library);
  const [scan] = await jobs(scene, 1);
  scan!.answer({ kind: 'failed', reason: ErrorReason.SIGN_IN_UNREACHABLE, message: 'no way' });
  await scene.work.until(({ leases }) => leases === 0);
  t.deepEqual(scene.said().slice(2), ['well', 'no way', 'returned tasks/2/runs/1/scan']);
  await scene.retry();
  scene.lease('batches', 3, library);
  (await jobs(scene, 1))[0]!.answer({ kind: 'stopped', results });
  await scene.work.until(() => scene.said().length >= 7);
  t.deepEqual(scene.said().slice(5), ['well', 'part of tasks/a/runs/1/batches/3']);
});

test('a failure for another reason is reported as it was', async (t) => {
  await using scene = await Scene.start(t);
  scene.attach();
  scene.lease('batches', 1, library);
  const [batch] = await jobs(scene, 1);
  batch!.answer({ kind: 'failed', reason: ErrorReason.DESTINATION_NOT_FOUND, message: 'gone' });
  await scene.work.until(() => scene.said().length > 0);
  t.deepEqual(scene.said(), ['all of tasks/a/runs/1/batches/1']);
});

test('the hello says it, and what changes between the hello and the welcome is said at once', async (t) => {
  await using scene = await Scene.start(t);
  t.is(scene.work.attention(), undefined);
  await scene.break();
  scene.attach();
  t.deepEqual(scene.said(), [expired.message]);
  scene.work.detach();
  t.like(scene.work.attention(), ailing);
  scene.attach();
  t.deepEqual(scene.said(), [expired.message]);
});

/** Waits until so many jobs are going, and answers with them. */
async function jobs({ pool, work }: Scene, count: number) {
  await work.until(({ jobs: going }) => going >= count);
  while (pool.going.length < count) await new Promise((resolve) => setImmediate(resolve));
  return pool.going.flatMap(({ job, answer }) => (job.kind === 'sweep' ? [] : [{ job, answer }]));
}
