// Makes a report from the store, piece by piece. Memory does not grow with the runs.
import { setImmediate as othersTurn } from 'node:timers/promises';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import type { RunRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ReportFormat, ReportKind } from '../../gen/drover/v1/report_pb.ts';
import type { Task } from '../../gen/drover/v1/task_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { Reader, RunKey } from '../store/store.ts';
import { runName } from '../task/names.ts';
import { taskState } from '../task/run-states.ts';
import { itemFailureReport, itemReport, planReport, urlMap, type ItemReport } from './item-columns.ts'; // oxfmt-ignore
import { itemRange, type ItemRange, type ReportBatch, type RunFacts } from './item-cursor.ts';
import { destinationPlace, destinationUrl, sourcePlace } from './item-places.ts';
import { batchHeaders, readAhead } from './read-ahead.ts';
import { csvWriter, jsonWriter, type Column, type LineWriter } from './report-column.ts';
import { byteOrderMark } from './report-text.ts';
import { RunTally } from './run-tally.ts';
import {
  itemSummaryColumns,
  roundOf,
  scanSummaryColumns,
  summaryColumns,
  type RunSummary,
  type TalliedRun,
} from './summary-columns.ts';

/** A task, and the run of it that is reported. */
export interface ReportedRun {
  task: Task;
  key: RunKey;
  /** Undefined when the task was never run. */
  row: RunRow | undefined;
}

export interface ReportParts {
  store: Reader;
  kind: ReportKind;
  format: ReportFormat;
  /** The time that runs which are going have taken until now. */
  nowMs: number;
  /** Aborts when nobody waits for the report any longer. */
  signal: AbortSignal;
}

/**
 * A piece is full from so many bytes on. With the lines that fill it, and what is put around it on its way, it mostly has less than 128 KiB: the
 * buffers there grow to that, and would be twice as large for one byte more.
 */
export const pieceBytes = 112 * 1024;
/** Lines are encoded when there are so many units of text: fewer cost more calls, and more are copied by collections of garbage. */
const linesUnits = 8 * 1024;
/** What a unit of a text can become in UTF-8. */
const unitBytesMax = 3;

/**
 * The pieces of a report, which are whole lines. Each is good until the next is asked for: their bytes are in one buffer. Throws NOT_FOUND when a
 * run is deleted while it is read: a report that is not whole would look like one that is.
 */
export async function* createReport(
  parts: ReportParts,
  runs: AsyncIterable<ReportedRun>,
): AsyncGenerator<Uint8Array> {
  let bytes = Buffer.allocUnsafeSlow(2 * pieceBytes);
  let length = 0;
  for await (const lines of linesOf(parts, runs)) {
    bytes = withRoom(bytes, length, lines.length * unitBytesMax);
    length += bytes.write(lines, length);
    if (length < pieceBytes) continue;
    yield bytes.subarray(0, length);
    length = 0;
    // Agents and other callers have their turn between two pieces: a report of millions of items holds nobody up.
    await othersTurn();
    parts.signal.throwIfAborted();
  }
  if (length > 0) yield bytes.subarray(0, length);
}

type Bytes = ReturnType<typeof Buffer.allocUnsafeSlow>;

/** A buffer with so many free bytes after those that are used: this one, or a larger one with the same in it. */
function withRoom(bytes: Bytes, used: number, free: number): Bytes {
  if (used + free <= bytes.length) return bytes;
  const larger = Buffer.allocUnsafeSlow((used + free) * 2);
  bytes.copy(larger, 0, 0, used);
  return larger;
}

/** The lines of a report, many in one text. */
function linesOf(parts: ReportParts, runs: AsyncIterable<ReportedRun>): AsyncGenerator<string> {
  switch (parts.kind) {
    case ReportKind.SUMMARY:
      return runLines(parts, summaryColumns, runs, summaryOf);
    case ReportKind.ITEM_REPORT:
      return itemLines(parts, itemReport, runs);
    case ReportKind.ITEM_FAILURE_REPORT:
      return itemLines(parts, itemFailureReport, runs);
    case ReportKind.ITEM_SUMMARY:
      return runLines(parts, itemSummaryColumns, runs, tally);
    case ReportKind.SCAN_SUMMARY:
      return runLines(parts, scanSummaryColumns, runs, tally);
    case ReportKind.URL_MAP:
      return itemLines(parts, urlMap, runs);
    case ReportKind.PLAN:
      return itemLines(parts, planReport, runs);
    default:
      throw DroverError.invalid('kind', 'is missing; say what the report is about');
  }
}

async function* itemLines(
  parts: ReportParts,
  { columns, isWanted, mayHold }: ItemReport,
  runs: AsyncIterable<ReportedRun>,
): AsyncGenerator<string> {
  const { header, line } = writerOf(parts.format, columns);
  let lines = header;
  for await (const reported of runs)
    for await (const { count, seek } of runItems(parts, reported, mayHold))
      for (let index = 0; index < count; index += 1) {
        const item = seek(index);
        if (item === undefined || !isWanted(item)) continue;
        lines += line(item);
        if (lines.length < linesUnits) continue;
        yield lines;
        lines = '';
      }
  if (lines !== '') yield lines;
}

async function* runItems(
  { store, signal }: ReportParts,
  { task, key, row }: ReportedRun,
  mayHold: ItemReport['mayHold'],
): AsyncGenerator<ItemRange> {
  if (row === undefined) return;
  const facts = factsOf(task, runName(key));
  const devices = new DeviceNames(store);
  for await (const parts of readAhead(store, key, mayHold)) {
    // Also where nothing is to be told of a million items.
    signal.throwIfAborted();
    const named: ReportBatch[] = [];
    for (const part of parts) named.push({ ...part, device: await devices.nameOf(part.agent) });
    yield itemRange(facts, named);
  }
  await checkStillThere(store, task, key);
}

function factsOf(task: Task, run: string): RunFacts {
  return {
    run,
    taskUid: task.uid,
    round: roundOf(run),
    source: sourcePlace(task.source),
    destination: destinationPlace(task.destination),
    url: destinationUrl(task.destination),
  };
}

/** One line for each run; `rowOf` answers with undefined for a task that has none in the report. */
async function* runLines<T>(
  parts: ReportParts,
  columns: readonly Column<T>[],
  runs: AsyncIterable<ReportedRun>,
  rowOf: (parts: ReportParts, reported: ReportedRun) => Promise<T | undefined>,
): AsyncGenerator<string> {
  const { header, line } = writerOf(parts.format, columns);
  let lines = header;
  for await (const reported of runs) {
    const row = await rowOf(parts, reported);
    if (row !== undefined) lines += line(row);
    if (lines.length < linesUnits) continue;
    yield lines;
    lines = '';
  }
  if (lines !== '') yield lines;
}

async function summaryOf(parts: ReportParts, reported: ReportedRun): Promise<RunSummary> {
  const { store, nowMs } = parts;
  const { task, key, row } = reported;
  const run = row?.run;
  const devices = new DeviceNames(store);
  if (row !== undefined) {
    for await (const { row: batch } of batchHeaders(store, key))
      await devices.nameOf(batch.lease?.agent ?? '');
    await checkStillThere(store, task, key);
  }
  const endMs = run?.endTime === undefined ? nowMs : timestampMs(run.endTime);
  return { task, run, state: taskState(run?.state), devices: devices.names, endMs };
}

async function tally(parts: ReportParts, reported: ReportedRun): Promise<TalliedRun | undefined> {
  if (reported.row === undefined) return undefined;
  const found = new RunTally();
  for await (const { count, seek } of runItems(parts, reported, () => true))
    for (let index = 0; index < count; index += 1) {
      const item = seek(index);
      if (item !== undefined) found.add(item);
    }
  return { ...(await summaryOf(parts, reported)), tally: found };
}

function writerOf<T>(format: ReportFormat, columns: readonly Column<T>[]): LineWriter<T> {
  if (format === ReportFormat.JSONL) return jsonWriter(columns);
  const writer = csvWriter(columns);
  return { ...writer, header: byteOrderMark + writer.header };
}

/** What people call agents; of one that was removed only its id is known. */
class DeviceNames {
  readonly #store: Reader;
  readonly #known = new Map<string, string>();

  constructor(store: Reader) {
    this.#store = store;
  }

  /** All that were asked for, each once. */
  get names(): string[] {
    return [...new Set(this.#known.values())];
  }

  async nameOf(agent: string): Promise<string> {
    if (agent === '') return '';
    const known = this.#known.get(agent);
    if (known !== undefined) return known;
    const row = await this.#store.agent(agent);
    const name = row?.agent?.displayName || agent;
    this.#known.set(agent, name);
    return name;
  }
}

/** A new task of the same name is another one. */
async function checkStillThere(store: Reader, { uid }: Task, key: RunKey): Promise<void> {
  if ((await store.task(key.task))?.task?.uid === uid) return;
  const name = runName(key);
  throw new DroverError(ErrorReason.NOT_FOUND, `${name} was deleted while its report was read`, {
    metadata: { name },
  });
}
