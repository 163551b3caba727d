// Jobs that do not end, in real threads.
import { MessageChannel } from 'node:worker_threads';
import test from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { createGateMemory } from '../destination/sharepoint/tenant-gate.ts';
import type { JobLimits } from './job-watch.ts';
import { createSharedJobState, progressItems, stopJob, threadOf, type JobResult, type JobTenant } from './jobs.ts'; // oxfmt-ignore
import { createPool } from './piscina-pool.ts';
import { begun, runBatch } from './testing/batch-place.ts';
import type { HungJob } from './testing/hung-program.ts';

/** Threads without a job keep no process alive. */
const awake = setInterval(() => undefined, 2 ** 30);
test.after.always(() => clearInterval(awake));

/** A limit that nothing in a test comes to. */
const never = 1e9;

/** Threads, and why they were ended. */
class Threads implements AsyncDisposable {
  readonly pool;
  readonly ended: string[] = [];

  constructor(threads: number, limits: Partial<JobLimits>) {
    const program = new URL('./testing/hung-program.ts', import.meta.url);
    const onStuck = (why: string) => this.ended.push(why);
    const onBroken = (error: Error) => this.ended.push(error.message);
    this.pool = createPool({ threads, program, onStuck, onBroken, limits: { stopMs: never, stepMs: never, lookMs: 5, ...limits } }); // oxfmt-ignore
  }

  begin(what: HungJob, tenant?: JobTenant) {
    const shared = createSharedJobState(0);
    const place = { source: `/${what}`, destination: '/nowhere' };
    const end = runBatch(this.pool, place, {}, { tenant, shared });
    return { shared, result: end.then(({ result }) => result) };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.pool.close();
  }
}

/** What a batch needs that may begin beside another one. */
function someTenant(): JobTenant {
  const route = { proxyUrl: undefined, caFile: undefined, noProxy: undefined };
  const access = { graphUrl: 'http://127.0.0.1', route, gate: createGateMemory(8), lanes: 2 };
  return { access, host: new MessageChannel().port2 };
}

const isDone = ({ kind }: JobResult) => kind === 'batch-done';

test('a thread that computes without coming further is ended and replaced, and its job fails with the reason', async (t) => {
  await using threads = new Threads(2, { stepMs: 200 });
  const hung = threads.begin('loop');
  await begun(hung.shared, progressItems);
  const others = Array.from({ length: 5 }, () => threads.begin('end').result);
  t.true((await Promise.all(others)).every(isDone), 'the other thread goes on');
  const result = await hung.result;
  if (result.kind !== 'failed') return t.fail(result.kind);
  t.is(result.reason, ErrorReason.INTERNAL);
  const why = 'it came no further in 0.2 seconds of processor time';
  t.is(result.message, `the worker thread was ended before its job did: ${why}`);
  t.deepEqual(threads.ended, [why]);
  // As many jobs at once as there are threads.
  const [one, other] = [threads.begin('wait'), threads.begin('wait')];
  await Promise.all([begun(one.shared, progressItems), begun(other.shared, progressItems)]);
  t.is(new Set([hung, one, other].map(({ shared }) => threadOf(shared))).size, 3);
});

test('a thread that uses as much processor time and comes further is left alone', async (t) => {
  await using threads = new Threads(1, { stepMs: 200 });
  t.true(isDone(await threads.begin('compute').result));
  t.deepEqual(threads.ended, []);
});

for (const what of ['loop', 'wait'] as const)
  test(`a job that was told to stop and goes on (${what}) loses its thread, as if it had stopped`, async (t) => {
    await using threads = new Threads(1, { stopMs: 50 });
    const hung = threads.begin(what);
    await begun(hung.shared, progressItems);
    const next = threads.begin('end');
    stopJob(hung.shared);
    t.deepEqual(await hung.result, { kind: 'stopped' });
    t.deepEqual(threads.ended, ['its job was told to stop, and had not ended 0.05 seconds later']);
    t.true(isDone(await next.result), 'what waited for the thread is done by its successor');
  });

test('a job that waits and was not told to stop is left alone, however often it is looked', async (t) => {
  await using threads = new Threads(2, { stopMs: 0, stepMs: 200, lookMs: 20 });
  const waiting = threads.begin('wait');
  await begun(waiting.shared, progressItems);
  // It is looked as often as a job that does not end takes to be noticed.
  const hung = threads.begin('loop');
  t.is((await hung.result).kind, 'failed');
  t.is(threads.ended.length, 1);
  stopJob(waiting.shared);
  t.deepEqual(await waiting.result, { kind: 'stopped' });
});

test('what a thread did beside the job that did not stop goes back, and no item of it fails', async (t) => {
  await using threads = new Threads(1, { stopMs: 50 });
  const neighbour = threads.begin('end-and-wait', someTenant());
  await begun(neighbour.shared, progressItems);
  const hung = threads.begin('loop', someTenant());
  await begun(hung.shared, progressItems);
  t.is(threadOf(hung.shared), threadOf(neighbour.shared));
  stopJob(hung.shared);
  t.deepEqual(await Promise.all([hung.result, neighbour.result]), [{ kind: 'stopped' }, { kind: 'stopped' }]); // oxfmt-ignore
});

test('what was given to a thread that computes without an end, and did not begin, goes back', async (t) => {
  await using threads = new Threads(1, { stepMs: 200 });
  const hung = threads.begin('end-and-loop', someTenant());
  await begun(hung.shared, progressItems);
  const next = threads.begin('end', someTenant());
  t.is((await hung.result).kind, 'failed');
  t.deepEqual(await next.result, { kind: 'stopped' });
});
