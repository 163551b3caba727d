// Workload h: how a run is shared by agents. They write to a tenant that takes its time for every answer, and each has so few requests
// at once that two cores are enough for all of them: what a run takes is what its agents wait for, and an agent is as fast as it may
// have requests at once.
import path from 'node:path';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import type { Api } from './api-client.ts';
import { connectApi } from './api-client.ts';
import { median, migrateOnce } from './bench-measure.ts';
import { figureRow, ratioRow, type Row } from './bench-table.ts';
import { resetStats, readStats } from './bench-tenant.ts';
import { makeSmallFiles } from './bench-trees.ts';
import type { WorkloadContext } from './bench-workloads.ts';
import type { LocalProcess } from './local-process.ts';
import { createJoinToken, emulatorSignIn, startAgent, startCoordinator, startEmulator, type AgentReady, type CoordinatorReady, type EmulatorReady } from './local-stack.ts'; // oxfmt-ignore

const library = 'https://contoso.sharepoint.com/sites/migration/Shared Documents';
const fileBytes = 1024;
/** Files of a run that is not measured, for each agent: it signs in and finds the library. */
const warmUpFiles = 8;

interface Stage {
  context: WorkloadContext;
  emulator: EmulatorReady;
  coordinator: CoordinatorReady;
  api: Api;
  source: string;
  /** Files and folders of the source. */
  items: number;
}

/** h: a run shared by agents of different speeds, and by one, two, four and eight of one speed. */
export async function sharedRun(context: WorkloadContext): Promise<Row[]> {
  const { balanceFiles: files, scaleFiles, balanceLatencyMs: latencyMs } = context.options.sizes;
  const source = path.join(context.folder, 'source');
  const items = files + makeSmallFiles(source, files, fileBytes);
  const scaleSource = path.join(context.folder, 'scale');
  const scaleItems = scaleFiles + makeSmallFiles(scaleSource, scaleFiles, fileBytes);
  await using emulator = await startEmulator({
    data: path.join(context.folder, 'emulator'),
    arguments: ['--latency', String(latencyMs)],
  });
  await using coordinator = await startCoordinator({ data: path.join(context.folder, 'coordinator') }); // oxfmt-ignore
  const api = connectApi(coordinator.ready);
  const stage: Stage = { context, emulator: emulator.ready, coordinator: coordinator.ready, api, source, items }; // oxfmt-ignore
  const scaleStage = { ...stage, source: scaleSource, items: scaleItems };
  return [...(await measureBalance(stage)), ...(await measureScale(scaleStage))];
}

/** Fast and slow agents together, against the time in which nobody would ever wait for another. */
async function measureBalance(stage: Stage): Promise<Row[]> {
  const { balanceRequests, balanceLatencyMs: latencyMs } = stage.context.options.sizes;
  await using agents = await startAgents(stage, balanceRequests);
  const atOnce = balanceRequests.reduce((sum, one) => sum + one, 0);
  const times = { ours: [] as number[], ideal: [] as number[] };
  for (let round = 0; round < stage.context.options.rounds; round++) {
    await resetStats(stage.emulator);
    const elapsedMs = await runOnce(stage, `balance ${round}`);
    const { requests } = await readStats(stage.emulator);
    times.ours.push(elapsedMs);
    times.ideal.push((requests * latencyMs) / atOnce);
    stage.context.say(
      `  ${agents.list.length} agents with ${balanceRequests.join(', ')} requests at once: ${elapsedMs.toFixed(0)} ms against ${times.ideal.at(-1)!.toFixed(0)} ms`,
    );
  }
  const title = `h  agents with ${balanceRequests.join(', ')} requests at once, against requests x latency / all at once`; // oxfmt-ignore
  return [ratioRow(title, times.ours, times.ideal, { most: 1.1 })];
}

/** The same run with ever fewer agents of one speed. */
async function measureScale(stage: Stage): Promise<Row[]> {
  const { scaleAgents, scaleRequests } = stage.context.options.sizes;
  const most = scaleAgents[0]!;
  await using agents = await startAgents(stage, new Array<number>(most).fill(scaleRequests));
  const elapsed = new Map<number, number[]>();
  for (const count of scaleAgents) {
    while (agents.list.length > count) await agents.list.pop()!.stop();
    const times: number[] = [];
    // The long runs say the same each time.
    const rounds = count === 1 ? 1 : stage.context.options.rounds;
    for (let round = 0; round < rounds; round++)
      times.push(await runOnce(stage, `scale ${count} ${round}`));
    elapsed.set(count, times);
    stage.context.say(`  ${count} equal agents: ${median(times).toFixed(0)} ms`);
  }
  const alone = median(elapsed.get(1)!);
  return [...elapsed].flatMap(([count, times]) => {
    if (count === 1) return [];
    const efficiency = alone / (count * median(times));
    const title = `   ${count} equal agents: time alone / (${count} x time together)`;
    return [figureRow(title, efficiency, { least: 0.9 })];
  });
}

async function runOnce({ api, source, items }: Stage, folder: string): Promise<number> {
  const { run } = await migrateOnce(api, { source, destination: `${library}/${folder}` }, items);
  return timestampMs(run.endTime!) - timestampMs(run.createTime!);
}

/** One agent for each number of requests at once. */
async function startAgents(stage: Stage, requests: readonly number[]) {
  const list: LocalProcess<AgentReady>[] = [];
  const stopAll = async () => {
    await Promise.all(list.splice(0).map((agent) => agent.stop()));
  };
  try {
    for (const atOnce of requests) {
      const name = `agent-${(startedAgents += 1)}`;
      list.push(
        await startAgent({
          name,
          data: path.join(stage.context.folder, name),
          coordinator: stage.coordinator,
          joinToken: await createJoinToken(stage.api),
          signIn: emulatorSignIn(stage.emulator, 'proxy'),
          threads: 1,
          arguments: ['--requests', String(atOnce)],
        }),
      );
    }
    await warmUp(stage, requests.length);
  } catch (error) {
    await stopAll();
    throw error;
  }
  return { list, [Symbol.asyncDispose]: stopAll };
}

async function warmUp({ api, context }: Stage, agents: number): Promise<void> {
  const files = agents * warmUpFiles;
  const name = `warm ${startedAgents}`;
  const source = path.join(context.folder, name);
  const items = files + makeSmallFiles(source, files, fileBytes);
  await migrateOnce(api, { source, destination: `${library}/${name}` }, items);
}

/** Agents are told apart by their number. */
let startedAgents = 0;
