// WatchTask: what a task and its latest run are, again and again. A watcher keeps one flag, however much happens.
import { durationMs } from '@bufbuild/protobuf/wkt';
import type { WatchTaskRequest } from '../../gen/drover/v1/task_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { pause } from '../../lib/time.ts';
import { parseTaskName } from '../task/names.ts';
import { isRunOpen } from '../task/run-states.ts';
import { ChangeFlag } from './change-hub.ts';
import { latestRun, requireTask } from './lookup.ts';
import type { ServiceParts } from './service-parts.ts';
import { runsOf } from './show-run.ts';
import { viewTask } from './task-view.ts';

const intervalDefaultMs = 500;
const intervalMinMs = 100;
const intervalMaxMs = 60 * 60 * 1000;

/**
 * The first message at once, then one after each change, at most one per interval, until the run has ended; for a task that was
 * never run, until its first run has ended. Throws NOT_FOUND, also when the task is deleted meanwhile.
 */
export async function* watchTask(
  parts: ServiceParts,
  request: WatchTaskRequest,
  signal: AbortSignal,
) {
  const task = parseTaskName(request.name, 'name');
  const intervalMs = readInterval(request);
  const flag = new ChangeFlag();
  const unsubscribe = parts.changes.subscribe((change) => {
    if (change.kind === 'task' && change.task === task) flag.raise();
  });
  try {
    for (;;) {
      const snapshot = await readSnapshot(parts, task);
      yield snapshot;
      if (snapshot.run !== undefined && !isRunOpen(snapshot.run.state)) return;
      await pause(parts.clock, intervalMs, signal);
      await flag.wait(signal);
    }
  } finally {
    unsubscribe();
  }
}

async function readSnapshot({ store, dispatcher }: ServiceParts, id: string) {
  const row = await requireTask(store, id);
  const run = await latestRun(store, id, row);
  const task = viewTask(row, run);
  if (run === undefined) return { task };
  const view = await runsOf({ store, dispatcher }, row);
  return { task, run: view({ task: id, run: row.latestRun }, run) };
}

function readInterval({ minInterval }: WatchTaskRequest): number {
  if (minInterval === undefined) return intervalDefaultMs;
  const intervalMs = durationMs(minInterval);
  if (intervalMs < 0 || intervalMs > intervalMaxMs)
    throw DroverError.invalid('min_interval', 'must be from 0 to 1 hour');
  return Math.max(intervalMs, intervalMinMs);
}
