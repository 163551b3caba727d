// The agent against a coordinator whose every line the test writes; real TLS, gRPC and LevelDB, and threads that do what the
// test says.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import test, { type ExecutionContext } from 'ava';
import { BatchItemsSchema, BatchResultsSchema } from '../gen/drover/v1/columns_pb.ts';
import { ErrorReason } from '../gen/drover/v1/error_pb.ts';
import { ItemState } from '../gen/drover/v1/item_pb.ts';
import { BatchPhase } from '../gen/drover/v1/session_pb.ts';
import { TaskSettingsSchema } from '../gen/drover/v1/settings_pb.ts';
import { DroverError } from '../lib/error.ts';
import { createLog } from '../lib/log.ts';
import { systemClock } from '../lib/time.ts';
import { runAgent, type ReadyAgent } from './agent.ts';
import { PlayedCoordinator, type PlayedSession } from './link/played-coordinator.ts';
import { isStopped, PlayedPool, postPages } from './run/played-pool.ts';

const scanKey = { lease: 'tasks/a/runs/1/scan', generation: 1 };
const batchKey = (number: number, generation = 1) => ({
  lease: `tasks/a/runs/1/batches/${number}`,
  generation,
});
const folders = { source: '/srv/from', destination: 'file:///srv/to' };
const results = Uint8Array.of(1, 2, 3);

interface Started {
  pool: PlayedPool;
  drain: AbortController;
  stop: AbortController;
  ready: ReadyAgent[];
  ended: Promise<'drained' | 'stopped'>;
}

function start(t: ExecutionContext, coordinator: PlayedCoordinator, dataFolder: string): Started {
  const pool = new PlayedPool(1);
  const drain = new AbortController();
  const stop = new AbortController();
  const ready: ReadyAgent[] = [];
  const { address, joinToken } = coordinator;
  const settings = {
    coordinators: [address],
    dataFolder,
    joinToken,
    displayName: 'one',
    group: 'default',
    sourceRoots: [],
    threads: 1,
    signIn: undefined,
    requests: 4,
  };
  const log = createLog('agent', 'silent');
  const parts = { createPool: () => pool, clock: systemClock, log, showDeviceCode: () => {} };
  const signals = { drain: drain.signal, stop: stop.signal };
  const ended = runAgent(settings, parts, signals, (agent) => ready.push(agent));
  ended.catch(() => undefined);
  t.teardown(async () => {
    stop.abort();
    await ended.catch(() => undefined);
  });
  return { pool, drain, stop, ready, ended };
}

function folderFor(t: ExecutionContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'drover-agent-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function welcomed(coordinator: PlayedCoordinator): Promise<[PlayedSession, string[]]> {
  const session = await coordinator.session();
  const hello = await session.expect('hello');
  session.welcome();
  return [session, hello.leases.map(({ lease, generation }) => `${lease}#${generation}`)];
}

function leaseBatch(session: PlayedSession, number: number, generation = 1): void {
  const items = toBinary(BatchItemsSchema, create(BatchItemsSchema, { path: ['a', 'b'] }));
  const key = batchKey(number, generation);
  session.send({
    case: 'batchLease',
    value: { key, ...folders, phase: BatchPhase.TRANSFER, items },
  });
}

function leaseScan(session: PlayedSession, nextPage: bigint, pageWindow: number): void {
  session.send({ case: 'scanLease', value: { key: scanKey, ...folders, nextPage, pageWindow } });
}

const endOf = (key: { lease: string; generation: number }, page = 0n) =>
  ({ case: 'acknowledgement', value: { key, page } }) as const;

test('a scan sends no more pages than its window, and goes on as they are acknowledged', async (t) => {
  await using coordinator = await PlayedCoordinator.start();
  const { pool, ready } = start(t, coordinator, folderFor(t));
  const [session, held] = await welcomed(coordinator);
  t.deepEqual(held, []);
  leaseScan(session, 5n, 2);
  const { job, answer } = await pool.job('scan');
  t.like(ready[0], { agent: 'agents/one', slots: 2 });
  const posted = postPages(job, 4);
  t.is((await session.expect('scanPage')).page, 5n);
  t.is((await session.expect('scanPage')).page, 6n);
  t.is((await session.heartbeat()).leases[0]?.key?.lease, scanKey.lease);
  session.send(endOf(scanKey, 5n));
  t.is((await session.expect('scanPage')).page, 7n);
  await session.heartbeat();
  session.send(endOf(scanKey, 7n));
  const last = await session.expect('scanPage');
  t.deepEqual([last.page, [...last.items]], [8n, [4]]);
  t.is(await posted, 4);
  answer({ kind: 'scan-done' });
  t.like(await session.expect('scanDone'), { pages: 8n, reason: ErrorReason.UNSPECIFIED });
});

test('after the stream was cut, unacknowledged pages and the end of the scan are sent again', async (t) => {
  await using coordinator = await PlayedCoordinator.start();
  const { pool } = start(t, coordinator, folderFor(t));
  const [first] = await welcomed(coordinator);
  leaseScan(first, 1n, 3);
  const { job, answer } = await pool.job('scan');
  const posted = postPages(job, 5);
  for (let page = 1n; page <= 3n; page += 1n) t.is((await first.expect('scanPage')).page, page);
  first.send(endOf(scanKey, 1n));
  t.is((await first.expect('scanPage')).page, 4n);
  coordinator.cut();
  const [second, held] = await welcomed(coordinator);
  t.deepEqual(held, ['tasks/a/runs/1/scan#1']);
  for (let page = 2n; page <= 4n; page += 1n) t.is((await second.expect('scanPage')).page, page);
  second.send(endOf(scanKey, 4n));
  t.is((await second.expect('scanPage')).page, 5n);
  coordinator.cut();
  await posted;
  answer({ kind: 'scan-done' });
  const [third] = await welcomed(coordinator);
  t.is((await third.expect('scanPage')).page, 5n);
  t.is((await third.expect('scanDone')).pages, 5n);
  coordinator.cut();
  const [fourth] = await welcomed(coordinator);
  await fourth.expect('scanPage');
  await fourth.expect('scanDone');
  fourth.send(endOf(scanKey, 5n));
  fourth.send(endOf(scanKey));
  t.is((await fourth.heartbeat()).leases.length, 0);
});

test('results outlive the process until they are acknowledged, and unfinished batches are swept', async (t) => {
  await using coordinator = await PlayedCoordinator.start();
  const dataFolder = folderFor(t);
  const one = start(t, coordinator, dataFolder);
  const [first] = await welcomed(coordinator);
  leaseBatch(first, 1);
  leaseBatch(first, 2, 3);
  (await one.pool.job('batch')).answer({ kind: 'batch-done', results });
  t.deepEqual((await first.expect('batchDone')).results, results);
  const tag = (await one.pool.job('batch')).job.partTag;
  one.stop.abort();
  t.is(await one.ended, 'stopped');

  const two = start(t, coordinator, dataFolder);
  const [second, held] = await welcomed(coordinator);
  t.is(coordinator.joins.length, 1);
  t.deepEqual(held, ['tasks/a/runs/1/batches/1#1']);
  t.deepEqual((await second.expect('batchDone')).results, results);
  const sweep = await two.pool.job('sweep');
  t.like(sweep.job, { partTag: tag, generation: 3, destination: folders.destination });
  sweep.answer({ kind: 'swept' });
  second.send(endOf(batchKey(1)));
  t.is((await second.heartbeat()).leases.length, 0);
  two.drain.abort();
  t.is(await second.next(), undefined);
  second.sent.end();
  t.is(await two.ended, 'drained');

  const three = start(t, coordinator, dataFolder);
  const [third, nothing] = await welcomed(coordinator);
  t.deepEqual(nothing, []);
  await third.heartbeat();
  t.deepEqual(three.pool.going, []);
});

test('draining finishes the running batch, and gives the scan and what waits back', async (t) => {
  await using coordinator = await PlayedCoordinator.start();
  const batching = start(t, coordinator, folderFor(t));
  const [session] = await welcomed(coordinator);
  leaseBatch(session, 1);
  const { job, answer } = await batching.pool.job('batch');
  leaseBatch(session, 2);
  while ((await session.heartbeat()).leases.length < 2);
  batching.drain.abort();
  t.is((await session.expect('leaseReturn')).keys[0]?.lease, batchKey(2).lease);
  t.true((await session.heartbeat()).draining);
  leaseBatch(session, 3);
  t.is((await session.expect('leaseReturn')).keys[0]?.lease, batchKey(3).lease);
  t.false(isStopped(job));
  answer({ kind: 'batch-done', results });
  await session.expect('batchDone');
  session.send(endOf(batchKey(1)));
  t.is(await session.next(), undefined);
  session.sent.end();
  t.is(await batching.ended, 'drained');

  const scanning = start(t, coordinator, folderFor(t));
  const [other] = await welcomed(coordinator);
  leaseScan(other, 1n, 1);
  const scan = await scanning.pool.job('scan');
  const posted = postPages(scan.job, 9);
  await other.expect('scanPage');
  scanning.drain.abort();
  t.is(await posted, 1);
  scan.answer({ kind: 'stopped' });
  t.is((await other.expect('leaseReturn')).keys[0]?.lease, scanKey.lease);
  t.is(await other.next(), undefined);
  other.sent.end();
  t.is(await scanning.ended, 'drained');
});

test('a revoked lease is answered when its job has stopped, and not reported', async (t) => {
  await using coordinator = await PlayedCoordinator.start();
  const { pool } = start(t, coordinator, folderFor(t));
  const [session] = await welcomed(coordinator);
  session.send({ case: 'leaseRevocation', value: { key: batchKey(9) } });
  t.is((await session.expect('leaseReturn')).keys[0]?.lease, batchKey(9).lease);
  leaseBatch(session, 1);
  const { job, answer } = await pool.job('batch');
  // The same batch once more, which must wait until the older generation of it has stopped.
  leaseBatch(session, 1, 2);
  while (!isStopped(job)) await session.heartbeat();
  t.is(pool.going.length, 1);
  coordinator.cut();
  const [again, held] = await welcomed(coordinator);
  t.deepEqual(held, ['tasks/a/runs/1/batches/1#1', 'tasks/a/runs/1/batches/1#2']);
  answer({ kind: 'batch-done', results });
  t.is((await again.expect('leaseReturn')).keys[0]?.generation, 1);
  const newer = await pool.job('batch');
  t.is(newer.job.generation, 2);
  newer.answer({ kind: 'failed', reason: ErrorReason.DESTINATION_UNREACHABLE, message: 'gone' });
  const done = fromBinary(BatchResultsSchema, (await again.expect('batchDone')).results);
  t.deepEqual(done.state, [ItemState.FAILED, ItemState.FAILED]);
  t.is(done.sha256.length, 64);
  t.like(done.remark[1], {
    index: 1,
    reason: ErrorReason.DESTINATION_UNREACHABLE,
    message: 'gone',
  });
});

test('the agent takes no more than its slots', async (t) => {
  await using coordinator = await PlayedCoordinator.start();
  start(t, coordinator, folderFor(t));
  const [session] = await welcomed(coordinator);
  for (const number of [1, 2, 3]) leaseBatch(session, number);
  t.is((await session.expect('leaseReturn')).keys[0]?.lease, batchKey(3).lease);
});

test('the certificate is renewed in time, and the agent attaches with the new one', async (t) => {
  await using coordinator = await PlayedCoordinator.start();
  coordinator.certificateAgeMs = coordinator.certificateLifeMs * 0.7;
  const { ready } = start(t, coordinator, folderFor(t));
  const [first] = await welcomed(coordinator);
  t.is(await first.next(), undefined);
  first.sent.end();
  await welcomed(coordinator);
  t.is(coordinator.renewals, 1);
  t.is(ready.length, 1);
});

test('an agent that has not joined and has no token says what to do', async (t) => {
  await using coordinator = await PlayedCoordinator.start();
  const { address } = coordinator;
  const settings = {
    coordinators: [address],
    dataFolder: folderFor(t),
    joinToken: undefined,
    displayName: 'one',
    group: 'default',
    sourceRoots: [],
    threads: 1,
    signIn: undefined,
    requests: 4,
  };
  const log = createLog('agent', 'silent');
  const parts = { createPool: () => new PlayedPool(1), clock: systemClock, log, showDeviceCode: () => {} }; // oxfmt-ignore
  const never = new AbortController().signal;
  const error = await t.throwsAsync(
    runAgent(settings, parts, { drain: never, stop: never }, () => undefined),
    { instanceOf: DroverError },
  );
  t.regex(error.message, /--join-token-file: is missing.*drover join-tokens create/);
});

test('an agent whose sign-in does not work is attached, says so from the beginning, and gives back what needs it', async (t) => {
  await using coordinator = await PlayedCoordinator.start();
  const pool = new PlayedPool(1);
  const stop = new AbortController();
  const settings = {
    coordinators: [coordinator.address],
    dataFolder: folderFor(t),
    joinToken: coordinator.joinToken,
    displayName: 'one',
    group: 'default',
    sourceRoots: [],
    threads: 1,
    signIn: {
      tenant: 'contoso.onmicrosoft.com',
      clientId: '11112222-3333-4444-5555-666677778888',
      credential: { kind: 'secret', secret: 'x' } as const,
      // Nobody listens there.
      authorityUrl: 'https://127.0.0.1:1',
      graphUrl: 'https://127.0.0.1:1',
      cacheFile: undefined,
      http: { proxyUrl: undefined, caFile: undefined, noProxy: undefined },
    },
    requests: 4,
  };
  const log = createLog('agent', 'silent');
  const parts = { createPool: () => pool, clock: systemClock, log, showDeviceCode: () => {} };
  const signals = { drain: new AbortController().signal, stop: stop.signal };
  const ended = runAgent(settings, parts, signals, () => undefined);
  const session = await coordinator.session();
  const hello = await session.expect('hello');
  t.deepEqual(hello.locationKinds, ['file', 'sharepoint']);
  t.deepEqual(hello.knownSettings.map(({ field }) => field), TaskSettingsSchema.fields.map(({ number }) => number)); // oxfmt-ignore
  session.welcome();
  let { attention } = hello;
  while (attention === undefined) ({ attention } = await session.heartbeat());
  t.like(attention, { reason: ErrorReason.SIGN_IN_UNREACHABLE, locationKinds: ['sharepoint'] });
  t.regex(attention.message, /127\.0\.0\.1:1 cannot be reached/);
  const destination = 'https://contoso.sharepoint.com/sites/x/Shared Documents';
  session.send({
    case: 'scanLease',
    value: { key: scanKey, source: '/srv/from', destination, nextPage: 1n, pageWindow: 1 },
  });
  t.is((await session.expect('leaseReturn')).keys[0]!.lease, scanKey.lease);
  t.deepEqual(pool.going, []);
  leaseScan(session, 1n, 1);
  await pool.job('scan');
  stop.abort();
  await ended;
});

test('an agent that joined another coordinator does not attach to this one', async (t) => {
  await using joined = await PlayedCoordinator.start();
  await using other = await PlayedCoordinator.start();
  const dataFolder = folderFor(t);
  const first = start(t, joined, dataFolder);
  await welcomed(joined);
  first.stop.abort();
  await first.ended;
  const error = await t.throwsAsync(start(t, other, dataFolder).ended, { instanceOf: DroverError });
  t.is(error.reason, ErrorReason.COORDINATOR_MISMATCH);
  t.regex(error.message, /another certificate authority.*to join again, remove .*identity/);
});
