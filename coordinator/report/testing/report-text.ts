// For tests: a report as its lines or rows.
import { parse } from 'csv-parse/sync';
import { ReportFormat, type ReportKind } from '../../../gen/drover/v1/report_pb.ts';
import type { Reader, RunKey } from '../../store/store.ts';
import { createReport, type ReportParts } from '../create-report.ts';
import { byteOrderMark } from '../report-text.ts';

/** What is reported: a run of a task in a store. */
export interface Reported {
  store: Reader;
  key: RunKey;
}

/** No report is so large that it is worth a thread. */
export const noThreads: ReportParts['threads'] = {
  itemsWithoutMax: Infinity,
  isLoaded: false,
  jobsAhead: 1,
  lines: () => Promise.reject(new Error('the report is large')),
};

/** The whole report. */
export async function reportText(
  { store, key }: Reported,
  kind: ReportKind,
  format: ReportFormat = ReportFormat.CSV,
  threads: ReportParts['threads'] = noThreads,
): Promise<string> {
  const task = (await store.task(key.task))!.task!;
  const row = await store.run(key);
  const runs = (async function* () {
    yield { task, key, row };
  })();
  const { signal } = new AbortController();
  const pieces: Uint8Array[] = [];
  for await (const piece of createReport(
    { store, threads, kind, format, nowMs: 61_000, signal },
    runs,
  ))
    pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces).toString();
}

/** The rows of a report in CSV as a spreadsheet reads them, by their titles; only some columns where titles are given. */
export async function reportRows(
  reported: Reported,
  kind: ReportKind,
  titles?: readonly string[],
): Promise<Record<string, string>[]> {
  const text = await reportText(reported, kind);
  if (!text.startsWith(byteOrderMark)) throw new Error('there is no byte order mark');
  const rows = parse<Record<string, string>>(text, { bom: true, columns: true, recordDelimiter: '\r\n' }); // oxfmt-ignore
  if (titles === undefined) return rows;
  return rows.map((row) => Object.fromEntries(titles.map((title) => [title, row[title]!])));
}
