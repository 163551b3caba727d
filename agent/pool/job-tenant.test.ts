import { once } from 'node:events';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import test from 'ava';
import type { SharePointAccess } from '../destination/sharepoint/access.ts';
import { createGateMemory } from '../destination/sharepoint/tenant-gate.ts';
import { openTenant } from './job-tenant.ts';
import {
  countShort,
  createSharedJobState,
  isCutOff,
  isStopped,
  stopJob,
  stopSoonMs,
} from './jobs.ts';
import { StoppedError } from './stopped-error.ts';

const access: SharePointAccess = {
  graphUrl: 'https://graph.microsoft.com',
  route: { proxyUrl: undefined, caFile: undefined, noProxy: undefined },
  gate: createGateMemory(4),
  lanes: 2,
};
const jobOf = (host: MessagePort) => ({
  destination: 'ann@contoso.com',
  run: 'tasks/a/runs/1',
  tenant: { access, host },
});

test('a job whose destination needs no tenant has none', (t) => {
  t.is(openTenant({ destination: '/srv', run: 'r', tenant: undefined }, undefined), undefined);
});

test("the signal follows the job's stop flag", async (t) => {
  const { port1, port2 } = new MessageChannel();
  const shared = createSharedJobState(0);
  {
    using tenant = openTenant(jobOf(port2), shared);
    const { signal } = tenant!;
    t.false(signal.aborted);
    const aborted = once(signal, 'abort');
    stopJob(shared);
    await aborted;
    t.true(signal.reason instanceof StoppedError);
  }
  port1.close();
});

test('a job that was told to stop before it began is stopped at once', async (t) => {
  const { port2 } = new MessageChannel();
  const shared = createSharedJobState(0);
  stopJob(shared);
  using tenant = openTenant(jobOf(port2), shared);
  t.true(tenant!.signal.aborted);
});

test('a job that is to stop soon has a moment, unless it is told to stop at once', async (t) => {
  const { port1, port2 } = new MessageChannel();
  const shared = createSharedJobState(0);
  countShort(shared, 1);
  stopJob(shared, 'soon');
  {
    using tenant = openTenant(jobOf(port2), shared);
    const { signal } = tenant!;
    const aborted = once(signal, 'abort');
    t.false(signal.aborted);
    stopJob(shared);
    stopJob(shared, 'soon');
    t.true(isCutOff(shared));
    await aborted;
  }
  port1.close();
});

test('the moment of a job that is to stop soon ends', async (t) => {
  const { port1, port2 } = new MessageChannel();
  const shared = createSharedJobState(0);
  {
    using tenant = openTenant(jobOf(port2), shared);
    const aborted = once(tenant!.signal, 'abort');
    countShort(shared, 1);
    stopJob(shared, 'soon');
    t.true(isStopped(shared));
    t.false(isCutOff(shared));
    await aborted;
    t.true(tenant!.signal.reason instanceof StoppedError);
  }
  port1.close();
});

test('a job that is to stop soon waits for nothing but what takes a moment', async (t) => {
  const { port1, port2 } = new MessageChannel();
  const shared = createSharedJobState(0);
  for (let going = 0; going < 3; going++) countShort(shared, 1);
  {
    using tenant = openTenant(jobOf(port2), shared);
    const { signal } = tenant!;
    const aborted = once(signal, 'abort');
    const begunMs = performance.now();
    stopJob(shared, 'soon');
    for (let going = 3; going > 0; going--) {
      await new Promise((resolve) => setImmediate(resolve));
      t.false(signal.aborted);
      countShort(shared, -1);
    }
    await aborted;
    t.true(performance.now() - begunMs < stopSoonMs);
  }
  port1.close();
});

test('the port closes with the job, and what was said last still arrives', async (t) => {
  const { port1, port2 } = new MessageChannel();
  const said: unknown[] = [];
  port1.on('message', (message) => said.push(message));
  const closed = once(port1, 'close');
  {
    using tenant = openTenant(jobOf(port2), createSharedJobState(0));
    tenant!.host.log('info', 'last', {});
  }
  await closed;
  t.deepEqual(said, [{ kind: 'log', level: 'info', message: 'last', fields: {} }]);
});
