// Workload g: what the coordinator alone can do, with agents that speak the real protocol over the real wire and take no time for their
// work. It has one core; all else that the bench starts has the others.
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { create } from '@bufbuild/protobuf';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { RunState, type Run } from '../gen/drover/v1/run_pb.ts';
import { TaskSchema } from '../gen/drover/v1/task_pb.ts';
import { callError, connectApi, type Api } from './api-client.ts';
import { pinProcess, startBenchAgents, type BenchAgents } from './bench-agents.ts';
import { cpuMsOf, describeRun, memoryOf, quantile } from './bench-measure.ts';
import { figureRow, type Row } from './bench-table.ts';
import type { WorkloadContext } from './bench-workloads.ts';
import type { LocalProcess } from './local-process.ts';
import { createJoinToken, startCoordinator, type CoordinatorReady } from './local-stack.ts';
import { watchRun } from './quick-start-run.ts';

/** Agents of the runs that are measured; the others of the sessions come after them. */
const workingAgents = 8;
const slots = 4;
const coordinatorCore = 0;
const agentsCore = 1;
const mebibyte = 1024 * 1024;

/** One coordinator, which is started again on its data, and the agents that it has. */
interface Stage {
  context: WorkloadContext;
  agents: BenchAgents;
  coordinator: LocalProcess<CoordinatorReady>;
  api: Api;
  /** The most memory that a coordinator of the stage had, in bytes. */
  peakBytes: number;
}

/** g: the coordinator alone. */
export async function coordinatorAlone(context: WorkloadContext): Promise<Row[]> {
  const { coordinatorItems: items, coordinatorSessions: sessions } = context.options.sizes;
  using agents = startBenchAgents();
  const coordinator = await startOnData(context);
  const stage: Stage = { context, agents, coordinator, api: connectApi(coordinator.ready), peakBytes: 0 }; // oxfmt-ignore
  try {
    const isPinned =
      pinProcess(coordinator.pid, coordinatorCore) && pinProcess(agents.pid, agentsCore);
    if (!isPinned)
      context.say('  without a second core and taskset the coordinator is not kept on one core');
    await attach(stage, Math.min(workingAgents, sessions));
    const runs = await measureRuns(stage, items);
    await attach(stage, Math.max(0, sessions - workingAgents));
    const idle = await measureIdle(stage);
    const firstLease = await measureFirstLease(stage);
    const restart = await measureRestart(stage, items);
    return [
      ...runs,
      ...idle,
      ...firstLease,
      ...restart,
      figureRow('   the most memory of the coordinator, MiB', stage.peakBytes / mebibyte, { most: 400 }), // oxfmt-ignore
    ];
  } finally {
    await stage.coordinator.stop();
  }
}

/** A coordinator on the data of the workload. */
export function startOnData(context: WorkloadContext, listen?: string) {
  return startCoordinator({
    data: path.join(context.folder, 'coordinator'),
    ...(listen === undefined ? {} : { listen }),
  });
}

/** Attaches so many more agents. */
export async function attach(
  { agents, api, coordinator }: Pick<Stage, 'agents' | 'api' | 'coordinator'>,
  count: number,
): Promise<void> {
  if (count === 0) return;
  const { address, authorityFile } = coordinator.ready;
  const joinToken = await createJoinToken(api, count);
  await agents.attach({ address, authorityFile, joinToken }, { count, slots });
}

/** A first run, in which every item is written, and a second one, in which every file is unchanged. */
async function measureRuns(stage: Stage, items: number): Promise<Row[]> {
  const { context, agents, api } = stage;
  await agents.setWork({ items, isHolding: false });
  const task = await createTask(api, 'first');
  const rows: Row[] = [];
  for (const [title, target] of [
    [`g  ${items} items through a coordinator with one core`, { least: 20_000 }],
    ['   the same items unchanged', undefined],
  ] as const) {
    const cpuMs = cpuMsOf(stage.coordinator.pid);
    const { run, elapsedMs } = await runToEnd(api, task);
    const usedMs = cpuMsOf(stage.coordinator.pid) - cpuMs;
    checkRun(run, items);
    const [perSecond, perCpuSecond] = [(items * 1000) / elapsedMs, (items * 1000) / usedMs];
    rows.push(
      figureRow(`${title}: items a second`, perSecond, target),
      figureRow('   items a second of processor time', perCpuSecond),
    );
    noteMemory(stage);
    context.say(
      `  ${perSecond.toFixed(0)} items a second, ${perCpuSecond.toFixed(0)} a second of processor time, memory at most ${(stage.peakBytes / mebibyte).toFixed(0)} MiB`,
    );
  }
  return rows;
}

/** Sessions that have nothing to do. */
async function measureIdle(stage: Stage): Promise<Row[]> {
  const { idleMs, coordinatorSessions: sessions } = stage.context.options.sizes;
  const [cpuMs, startMs] = [cpuMsOf(stage.coordinator.pid), performance.now()];
  await delay(idleMs);
  const share = (cpuMsOf(stage.coordinator.pid) - cpuMs) / (performance.now() - startMs);
  noteMemory(stage);
  stage.context.say(`  ${sessions} idle sessions take ${(share * 100).toFixed(1)} % of a core`);
  return [figureRow(`   ${sessions} idle sessions: share of a core`, share, { most: 0.1 })];
}

/** How long an idle agent waits for its first lease. */
async function measureFirstLease(stage: Stage): Promise<Row[]> {
  const { context, agents, api } = stage;
  const { firstLeaseRuns: runs, coordinatorSessions: sessions } = context.options.sizes;
  await agents.setWork({ items: 0, isHolding: false });
  const task = await createTask(api, 'empty');
  const waitsMs: number[] = [];
  for (let count = 0; count < runs; count++) {
    const startNs = process.hrtime.bigint();
    const run = (await api.tasks.runTask({ name: task })).run!;
    waitsMs.push(Number((await agents.scanLeaseNs(run.name)) - startNs) / 1e6);
    await watchRun(api, task, () => {}, new AbortController().signal);
  }
  noteMemory(stage);
  const [middle, slow] = [quantile(waitsMs, 0.5), quantile(waitsMs, 0.99)];
  context.say(`  first lease after ${middle.toFixed(1)} ms, 99 % within ${slow.toFixed(1)} ms`);
  const title = `   first lease of a run with ${sessions} sessions, ms, 99th percentile`;
  return [figureRow(title, slow, { most: 50 }), figureRow('   the same, median', middle)];
}

/** A coordinator that is killed in the middle of a run, when all is planned, and started again. */
async function measureRestart(stage: Stage, items: number): Promise<Row[]> {
  const { context, agents, api } = stage;
  await agents.setWork({ items, isHolding: true });
  const task = await createTask(api, 'killed');
  await api.tasks.runTask({ name: task });
  await waitScanned(api, task);
  noteMemory(stage);
  await stage.coordinator.kill();
  const startMs = performance.now();
  stage.coordinator = await startOnData(context, new URL(stage.coordinator.ready.address).host);
  const elapsedMs = performance.now() - startMs;
  context.say(`  ready ${elapsedMs.toFixed(0)} ms after it was killed with ${items} planned items`);
  pinProcess(stage.coordinator.pid, coordinatorCore);
  stage.api = connectApi(stage.coordinator.ready);
  await agents.waitAttached();
  await agents.setWork({ items, isHolding: false });
  const run = await watchRun(stage.api, task, () => {}, new AbortController().signal);
  checkRun(run!, items);
  noteMemory(stage);
  return [figureRow(`   ready again with ${items} planned items, ms`, elapsedMs, { most: 5000 })];
}

/** Creates a task whose items the agents make up; answers with its name. */
export async function createTask(api: Api, name: string): Promise<string> {
  const task = create(TaskSchema, { source: '/bench/share', destination: `file:///bench/${name}` });
  return (await api.tasks.createTask({ task })).task!.name;
}

/** Runs a task, and waits until it has ended. */
export async function runToEnd(api: Api, task: string): Promise<{ run: Run; elapsedMs: number }> {
  try {
    const startMs = Date.now();
    await api.tasks.runTask({ name: task });
    const run = await watchRun(api, task, () => {}, new AbortController().signal);
    return { run: run!, elapsedMs: timestampMs(run!.endTime!) - startMs };
  } catch (thrown) {
    throw callError(thrown);
  }
}

async function waitScanned(api: Api, name: string): Promise<void> {
  for await (const { run } of api.tasks.watchTask({ name }))
    if (run?.progress?.scanComplete === true) return;
  throw new Error(`the scan of ${name} has not ended`);
}

/** Throws unless all items were migrated. */
export function checkRun(run: Run, items: number): void {
  const { succeededItems, skippedItems, failedItems } = run.progress!;
  const isWhole = succeededItems + skippedItems === BigInt(items) && failedItems === 0n;
  if (run.state !== RunState.SUCCEEDED || !isWhole)
    throw new Error(`${describeRun(run)}; expected were ${items} items`);
}

function noteMemory(stage: Stage): void {
  const peakBytes = memoryOf(stage.coordinator.pid)?.peakBytes ?? 0;
  stage.peakBytes = Math.max(stage.peakBytes, peakBytes);
}
