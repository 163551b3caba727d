// All rows of a store into a new one, as they were at one moment, while the store goes on.
import { Level } from 'level';
import type { Database } from './open-database.ts';

/** The most rows, and about the most bytes, that are on their way at once. */
const stepRows = 1000;
const stepBytes = 1024 * 1024;

export interface CopiedRows {
  rows: number;
  /** Bytes of their keys and values. */
  bytes: number;
}

/** Copies into a new database in `folder`, which must not be there. The caller forces it to the disk. Throws what LevelDB says. */
export async function copyRows(
  source: Database,
  folder: string,
  signal?: AbortSignal,
): Promise<CopiedRows> {
  await using snapshot = source.snapshot();
  const options = { snapshot, highWaterMarkBytes: stepBytes, fillCache: false };
  await using iterator = source.iterator(options);
  const target: Database = new Level(folder, { keyEncoding: 'utf8', valueEncoding: 'view' });
  await target.open({ errorIfExists: true });
  const copied: CopiedRows = { rows: 0, bytes: 0 };
  try {
    for (
      let step = await iterator.nextv(stepRows);
      step.length > 0;
      step = await iterator.nextv(stepRows)
    ) {
      // oxfmt-ignore
      signal?.throwIfAborted();
      await target.batch(step.map(([key, value]) => ({ type: 'put', key, value })));
      copied.rows += step.length;
      for (const [key, value] of step) copied.bytes += Buffer.byteLength(key) + value.length;
    }
    return copied;
  } finally {
    await target.close();
  }
}
