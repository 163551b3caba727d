// A batch may have been cut, so that others could do some of it: what was cut off has numbers out of path order. Who needs the order
// skips such parts, and looks into them where the batch stands that they were cut off.
import type { BatchRow } from '../../gen/drover/store/v1/rows_pb.ts';
import type { Reader, RunKey } from '../store/store.ts';

/** A batch without its items. */
export interface BatchHeader {
  batch: number;
  row: BatchRow;
}

/** Whether a batch was cut off another. */
export function isPart({ row }: BatchHeader): boolean {
  return row.partOf !== 0;
}

/** The batch, and everything that was cut off it. */
export async function* withParts(
  reader: Reader,
  run: RunKey,
  header: BatchHeader,
): AsyncGenerator<BatchHeader> {
  yield header;
  for (let batch = header.row.nextPart; batch !== 0;) {
    const row = await reader.batch({ ...run, batch });
    if (row === undefined) return;
    yield { batch, row };
    batch = row.nextPart;
  }
}
