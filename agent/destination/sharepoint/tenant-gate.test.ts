import { Worker } from 'node:worker_threads';
import test from 'ava';
import { systemClock, type Clock } from '../../../lib/time.ts';
import { createGateMemory, TenantGate, throttlingOf, type GateMemory } from './tenant-gate.ts';

const never = new AbortController().signal;

// Waiting for another thread keeps no process alive.
const alive = setInterval(() => undefined, 1000);
test.after.always(() => clearInterval(alive));

/** A clock that is moved by hand. */
class HandClock implements Clock {
  time = 1_000_000;
  now(): number {
    throw new Error('somebody may set this clock');
  }
  steady(): number {
    return this.time;
  }
  after(): () => void {
    return () => undefined;
  }
}

function makeGate(requestsMax: number): { gate: TenantGate; clock: HandClock; memory: GateMemory } {
  const clock = new HandClock();
  const memory = createGateMemory(requestsMax);
  return { gate: new TenantGate(memory, clock), clock, memory };
}

/** Whether a request is let through without anything else happening. */
async function isLetThrough(gate: TenantGate, resourceUnits = 2): Promise<boolean> {
  const signal = AbortSignal.timeout(20);
  try {
    await gate.enter(resourceUnits, signal);
    return true;
  } catch {
    return false;
  }
}

test('no more requests are let through than may be at once; one that leaves lets another in', async (t) => {
  const { gate } = makeGate(4);
  t.true(await isLetThrough(gate));
  t.true(await isLetThrough(gate));
  t.false(await isLetThrough(gate), 'a new gate begins with half');
  const waiting = gate.enter(2, never);
  gate.leave();
  await waiting;
  t.pass();
});

test('good answers let in one more at a time, up to the most', async (t) => {
  const { gate } = makeGate(4);
  for (let good = 0; good < 50; good++) gate.succeeded();
  for (let request = 0; request < 4; request++) t.true(await isLetThrough(gate));
  t.false(await isLetThrough(gate));
});

test('throttled requests halve the number once for all that were on their way together', async (t) => {
  const { gate, clock, memory } = makeGate(16);
  for (let good = 0; good < 500; good++) gate.succeeded();
  const passages = await Promise.all(Array.from({ length: 8 }, () => gate.enter(2, never)));
  clock.time += 10;
  for (const passage of passages) {
    gate.throttled(passage, 0);
    gate.leave();
  }
  let entered = 0;
  while (await isLetThrough(gate)) entered += 1;
  t.is(entered, 8);
  t.is(throttlingOf(memory).requests, 8);
});

test('a pause holds up everybody, in every thread, and nothing shortens it', async (t) => {
  const { gate, clock, memory } = makeGate(4);
  const passage = await gate.enter(2, never);
  gate.leave();
  gate.throttled(passage, 5000);
  gate.throttled(passage, 1000);
  const other = new TenantGate(memory, clock);
  clock.time += 4999;
  t.false(await isLetThrough(other));
  const waiting = other.enter(2, never);
  clock.time += 1;
  t.like(await waiting, { startMs: clock.time });
  t.deepEqual(throttlingOf(memory), { requests: 2, waitMs: 1 });
});

test('throttled answers that name no time pause longer each time, until one is good', async (t) => {
  const { gate, clock } = makeGate(4);
  const passage = await gate.enter(2, never);
  gate.leave();
  const pauseMs = async (): Promise<number> => {
    const start = clock.time;
    gate.throttled(passage, undefined);
    for (;;) {
      clock.time += 1000;
      if (await isLetThrough(gate)) break;
    }
    gate.leave();
    return clock.time - start;
  };
  t.deepEqual([await pauseMs(), await pauseMs(), await pauseMs()], [2000, 4000, 8000]);
  gate.succeeded();
  t.is(await pauseMs(), 2000);
});

test('the budget that the service tells is not overdrawn; the next window is waited for', async (t) => {
  const { gate, clock } = makeGate(16);
  await gate.enter(2, never);
  gate.budget(7, 10_000);
  gate.leave();
  t.true(await isLetThrough(gate), '5 are left beside the one on its way');
  t.true(await isLetThrough(gate));
  t.false(await isLetThrough(gate), '1 is left');
  t.true(await isLetThrough(gate, 1), 'what is cheap enough still goes');
  clock.time += 10_000;
  t.true(await isLetThrough(gate), 'a new window');
});

test('whoever waits is told when nobody wants it any more', async (t) => {
  const { gate } = makeGate(1);
  await gate.enter(2, never);
  const stop = new AbortController();
  const waiting = gate.enter(2, stop.signal);
  stop.abort(new Error('stopped'));
  await t.throwsAsync(waiting, { message: 'stopped' });
});

test('threads share one gate', async (t) => {
  const memory = createGateMemory(4);
  const gate = new TenantGate(memory, systemClock);
  await gate.enter(2, never);
  await gate.enter(2, never);
  const source = `
    const { parentPort, workerData } = await import('node:worker_threads');
    const { TenantGate } = await import(workerData.module);
    const { systemClock } = await import(workerData.time);
    const gate = new TenantGate(workerData.memory, systemClock);
    const alive = setInterval(() => undefined, 1000);
    parentPort.postMessage('waits');
    await gate.enter(2, new AbortController().signal);
    parentPort.postMessage('in');
    clearInterval(alive);
  `;
  const module = new URL('tenant-gate.ts', import.meta.url).href;
  const time = new URL('../../../lib/time.ts', import.meta.url).href;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), {
    workerData: { memory, module, time },
  });
  const messages: unknown[] = [];
  await new Promise<void>((resolve, reject) => {
    worker.on('error', reject);
    worker.on('message', (message) => {
      messages.push(message);
      // The thread can come in only because this one leaves.
      if (message === 'waits') gate.leave();
      else resolve();
    });
  });
  t.deepEqual(messages, ['waits', 'in']);
  await worker.terminate();
});
