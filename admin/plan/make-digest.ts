// The digest of a plan, made anew of the items that are listed: docs/ARCHITECTURE.md says what it is made of.
import type { Timestamp } from '@bufbuild/protobuf/wkt';
import { ItemAction, type Item } from '../../gen/drover/v1/item_pb.ts';
import {
  emptyDigest,
  PlanDigest,
  planDigest,
  planRecord,
  type GrowingDigest,
} from '../../lib/plan-digest.ts';
import { SortedRecords } from './sorted-records.ts';

const nanosecondsPerSecond = 1_000_000_000n;

export interface MadeDigest {
  /** Lower-case hexadecimal. */
  digest: string;
  items: number;
}

/** Of all items of a run, in any order. Each has to be listed as it was planned, so nothing of the plan may be done yet. */
export async function makeDigest(items: AsyncIterable<Item>): Promise<MadeDigest> {
  using planned = new SortedRecords();
  using gone = new SortedRecords();
  let count = 0;
  for await (const item of items) {
    count += 1;
    const isGone = item.action === ItemAction.RECYCLE || item.action === ItemAction.KEEP;
    await (isGone ? gone : planned).add(item.path, recordOf(item));
  }
  return { digest: planDigest(await chainOf(planned), await chainOf(gone)), items: count };
}

async function chainOf(records: SortedRecords): Promise<GrowingDigest> {
  const digest = new PlanDigest(emptyDigest);
  for await (const record of records.inOrder()) digest.addRecord(record);
  return digest.keep();
}

function recordOf(item: Item): string {
  const { path, kind, action, size, modifiedTime, destinationPath, movedFrom, reason } = item;
  return planRecord({
    ...{ path, kind, action, size, movedFrom, reason },
    modifiedNs: nanosecondsOf(modifiedTime),
    destinationPath: destinationPath || path,
  });
}

function nanosecondsOf(time: Timestamp | undefined): bigint {
  return time === undefined ? 0n : time.seconds * nanosecondsPerSecond + BigInt(time.nanos);
}
