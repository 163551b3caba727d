// Tasks that run by themselves, and what stays of a task that is deleted.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import test from 'ava';
import { LedgerFate } from '../gen/drover/v1/task_pb.ts';
import { makeSmallFiles } from '../scripts/bench-trees.ts';
import { callError } from '../scripts/api-client.ts';
import { assertSucceeded, Stack, type Cleanup } from './harness/stack.ts';
import { migratable, readTree } from './harness/tree.ts';

const files = 50;
const stops: Parameters<Cleanup>[0][] = [];
let folder: string;
let source: string;
let stack: Stack;
let items: bigint;

test.before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'drover-test-'));
  source = path.join(folder, 'source');
  items = BigInt(files + makeSmallFiles(source, files, 1000));
  stack = await Stack.start({ folder: path.join(folder, 'stack') }, (stop) => stops.push(stop));
  await stack.startAgent({ threads: 1 });
});

test.after.always(async () => {
  for (const stop of stops.toReversed()) await stop();
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
});

const destinationOf = (name: string) => pathToFileURL(path.join(folder, name)).href;

test.serial(
  'a task runs by itself when its time has come, once, though the coordinator died meanwhile',
  async (t) => {
    t.timeout(60_000);
    const schedule = { onceTime: timestampFromMs(Date.now() + 1500) };
    const name = await stack.createTask({ source, destination: destinationOf('once'), schedule });
    const waiting = (await stack.api.tasks.getTask({ name })).task!;
    t.deepEqual(waiting.nextRunTime, schedule.onceTime);
    await stack.coordinator.kill();
    await stack.startCoordinator();
    const run = await stack.untilEnded(name);
    assertSucceeded(t, run);
    t.true(run.createTime!.seconds >= schedule.onceTime.seconds);
    t.deepEqual(readTree(path.join(folder, 'once')), migratable(readTree(source)));

    await stack.coordinator.kill();
    await stack.startCoordinator();
    const { nextRunTime, skippedRun } = (await stack.api.tasks.getTask({ name })).task!;
    t.deepEqual([nextRunTime, skippedRun], [undefined, undefined]);
    t.is((await stack.api.runs.listRuns({ parent: name })).runs.length, 1);
  },
);

test.serial(
  'a task that is deleted and made again goes on where it was, when its ledger is kept',
  async (t) => {
    t.timeout(60_000);
    const task = { source, destination: destinationOf('kept') };
    const name = 'tasks/kept';
    const { tasks } = stack.api;
    await tasks.createTask({ task, taskId: 'kept' });
    assertSucceeded(t, await stack.runToEnd(name));
    const refusal = await tasks.deleteTask({ name }).then(() => undefined, callError);
    t.regex(refusal!.message, new RegExp(`${items} items`));
    await tasks.deleteTask({ name, ledger: LedgerFate.KEEP });
    await untilFree(() => tasks.createTask({ task, taskId: 'kept' }));
    const again = await stack.runToEnd(name);
    assertSucceeded(t, again);
    t.is(again.name, `${name}/runs/2`);
    t.is(again.progress!.skippedItems, items);
    t.is(again.progress!.succeededItems, 0n);
  },
);

/** Calls until what was deleted is removed. */
async function untilFree(call: () => Promise<unknown>): Promise<void> {
  for (;;) {
    const failure = await call().then(() => undefined, callError); // oxfmt-ignore
    if (failure === undefined) return;
    if (!failure.message.includes('still being removed')) throw failure;
  }
}
