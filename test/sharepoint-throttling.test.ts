// A tenant that throttles, is busy, cuts connections and loses answers while it is migrated into: no file is lost or fails, each arrives
// once, and the run takes longer.
import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import { makeLargeFiles, makeSmallFiles } from '../scripts/bench-trees.ts';
import { temporaryFolder } from './harness/folders.ts';
import { assertSucceeded } from './harness/stack.ts';
import { idsOfFiles, Tenant, type Fault } from './harness/tenant.ts';

const test = anyTest as TestFn;
const stops: (() => Promise<unknown>)[] = [];
let tenant: Tenant;

test.before(async () => {
  const coordinatorArguments = ['--metrics-listen', '127.0.0.1:0'];
  tenant = await Tenant.start({ coordinatorArguments }, (stop) => stops.push(stop));
  await tenant.startAgent({ threads: 2 });
});

test.after.always(async () => {
  for (const stop of stops.toReversed()) await stop();
});

/** The values of the coordinator's metrics that have no labels, by name. */
async function metrics(): Promise<Map<string, number>> {
  const text = await (await fetch(tenant.stack.coordinator.ready.metricsAddress!)).text();
  const lines = text.matchAll(/^(drover_[a-z_]+) (\S+)$/gm);
  return new Map(Array.from(lines, ([, name, value]) => [name!, Number(value)]));
}

/** Migrates while the faults are played, each of them at least once. */
async function migrateUnder(
  t: ExecutionContext,
  faults: Fault[],
  make: (source: string) => void,
): Promise<void> {
  t.timeout(120_000);
  const source = path.join(await temporaryFolder(t), 'source');
  make(source);
  const destination = tenant.place();
  const task = await tenant.stack.createTask({ source, destination });
  await tenant.faults(...faults);
  t.teardown(() => tenant.faults());
  const run = await tenant.stack.runToEnd(task);
  assertSucceeded(t, run);
  const { rules } = await tenant.stats();
  for (const { name, hits } of rules) t.true(hits > 0, `${name} was never played`);
  await tenant.faults();
  const items = await tenant.stack.items(run);
  const there = await tenant.tree(destination);
  t.deepEqual([...there.keys()].sort(), [...items.keys()].sort());
  const versions = await tenant.versionCounts(destination, idsOfFiles(there));
  for (const [name, { id, isFolder, modified }] of there) {
    const seconds = Math.floor(Number(items.get(name)!.modifiedTime!.seconds));
    t.is(Date.parse(modified), seconds * 1000, name);
    if (isFolder) continue;
    t.is(items.get(name)!.attempts, 1, items.get(name)!.message);
    t.is(versions.get(id), 1, name);
    const content = hash('sha256', readFileSync(path.join(source, name)));
    t.is(hash('sha256', readFileSync(tenant.localCopy(destination, name))), content, name);
  }
  t.is((await tenant.stats()).graph.openSessions, 0);
  await assertMeasured(t);
}

/** The coordinator has counted what the agents were throttled, and how long they waited for it; they tell it within seconds. */
async function assertMeasured(t: ExecutionContext): Promise<void> {
  const { statuses } = await tenant.stats();
  const throttled = (statuses['429'] ?? 0) + (statuses['503'] ?? 0);
  let measured = await metrics();
  while (measured.get('drover_throttled_requests_total')! < throttled) {
    await delay(100);
    measured = await metrics();
  }
  t.is(measured.get('drover_throttled_requests_total'), throttled);
  // The shortest pause that a fault asks for; whoever was throttled waits for it at least.
  const waited = measured.get('drover_throttle_wait_seconds_total')!;
  t.true(throttled === 0 ? waited === 0 : waited >= 0.4 * throttled, `${waited} s`);
}

test.serial('throttled with every kind of Retry-After, and with none', async (t) => {
  let seed = 0;
  // Chances of their own: of two faults that strike the same request only one is its answer.
  const throttle = (name: string, fault: object): Fault => ({
    name,
    probability: 0.02,
    seed: ++seed,
    times: 2,
    fault: { kind: 'throttle', ...fault },
  });
  const faults = [
    throttle('429 with whole seconds', { retryAfter: 1 }),
    throttle('429 with a fraction', { retryAfter: 0.4 }),
    throttle('429 with a date', { retryAfter: 1, retryAfterAs: 'http-date' }),
    throttle('429 with nothing', {}),
    throttle('503 with seconds', { status: 503, retryAfter: 1 }),
    throttle('503 without any', { status: 503 }),
  ];
  await migrateUnder(t, faults, (source) => void makeSmallFiles(source, 300, 3000));
});

test.serial(
  'cut connections, bad gateways and answers that are lost after the work was done',
  async (t) => {
    const faults: Fault[] = [
    { name: 'cut in a body', method: 'PUT', path: 'uploadSession', every: 23, times: 6, fault: { kind: 'reset', afterBytes: 1000 } },
    { name: 'cut after the last byte', method: 'PUT', path: 'uploadSession', every: 31, times: 5, fault: { kind: 'reset' } },
    { name: 'lost after it was stored', method: 'PUT', path: 'uploadSession', every: 29, times: 5, fault: { kind: 'gatewayTimeoutAfterStore' } },
    { name: 'a folder whose answer is lost', method: 'POST', path: 'children', nth: 1, fault: { kind: 'gatewayTimeoutAfterStore' } },
    { name: 'not known yet', method: 'PUT', path: 'uploadSession', nth: 40, fault: { kind: 'notFoundOnce' } },
    { name: 'out of order', method: 'GET', every: 9, times: 3, fault: { kind: 'status', status: 500 } },
    { name: 'bad gateway', method: 'PATCH', nth: 1, fault: { kind: 'status', status: 502, body: '<html>Bad gateway</html>' } },
  ]; // oxfmt-ignore
    await migrateUnder(t, faults, (source) => void makeSmallFiles(source, 300, 3000));
  },
);

test.serial('a large file comes through all of that', async (t) => {
  const faults: Fault[] = [
    { name: 'throttled', method: 'PUT', path: 'uploadSession', nth: 2, fault: { kind: 'throttle', retryAfter: 1 } },
    { name: 'cut in a body', method: 'PUT', path: 'uploadSession', nth: 4, fault: { kind: 'reset', afterBytes: 2_000_000 } },
    { name: 'lost after it was stored', method: 'PUT', path: 'uploadSession', nth: 5, fault: { kind: 'gatewayTimeoutAfterStore' } },
    { name: 'unavailable', method: 'PUT', path: 'uploadSession', nth: 6, fault: { kind: 'unavailable', retryAfter: 1 } },
    { name: 'slow', method: 'PUT', path: 'uploadSession', nth: 3, fault: { kind: 'slowDrip', on: 'request', bytesPerSecond: 8_000_000 } },
  ]; // oxfmt-ignore
  await migrateUnder(t, faults, (source) => makeLargeFiles(source, 1, 60 * 1024 * 1024));
});
