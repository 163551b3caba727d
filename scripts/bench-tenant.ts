// The workloads of the bench that go to an emulated tenant: many small files against the round trips that they cost and against
// rclone, one large file against a bare loop, and a run within a budget of resource units. Every answer of the tenant takes 40 ms, as
// one does over a wide network, because that is what a migration waits for.
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { Agent, request } from 'undici';
import { connectApi, type Api } from './api-client.ts';
import { putBare } from './bench-bare-upload.ts';
import { cpuMsOf, hasProgram, median, migrateOnce } from './bench-measure.ts';
import { copyWithRclone } from './bench-rclone.ts';
import { figureRow, ratioRow, type Row } from './bench-table.ts';
import { makeLargeFiles, makeSmallFiles } from './bench-trees.ts';
import type { WorkloadContext } from './bench-workloads.ts';
import type { LocalProcess } from './local-process.ts';
import { createJoinToken, emulatorSignIn, startAgent, startCoordinator, startEmulator, type EmulatorReady } from './local-stack.ts'; // oxfmt-ignore

const latencyMs = 40;
/** Requests at once, on both sides of each comparison. */
const requestsAtOnce = 16;
const library = 'https://contoso.sharepoint.com/sites/migration/Shared Documents';

/** d: many small files. */
export async function tenantSmallFiles(context: WorkloadContext): Promise<Row[]> {
  const { tenantFiles: files, tenantFileBytes: bytes } = context.options.sizes;
  const source = path.join(context.folder, 'source');
  const folders = makeSmallFiles(source, files, bytes);
  const hasRclone = await hasProgram('rclone');
  if (!hasRclone) context.say('  rclone is not here, so there is only the count of round trips to compare with: apt-get install rclone'); // oxfmt-ignore
  const figures = { ours: [] as number[], ideal: [] as number[], theirs: [] as number[], perFile: [] as number[], emulatorMs: [] as number[] }; // oxfmt-ignore
  await withTenant(context, [], async ({ api, emulator }) => {
    const ours = async (round: number) => {
      await resetStats(emulator.ready);
      const cpuMs = cpuMsOf(emulator.pid);
      const { elapsedMs } = await migrateOnce(api, { source, destination: `${library}/ours ${round}` }, files + folders); // oxfmt-ignore
      const { requests } = await readStats(emulator.ready);
      figures.ours.push(elapsedMs);
      figures.ideal.push((requests * latencyMs) / requestsAtOnce);
      figures.perFile.push(requests / files);
      figures.emulatorMs.push((cpuMsOf(emulator.pid) - cpuMs) / requests);
    };
    const theirs = async (round: number) => {
      if (hasRclone)
        figures.theirs.push(
          await copyWithRclone(emulator.ready, { source, folder: `theirs ${round}`, scratch: context.folder, transfers: requestsAtOnce }), // oxfmt-ignore
        );
    };
    for (let round = 0; round < context.options.rounds; round++) {
      for (const one of round % 2 === 0 ? [ours, theirs] : [theirs, ours]) await one(round);
      context.say(
        `  round ${round + 1}: ${figures.ours.at(-1)!.toFixed(0)} ms against ${figures.ideal.at(-1)!.toFixed(0)} ms of round trips and ${figures.theirs.at(-1)?.toFixed(0) ?? '-'} ms of rclone`,
      );
    }
  });
  const title = `d  ${files} files of ${bytes} bytes to a library, ${latencyMs} ms a request`;
  return [
    figureRow(`${title}: requests a file`, median(figures.perFile), { most: 2.1 }),
    ratioRow('   requests x latency / requests at once', figures.ours, figures.ideal, { most: 1.25 }), // oxfmt-ignore
    ratioRow(`   rclone copy --transfers ${requestsAtOnce}`, figures.ours, figures.theirs),
    figureRow("   the emulator's processor time, ms a request", median(figures.emulatorMs)),
  ];
}

/** e: one large file. */
export async function tenantLargeFile(context: WorkloadContext): Promise<Row[]> {
  const { tenantLargeFileBytes: bytes } = context.options.sizes;
  const source = path.join(context.folder, 'source');
  makeLargeFiles(source, 1, bytes);
  const times = { ours: [] as number[], theirs: [] as number[] };
  await withTenant(context, [], async ({ api, emulator }) => {
    const ours = async (round: number) => {
      const destination = `${library}/ours ${round}`;
      times.ours.push((await migrateOnce(api, { source, destination }, 1)).elapsedMs);
    };
    const theirs = async (round: number) => {
      times.theirs.push(await putBare(emulator.ready, `bare ${round}.bin`, bytes));
    };
    for (let round = 0; round < context.options.rounds; round++) {
      for (const one of round % 2 === 0 ? [ours, theirs] : [theirs, ours]) await one(round);
      context.say(
        `  round ${round + 1}: ${times.ours.at(-1)!.toFixed(0)} ms against ${times.theirs.at(-1)!.toFixed(0)} ms`,
      );
    }
  });
  const title = `e  one file of ${bytes} bytes to a library, against a loop that only puts its chunks`;
  return [ratioRow(title, times.ours, times.theirs, { most: 1 / 0.8 })];
}

/** f: within a budget. */
export async function tenantBudget(context: WorkloadContext): Promise<Row[]> {
  const { budgetFiles: files, tenantFileBytes: bytes, unitsPerMinute } = context.options.sizes;
  const source = path.join(context.folder, 'source');
  const folders = makeSmallFiles(source, files, bytes);
  const limit = ['--resource-units-per-minute', String(unitsPerMinute)];
  return await withTenant(context, limit, async ({ api, emulator }) => {
    await resetStats(emulator.ready);
    const { run, elapsedMs } = await migrateOnce(api, { source, destination: `${library}/budget` }, files + folders); // oxfmt-ignore
    const stats = await readStats(emulator.ready);
    const { units, throttled, unitsThisMinute } = stats.resourceUnits;
    // The last window is not over when the run is.
    const windows = Math.max(1, Math.floor(elapsedMs / 60_000));
    const used = elapsedMs < 60_000 ? units / unitsPerMinute : (units - unitsThisMinute) / (windows * unitsPerMinute); // oxfmt-ignore
    const title = `f  ${files} files within ${unitsPerMinute} resource units a minute`;
    return [
      figureRow(`${title}: used of the budget`, used, { least: 0.9 }),
      figureRow('   requests that were throttled', throttled / stats.requests, { most: 0.02 }),
      figureRow('   items that failed', Number(run.progress!.failedItems), { most: 0 }),
    ];
  });
}

interface TenantStack {
  api: Api;
  emulator: LocalProcess<EmulatorReady>;
}

async function withTenant<T>(
  context: WorkloadContext,
  emulatorArguments: readonly string[],
  use: (stack: TenantStack) => Promise<T>,
): Promise<T> {
  const data = path.join(context.folder, 'data');
  await rm(data, { recursive: true, force: true });
  await using emulator = await startEmulator({
    data: path.join(data, 'emulator'),
    arguments: ['--latency', String(latencyMs), ...emulatorArguments],
  });
  await using coordinator = await startCoordinator({ data: path.join(data, 'coordinator') });
  const api = connectApi(coordinator.ready);
  await using _agent = await startAgent({
    data: path.join(data, 'agent'),
    coordinator: coordinator.ready,
    joinToken: await createJoinToken(api),
    signIn: emulatorSignIn(emulator.ready, 'proxy'),
    arguments: ['--requests', String(requestsAtOnce)],
  });
  return await use({ api, emulator });
}

/** What an emulator has counted. */
export interface Stats {
  requests: number;
  resourceUnits: { units: number; unitsThisMinute: number; throttled: number };
}

/** What the emulator has counted since it was told to count anew. */
export async function readStats(emulator: EmulatorReady): Promise<Stats> {
  return (await (await control(emulator, 'GET')).body.json()) as Stats;
}

/** Tells the emulator to count anew. */
export async function resetStats(emulator: EmulatorReady): Promise<void> {
  await (await control(emulator, 'DELETE')).body.dump();
}

async function control(emulator: EmulatorReady, method: 'GET' | 'DELETE') {
  const dispatcher = new Agent({ connect: { ca: readFileSync(emulator.ca) } });
  return await request(`${emulator.control}stats`, { method, dispatcher });
}
