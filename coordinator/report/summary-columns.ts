// The columns of the reports that have a row for each run. PURE.
import { timestampMs } from '@bufbuild/protobuf/wkt';
import type { Run, RunProgress } from '../../gen/drover/v1/run_pb.ts';
import { TaskStateSchema, type Task, type TaskState } from '../../gen/drover/v1/task_pb.ts';
import { empty, number, plain, text, time, word, type Column } from './report-column.ts';
import { roundOf } from './report-text.ts';
import type { Counts, RunTally } from './run-tally.ts';

/** As SharePoint and Windows count. */
const bytesPerGigabyte = 2 ** 30;
const msPerMinute = 60_000;
const nanosecondsPerMs = 1_000_000n;

/** A task and its run, for a row. */
export interface RunSummary {
  task: Task;
  /** Undefined when the task was never run. */
  run: Run | undefined;
  /** Of the task, had it been run no further. */
  state: TaskState;
  /** What people call the agents that did it, the first one first. */
  devices: readonly string[];
  /** The end of the run; now, while it is going. */
  endMs: number;
}

/** A run that was looked through. */
export interface TalliedRun extends RunSummary {
  tally: RunTally;
}

type Count = keyof {
  [Key in keyof RunProgress as RunProgress[Key] extends bigint ? Key : never]: true;
};

const count = <T extends RunSummary>(title: string, name: Count) => plain<T>(title, name, ({ run }) => String(run?.progress?.[name] ?? 0n)); // oxfmt-ignore
const gigabytes = (title: string, bytes: (progress: RunProgress) => bigint) =>
  number<RunSummary>(title, '', ({ run }) =>
    (Number(run?.progress === undefined ? 0n : bytes(run.progress)) / bytesPerGigabyte).toFixed(3),
  );
const devices = (title: string) => text<RunSummary>(title, 'agents', (row) => row.devices.join('; ')); // oxfmt-ignore
const taskName = plain<RunSummary>('Task', 'task', ({ task }) => task.name);
const runName = plain<RunSummary>('Run', 'run', ({ run }) => run?.name ?? '');
const round = plain<RunSummary>('Incremental round', '', ({ run }) => (run === undefined ? '' : roundOf(run.name))); // oxfmt-ignore

function startMsOf(run: Run | undefined): number | undefined {
  return run?.startTime === undefined ? undefined : timestampMs(run.startTime);
}

function minutesOf({ run, endMs }: RunSummary): string {
  const startMs = startMsOf(run);
  return startMs === undefined ? '' : ((endMs - startMs) / msPerMinute).toFixed(2);
}

function gigabytesPerHour({ run, endMs }: RunSummary): string {
  const startMs = startMsOf(run);
  if (startMs === undefined || endMs <= startMs) return '';
  const hours = (endMs - startMs) / (60 * msPerMinute);
  return (Number(run!.progress?.succeededBytes ?? 0n) / bytesPerGigabyte / hours).toFixed(3);
}

/** Whatever was found and neither arrived nor could stay away; of a run that is going, also what has not had its turn. */
function notMigrated({ run }: RunSummary): string {
  if (run?.progress === undefined) return '0';
  const { scannedItems, succeededItems, skippedItems } = run.progress;
  const left = scannedItems - succeededItems - skippedItems;
  return String(left < 0n ? 0n : left);
}

function spoken(state: TaskState): string {
  const words = (TaskStateSchema.value[state]?.localName ?? '').toLowerCase().replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

const timeOf = (title: string, name: 'startTime' | 'endTime') =>
  time<RunSummary>(title, name, ({ run }) => {
    const found = run?.[name];
    return found === undefined ? 0n : BigInt(Math.round(timestampMs(found))) * nanosecondsPerMs;
  });

export const summaryColumns: readonly Column<RunSummary>[] = [
  text('Task name', 'displayName', ({ task }) => task.displayName || task.name),
  plain('Status', '', ({ state }) => spoken(state)),
  text('Source', 'source', ({ task }) => task.source),
  text('Destination', 'destination', ({ task }) => task.destination),
  count('Total scanned items', 'scannedItems'),
  count('Total to be migrated items', 'plannedItems'),
  count('Migrated items', 'succeededItems'),
  plain('Items not migrated', '', notMigrated),
  count('Total bytes', 'scannedBytes'),
  gigabytes('Total GB', ({ scannedBytes }) => scannedBytes),
  count('Migrated bytes', 'succeededBytes'),
  gigabytes('Migrated GB', ({ succeededBytes }) => succeededBytes),
  devices('Agent'),
  number('Duration (min)', '', minutesOf),
  plain('TaskID', 'uid', ({ task }) => task.uid),
  text('Task failure reason', 'error', ({ run }) => run?.error?.message ?? ''),
  text('Agent group', 'agentGroup', ({ task }) => task.agentGroup),
  timeOf('Start time', 'startTime'),
  timeOf('End time', 'endTime'),
  number('GB/hour', '', gigabytesPerHour),
  round,
  taskName,
  runName,
  word('State', 'state', TaskStateSchema, ({ state }) => state),
  count('Skipped items', 'skippedItems'),
  count('Failed items', 'failedItems'),
  count('Failed bytes', 'failedBytes'),
  count('Moved items', 'movedItems'),
  count('Gone items', 'goneItems'),
  count('Recycled items', 'recycledItems'),
  text('Tags', '', ({ task }) => task.tags.join(';')),
];

const tallied = (title: string, name: string, value: (files: Counts, folders: Counts) => number) =>
  number<TalliedRun>(title, name, ({ tally }) => String(value(tally.files, tally.folders)));

/** Of files, as Migration Manager counts them. */
export const itemSummaryColumns: readonly Column<TalliedRun>[] = [
  round,
  tallied('Scanned', 'scanned', (files) => files.scanned),
  tallied('Item scan failures', 'unfit', (files) => files.unfit),
  tallied('Filtered out items', 'leftOut', (files) => files.leftOut),
  tallied('Expected migrated file count', 'planned', (files) => files.planned),
  empty('Read'),
  empty('Packaged'),
  // What was moved at the destination was not uploaded.
  tallied('Uploaded', 'uploaded', (files) => files.migrated - files.moved),
  empty('ReUploaded'),
  empty('Submitted'),
  empty('ReSubmitted'),
  tallied('Migrated', 'migrated', (files) => files.migrated),
  tallied('Failed reading', 'failedReading', (files) => files.failedReading),
  empty('Failed packing'),
  tallied('Failed uploading', 'failedUploading', (files) => files.failedWriting),
  empty('Failed submitting'),
  empty('Failed querying'),
  devices('Device name'),
  taskName,
  runName,
  tallied('Unchanged', 'unchanged', (files) => files.unchanged),
  tallied('Moved', 'moved', (files) => files.moved),
  tallied('Recycled', 'recycled', (files) => files.recycled),
  tallied('Pending', 'pending', (files) => files.pending),
];

export const scanSummaryColumns: readonly Column<TalliedRun>[] = [
  round,
  tallied('Total scanned items', 'scannedItems', (files, folders) => files.scanned + folders.scanned), // oxfmt-ignore
  tallied('Total scanned folders', 'scannedFolders', (_, folders) => folders.scanned),
  // A file share has none.
  tallied('Total scanned list items', 'scannedListItems', () => 0),
  tallied('Total scanned files', 'scannedFiles', (files) => files.scanned),
  tallied('Folders with issues', 'foldersWithIssues', (_, folders) => folders.unfit),
  tallied('Items with issues', 'itemsWithIssues', (files) => files.unfit),
  tallied('Items filtered out', 'leftOut', (files) => files.leftOut),
  tallied('Folders to be migrated', 'plannedFolders', (_, folders) => folders.planned),
  tallied('Items to be migrated', 'plannedFiles', (files) => files.planned),
  tallied('Total items to be migrated', 'plannedItems', (files, folders) => files.planned + folders.planned), // oxfmt-ignore
  devices('Device name'),
  taskName,
  runName,
  count('Total bytes', 'scannedBytes'),
  count('Bytes to be migrated', 'plannedBytes'),
];
