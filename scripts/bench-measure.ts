// How the bench measures: programs by the wall clock, runs by the coordinator's own record of them, memory by what the kernel says.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { RunState, RunStateSchema, type Run } from '../gen/drover/v1/run_pb.ts';
import type { TaskSettingsSchema } from '../gen/drover/v1/settings_pb.ts';
import { TaskSchema } from '../gen/drover/v1/task_pb.ts';
import { callError, type Api } from './api-client.ts';
import { watchRun } from './quick-start-run.ts';

const execute = promisify(execFile);

/** Runs a program with its output thrown away; answers with milliseconds of wall time. Throws when it fails. */
export async function programMs(program: string, ...args: string[]): Promise<number> {
  const startMs = performance.now();
  await execute('/bin/sh', ['-c', 'exec "$0" "$@" > /dev/null', program, ...args]);
  return performance.now() - startMs;
}

/** Whether a program can be started here. */
export async function hasProgram(program: string): Promise<boolean> {
  return await execute(program, ['--version']).then(
    () => true,
    () => false,
  );
}

/** Waits until everything is on disk; answers with how long that took, in milliseconds. */
export async function syncMs(folder: string): Promise<number> {
  return await programMs('sync', '--file-system', folder);
}

/** Creates a task and runs it to its end; throws when anything failed or not all items were migrated. */
export async function migrateOnce(
  api: Api,
  locations: { source: string; destination: string },
  expectedItems: number,
): Promise<{ run: Run; elapsedMs: number }> {
  const { run, createdMs } = await runTask(api, locations, false);
  const { succeededItems } = run.progress!;
  if (run.state !== RunState.SUCCEEDED || succeededItems !== BigInt(expectedItems))
    throw new Error(`${describeRun(run)}; expected were ${expectedItems} items`);
  return { run, elapsedMs: timestampMs(run.endTime!) - createdMs };
}

/** Scans once; answers with the time from the request to the end of the scan, in milliseconds. */
export async function scanOnceMs(
  api: Api,
  locations: BenchTask,
  expectedItems: number,
): Promise<number> {
  const { run } = await runTask(api, locations, true);
  if (run.state !== RunState.SUCCEEDED || run.progress!.scannedItems !== BigInt(expectedItems))
    throw new Error(`${describeRun(run)}; expected were ${expectedItems} items`);
  return timestampMs(run.scanEndTime!) - timestampMs(run.createTime!);
}

/** Runs a task again in which nothing has changed; answers with the time of the run, in milliseconds. Throws when anything was done. */
export async function runAgain(api: Api, task: string, expectedItems: number): Promise<number> {
  await api.tasks.runTask({ name: task });
  const run = (await watchRun(api, task, () => {}, new AbortController().signal))!;
  const { skippedItems, succeededBytes } = run.progress!;
  const isUnchanged = skippedItems === BigInt(expectedItems) && succeededBytes === 0n;
  if (run.state !== RunState.SUCCEEDED || !isUnchanged)
    throw new Error(`${describeRun(run)}; expected were ${expectedItems} unchanged items`);
  return timestampMs(run.endTime!) - timestampMs(run.createTime!);
}

/** What is run. */
export interface BenchTask {
  source: string;
  destination: string;
  /** @default none */
  settings?: MessageInitShape<typeof TaskSettingsSchema>;
}

async function runTask(
  api: Api,
  { source, destination, settings = {} }: BenchTask,
  scanOnly: boolean,
): Promise<{ run: Run; createdMs: number }> {
  try {
    const isFolder = path.isAbsolute(destination);
    const task = create(TaskSchema, {
      source,
      settings,
      destination: isFolder ? pathToFileURL(destination).href : destination,
    });
    const made = (await api.tasks.createTask({ task })).task!;
    await api.tasks.runTask({ name: made.name, scanOnly });
    const run = await watchRun(api, made.name, () => {}, new AbortController().signal);
    return { run: run!, createdMs: timestampMs(made.createTime!) };
  } catch (thrown) {
    throw callError(thrown);
  }
}

/** How a run ended, and what it counted. */
export function describeRun(run: Run): string {
  const state = RunStateSchema.value[run.state]?.localName ?? String(run.state);
  const { scannedItems, succeededItems, skippedItems, failedItems } = run.progress!;
  const counts = `${scannedItems} scanned, ${succeededItems} succeeded, ${skippedItems} skipped, ${failedItems} failed`;
  return `${run.name} ended as ${state} (${counts}) ${run.error?.message ?? ''}`;
}

/** Resident memory of a process, in bytes: the most it ever had, and what it has now. Linux only; undefined elsewhere. */
export function memoryOf(pid: number): { peakBytes: number; nowBytes: number } | undefined {
  let status: string;
  try {
    status = readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return undefined;
  }
  const bytes = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0) * 1024;
  return { peakBytes: bytes('VmHWM'), nowBytes: bytes('VmRSS') };
}

/** The middle value; the mean of the two middle ones of an even number. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1
    ? sorted[Math.floor(middle)]!
    : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The value that this part of the values is at or below. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)]!;
}

/** Processor time of a process so far, in milliseconds; 0 where the kernel does not say. */
export function cpuMsOf(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
    // User and system time, in hundredths of a second.
    return (Number(fields[11]) + Number(fields[12])) * 10;
  } catch {
    return 0;
  }
}
