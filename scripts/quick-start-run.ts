// One migration as the quick start does it through the API: find or make the task, run it, watch it, say what came of it.
import { create } from '@bufbuild/protobuf';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { ErrorReason } from '../gen/drover/v1/error_pb.ts';
import { ItemState } from '../gen/drover/v1/item_pb.ts';
import { RunState, type Run } from '../gen/drover/v1/run_pb.ts';
import { TaskSchema, TaskState } from '../gen/drover/v1/task_pb.ts';
import { DroverError, reasonInfo, reasonName } from '../lib/error.ts';
import { escapeControl, formatBytes, formatCount, formatDuration } from '../lib/format.ts';
import { allItems, callError, type Api } from './api-client.ts';
import type { EmulatedPlace } from './quick-start-emulator.ts';

/** How many failed items are listed; the report has all of them. */
const listedFailuresMax = 20;

/** Makes the task unless it is there, and answers with its name. Throws what the coordinator refuses. */
export async function ensureTask(
  api: Api,
  wanted: { id: string; source: string; destination: string },
  signal: AbortSignal,
): Promise<string> {
  const task = create(TaskSchema, { source: wanted.source, destination: wanted.destination });
  try {
    return (await api.tasks.createTask({ taskId: wanted.id, task }, { signal })).task!.name;
  } catch (thrown) {
    const error = callError(thrown);
    if (error.reason === ErrorReason.ALREADY_EXISTS) return `tasks/${wanted.id}`;
    throw error;
  }
}

/** Runs the task; a run that has not ended, because somebody stopped it, goes on instead. */
export async function startOrContinue(
  api: Api,
  name: string,
  signal: AbortSignal,
): Promise<'started' | 'continued'> {
  try {
    const { task } = await api.tasks.getTask({ name });
    switch (task!.state) {
      case TaskState.PAUSED:
        await api.tasks.resumeTask({ name });
        return 'continued';
      case TaskState.QUEUED:
      case TaskState.RUNNING:
        return 'continued';
      default:
        await api.tasks.runTask({ name }, { signal });
        return 'started';
    }
  } catch (thrown) {
    throw callError(thrown);
  }
}

/** Shows the run until it has ended, and answers with how it ended; undefined when the signal aborted first. */
export async function watchRun(
  api: Api,
  name: string,
  show: (run: Run) => void,
  signal: AbortSignal,
): Promise<Run | undefined> {
  let run: Run | undefined;
  try {
    const minInterval = { seconds: 0n, nanos: 200_000_000 };
    for await (const message of api.tasks.watchTask({ name, minInterval }, { signal })) {
      run = message.run;
      if (run !== undefined) show(run);
    }
  } catch (thrown) {
    if (signal.aborted) return undefined;
    throw callError(thrown);
  }
  return run;
}

/** The summary of a run that has ended, line by line; `place` says where in the emulator its files are. */
export function summaryLines(run: Run, report: string, place?: EmulatedPlace): string[] {
  const { succeededItems, skippedItems, failedItems, succeededBytes } = run.progress!;
  const elapsedMs = timestampMs(run.endTime!) - timestampMs(run.startTime ?? run.createTime!);
  const seconds = Math.max(elapsedMs, 1) / 1000;
  const bytesRate = formatBytes(Number(succeededBytes) / seconds);
  const itemsRate = formatCount(Number(succeededItems) / seconds);
  return [
    `migrated  ${formatCount(succeededItems)} items`,
    `skipped   ${formatCount(skippedItems)} items`,
    `failed    ${formatCount(failedItems)} items`,
    `bytes     ${formatCount(succeededBytes)} (${formatBytes(succeededBytes)})`,
    `seconds   ${seconds.toFixed(2)} (${formatDuration(elapsedMs)})`,
    `rate      ${bytesRate}/s, ${itemsRate} items/s`,
    ...(place === undefined ? [] : [`library   ${place.libraryUrl}`, `files in  ${place.folder}`]),
    `report    ${report}`,
  ];
}

/** The first items that failed, each with its reason and what to do about it. */
export async function failureLines(api: Api, run: Run): Promise<string[]> {
  const lines: string[] = [];
  let listed = 0;
  for await (const item of allItems(api, run.name, ItemState.FAILED)) {
    if (listed === listedFailuresMax) break;
    lines.push(`  ${escapeControl(item.path)}: ${escapeControl(item.message)} (${reasonName(item.reason)})`); // oxfmt-ignore
    lines.push(`    ${item.advice}`);
    listed += 1;
  }
  const rest = (run.progress?.failedItems ?? 0n) - BigInt(listed);
  if (rest > 0n) lines.push(`  and ${formatCount(rest)} more, which the report lists`);
  return lines;
}

/** Exit status: 0 all migrated, 1 some items failed or it was cancelled. Throws when the run could not be done. */
export function exitStatusOf(run: Run): 0 | 1 {
  if (run.state === RunState.SUCCEEDED) return 0;
  if (run.state !== RunState.FAILED) return 1;
  const reason = run.errorReason === 0 ? ErrorReason.INTERNAL : run.errorReason;
  throw new DroverError(reason, run.error?.message || reasonInfo(reason).advice);
}
