// The report of a run: one row for each item, in a file that a spreadsheet opens.
import { createWriteStream, mkdirSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { timestampDate, type Timestamp } from '@bufbuild/protobuf/wkt';
import { stringify } from 'csv-stringify';
import { ItemActionSchema, ItemKindSchema, ItemStateSchema, ItemVerificationSchema, type Item } from '../gen/drover/v1/item_pb.ts'; // prettier-ignore
import { reasonName } from '../lib/error.ts';
import { allItems, type Api } from './api-client.ts';

/** The columns, in their order, and where each value comes from. */
const columns: readonly [title: string, value: (item: Item) => string | number | bigint][] = [
  ['path', (item) => item.path],
  ['kind', (item) => wordOf(ItemKindSchema.value[item.kind])],
  ['action', (item) => wordOf(ItemActionSchema.value[item.action])],
  ['state', (item) => wordOf(ItemStateSchema.value[item.state])],
  ['bytes', (item) => item.size],
  ['modified', (item) => exactTime(item.modifiedTime)],
  ['created', (item) => exactTime(item.createdTime)],
  ['reason', (item) => (item.reason === 0 ? '' : reasonName(item.reason))],
  ['message', (item) => item.message],
  ['advice', (item) => item.advice],
  ['sha256', (item) => item.sha256],
  ['quick_xor_hash', (item) => item.quickXorHash],
  ['attempts', (item) => item.attempts],
  ['agent', (item) => item.agent],
  ['destination_path', (item) => item.destinationPath],
  ['destination_id', (item) => item.destinationId],
  ['verification', (item) => verificationOf(item)],
  ['moved_from', (item) => item.movedFrom],
];

/** Where the report of a run, tasks/{task}/runs/{run}, goes. */
export function reportFile(folder: string, runName: string): string {
  const [, task, , run] = runName.split('/');
  return path.join(folder, `${task}-run-${run}.csv`);
}

/** Writes all items of a run as CSV, page by page, so that a run of any length fits in memory. */
export async function writeReport(api: Api, runName: string, file: string): Promise<void> {
  mkdirSync(path.dirname(file), { recursive: true });
  const rows = stringify({
    header: true,
    columns: columns.map(([title]) => title),
    // A file named "=cmd()" must not become a formula in whoever opens the report.
    escape_formulas: true,
    bom: true,
    record_delimiter: 'windows',
  });
  await pipeline(Readable.from(records(api, runName)), rows, createWriteStream(file));
}

async function* records(api: Api, runName: string): AsyncGenerator<(string | number | bigint)[]> {
  for await (const item of allItems(api, runName)) yield columns.map(([, value]) => value(item));
}

function wordOf(value: { localName: string } | undefined): string {
  return value?.localName.toLowerCase() ?? '';
}

function verificationOf({ verification }: Item): string {
  return verification === 0 ? '' : wordOf(ItemVerificationSchema.value[verification]);
}

/** RFC 3339 with all nine digits of the nanoseconds; empty for an absent time. */
export function exactTime(time: Timestamp | undefined): string {
  if (time === undefined) return '';
  const seconds = timestampDate({ ...time, nanos: 0 }).toISOString();
  return `${seconds.slice(0, -5)}.${String(time.nanos).padStart(9, '0')}Z`;
}
