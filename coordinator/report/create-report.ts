// Makes a report from the store, piece by piece. Memory does not grow with the runs.
import { setImmediate as othersTurn } from 'node:timers/promises';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { ReportKind, type ReportFormat } from '../../gen/drover/v1/report_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { Reader } from '../store/store.ts';
import { taskState } from '../task/run-states.ts';
import { DeviceNames } from './device-names.ts';
import { inOrder } from './in-order.ts';
import { itemReports, type ItemReport } from './item-columns.ts';
import { itemJobs } from './item-jobs.ts';
import { itemLines, itemsOf, type LinesJob } from './item-lines.ts';
import { putTogether } from './line-pieces.ts';
import { batchHeaders } from './read-ahead.ts';
import { lineWriter, type Column } from './report-column.ts';
import type { ReportThreads } from './report-threads.ts';
import { checkStillThere, type ReportedRun } from './reported-run.ts';
import { RunTally } from './run-tally.ts';
import {
  itemSummaryColumns,
  scanSummaryColumns,
  summaryColumns,
  type RunSummary,
  type TalliedRun,
} from './summary-columns.ts';
import { YoungGarbage } from './young-garbage.ts';

export interface ReportParts {
  store: Reader;
  threads: Pick<ReportThreads, 'itemsWithoutMax' | 'isLoaded' | 'jobsAhead' | 'lines'>;
  kind: ReportKind;
  format: ReportFormat;
  /** The time that runs which are going have taken until now. */
  nowMs: number;
  /** Aborts when nobody waits for the report any longer. */
  signal: AbortSignal;
}

/**
 * The pieces of a report, which are whole lines. Each is good until the next is asked for. Throws NOT_FOUND when a run is deleted while it is
 * read: a report that is not whole would look like one that is.
 */
export async function* createReport(
  parts: ReportParts,
  runs: AsyncIterable<ReportedRun>,
): AsyncGenerator<Uint8Array> {
  const garbage = new YoungGarbage();
  for await (const piece of putTogether(piecesOf(parts, runs))) {
    yield piece;
    garbage.sent(piece.length);
    // Agents and other callers have their turn between two pieces: a report of millions of items holds nobody up.
    await othersTurn();
    parts.signal.throwIfAborted();
  }
}

function piecesOf(
  parts: ReportParts,
  runs: AsyncIterable<ReportedRun>,
): AsyncGenerator<Uint8Array> {
  const report = itemReports[parts.kind];
  if (report !== undefined) return itemPieces(parts, report, runs);
  switch (parts.kind) {
    case ReportKind.SUMMARY:
      return runPieces(parts, summaryColumns, runs, summaryOf);
    case ReportKind.ITEM_SUMMARY:
      return runPieces(parts, itemSummaryColumns, runs, tally);
    case ReportKind.SCAN_SUMMARY:
      return runPieces(parts, scanSummaryColumns, runs, tally);
    default:
      throw DroverError.invalid('kind', 'is missing; say what the report is about');
  }
}

/** A line for each item. */
async function* itemPieces(
  parts: ReportParts,
  report: ItemReport,
  runs: AsyncIterable<ReportedRun>,
): AsyncGenerator<Uint8Array> {
  const { threads, format } = parts;
  yield Buffer.from(lineWriter(format, report.columns).header);
  let items = 0;
  const linesOf = async (job: LinesJob): Promise<Iterable<Uint8Array>> => {
    items += job.items;
    if (items > threads.itemsWithoutMax && threads.isLoaded) return await threads.lines(job);
    // Those of the main thread are made when they are asked for.
    return itemLines(job);
  };
  const jobs = linesJobs(parts, report, runs);
  for await (const lines of inOrder(jobs, threads.jobsAhead, linesOf)) yield* lines;
}

async function* linesJobs(
  parts: ReportParts,
  { mayHold }: ItemReport,
  runs: AsyncIterable<ReportedRun>,
): AsyncGenerator<LinesJob> {
  const { kind, format } = parts;
  for await (const reported of runs)
    for await (const job of itemJobs(parts, reported, mayHold)) yield { ...job, kind, format };
}

/** One line for each run; `rowOf` answers with undefined for a task that has none in the report. */
async function* runPieces<T>(
  parts: ReportParts,
  columns: readonly Column<T>[],
  runs: AsyncIterable<ReportedRun>,
  rowOf: (parts: ReportParts, reported: ReportedRun) => Promise<T | undefined>,
): AsyncGenerator<Uint8Array> {
  const { header, line } = lineWriter(parts.format, columns);
  yield Buffer.from(header);
  for await (const reported of runs) {
    const row = await rowOf(parts, reported);
    if (row !== undefined) yield Buffer.from(line(row));
  }
}

async function summaryOf(parts: ReportParts, reported: ReportedRun): Promise<RunSummary> {
  const { store, nowMs } = parts;
  const { task, key, row } = reported;
  const run = row?.run;
  const devices = new DeviceNames(store);
  if (row !== undefined) {
    for await (const { row: batch } of batchHeaders(store, key))
      await devices.nameOf(batch.lease?.agent ?? '');
    await checkStillThere(store, reported);
  }
  const endMs = run?.endTime === undefined ? nowMs : timestampMs(run.endTime);
  return { task, run, state: taskState(run?.state), devices: devices.names, endMs };
}

async function tally(parts: ReportParts, reported: ReportedRun): Promise<TalliedRun | undefined> {
  if (reported.row === undefined) return undefined;
  const found = new RunTally();
  for await (const job of itemJobs(parts, reported, () => true))
    for (const item of itemsOf(job)) found.add(item);
  return { ...(await summaryOf(parts, reported)), tally: found };
}
