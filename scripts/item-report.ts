// The report of a run: one row for each item, in a file that a spreadsheet opens.
import { createWriteStream, mkdirSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ReportKind } from '../gen/drover/v1/report_pb.ts';
import type { Api } from './api-client.ts';

/** Where the report of a run, tasks/{task}/runs/{run}, goes. */
export function reportFile(folder: string, runName: string): string {
  const [, task, , run] = runName.split('/');
  return path.join(folder, `${task}-run-${run}.csv`);
}

/** Writes the report of a run as CSV, piece by piece, so that a run of any length fits in memory. */
export async function writeReport(api: Api, runName: string, file: string): Promise<void> {
  mkdirSync(path.dirname(file), { recursive: true });
  const content = async function* () {
    const request = { kind: ReportKind.ITEM_REPORT, run: runName };
    for await (const answer of api.reports.getReport(request)) yield answer.content;
  };
  await pipeline(Readable.from(content()), createWriteStream(file));
}
