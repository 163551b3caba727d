// A source and a destination in a folder of their own, and batches between them, for tests with real files and threads.
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, truncateSync, writeFileSync } from 'node:fs'; // oxfmt-ignore
import { tmpdir } from 'node:os';
import path from 'node:path';
import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { BatchItemsSchema, BatchResultsSchema, type BatchItems, type BatchResults } from '../../../gen/drover/v1/columns_pb.ts'; // oxfmt-ignore
import { ItemKind } from '../../../gen/drover/v1/item_pb.ts';
import { BatchPhase } from '../../../gen/drover/v1/session_pb.ts';
import { ConflictPolicy } from '../../../gen/drover/v1/settings_pb.ts';
import { createSharedJobState, type BatchJob, type JobResult, type RunSettings, type SharedJobState } from '../jobs.ts'; // oxfmt-ignore
import type { Pool } from '../pool.ts';

export interface Place extends Disposable {
  scratch: string;
  source: string;
  destination: string;
  write(relative: string, content: string | Uint8Array): void;
  /** A file that takes minutes to transfer, and no room. */
  writeEndless(relative: string): void;
  read(relative: string): Buffer;
}

export function makePlace(): Place {
  const scratch = realpathSync(mkdtempSync(path.join(tmpdir(), 'drover-pool-')));
  const source = path.join(scratch, 'source');
  const destination = path.join(scratch, 'destination');
  mkdirSync(source);
  return {
    scratch,
    source,
    destination,
    write: (relative, content) => {
      mkdirSync(path.join(source, path.dirname(relative)), { recursive: true });
      writeFileSync(path.join(source, relative), content);
    },
    writeEndless: (relative) => {
      writeFileSync(path.join(source, relative), '');
      truncateSync(path.join(source, relative), 100_000_000_000);
    },
    read: (relative) => readFileSync(path.join(destination, relative)),
    [Symbol.dispose]: () => rmSync(scratch, { recursive: true }),
  };
}

export const settings: RunSettings = {
  maxAttempts: 3,
  conflictPolicy: ConflictPolicy.SKIP,
};

/** What folders do not need. */
export const elsewhere = { run: 'tasks/a/runs/1', tenant: undefined };

/** Items of a batch, by columns. */
export type Items = MessageInitShape<typeof BatchItemsSchema>;

/** Items of a batch as a test writes them. */
export type ItemColumns = Exclude<Items, BatchItems>;

/** Runs a batch to its end; `rows` also of one that was stopped. */
export async function runBatch(
  pool: Pool,
  place: Pick<Place, 'source' | 'destination'>,
  items: Items,
  more: Partial<BatchJob> = {},
): Promise<{ result: JobResult; rows: BatchResults; job: BatchJob }> {
  const { source, destination } = place;
  const job: BatchJob = {
    kind: 'batch',
    source,
    destination,
    ...elsewhere,
    uploads: [],
    settings,
    phase: BatchPhase.TRANSFER,
    items: toBinary(BatchItemsSchema, create(BatchItemsSchema, items)),
    partTag: 'tag',
    generation: 1,
    shared: createSharedJobState(0),
    ...more,
  };
  const result = await pool.run(job);
  const bytes = 'results' in result ? result.results : undefined;
  return { result, rows: fromBinary(BatchResultsSchema, bytes ?? new Uint8Array()), job };
}

/** Files of a batch, by their paths. */
export const file = (...paths: string[]) => ({ path: paths, kind: paths.map(() => ItemKind.FILE) });

/** Waits until the job has counted something. */
export async function begun(shared: SharedJobState, counter: number): Promise<void> {
  while (Atomics.load(shared.progress, counter) === 0n)
    await new Promise((resolve) => setImmediate(resolve));
}

/** Why items were skipped or failed. */
export const remarks = (rows: BatchResults) => rows.remark.map((each) => [each.index, each.reason]);
