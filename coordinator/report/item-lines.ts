// The lines of a report that has one for each item, made of batches as they are stored. What is made of one job depends on nothing else, so
// that a thread can do it, and the main thread where a thread is not worth its start: see report-threads.ts. PURE.
import type { ReportFormat, ReportKind } from '../../gen/drover/v1/report_pb.ts';
import { openBatch } from './batch-columns.ts';
import { itemReports } from './item-columns.ts';
import { itemRange, type ItemCursor, type RunFacts } from './item-cursor.ts';
import { destinationPlace, destinationUrl, sourcePlace } from './item-places.ts';
import { linePieces } from './line-pieces.ts';
import type { StoredBatch } from './read-batch.ts';
import { lineWriter } from './report-column.ts';
import { roundOf } from './report-text.ts';

/** Some batches of a run. Plain data, which can go to a thread. */
export interface ItemJob {
  /** tasks/{task}/runs/{run} */
  run: string;
  /** The task's uid, and its places as they were given. */
  task: { uid: string; source: string; destination: string };
  /** Of each batch as it was planned what is left of it, and what was cut off it. */
  batches: NamedBatch[][];
  /** How many items these have. */
  items: number;
}

/** A batch as it is stored, with what its agent is called. */
export interface NamedBatch extends StoredBatch {
  /** A name for people. */
  device: string;
}

/** Batches whose items become lines. */
export interface LinesJob extends ItemJob {
  /** A report with a line for each item. */
  kind: ReportKind;
  format: ReportFormat;
}

/** The lines of the items, in pieces of whole lines; each is good until the next is asked for. */
export function itemLines(job: LinesJob): Generator<Uint8Array> {
  return linePieces(linesOf(job));
}

function* linesOf(job: LinesJob): Generator<string> {
  const { columns, isWanted } = itemReports[job.kind]!;
  const { line } = lineWriter(job.format, columns);
  for (const item of itemsOf(job)) if (isWanted(item)) yield line(item);
}

/** The items of a job in path order; the cursor stands on each in turn. */
export function* itemsOf({ run, task, batches }: ItemJob): Generator<ItemCursor> {
  const facts: RunFacts = {
    run,
    taskUid: task.uid,
    round: roundOf(run),
    source: sourcePlace(task.source),
    destination: destinationPlace(task.destination),
    url: destinationUrl(task.destination),
  };
  for (const parts of batches) {
    const opened = parts.map((part) => ({ ...openBatch(part), device: part.device }));
    const { count, seek } = itemRange(facts, opened);
    for (let index = 0; index < count; index += 1) {
      const item = seek(index);
      if (item !== undefined) yield item;
    }
  }
}
