// The sweep job: removes what a process that died may have left half-written.
import { fromBinary } from '@bufbuild/protobuf';
import { BatchItemsSchema } from '../../gen/drover/v1/columns_pb.ts';
import { ItemKind } from '../../gen/drover/v1/item_pb.ts';
import { openDestination } from '../destination/open-destination.ts';
import { destinationPath } from './batch.ts';
import type { JobResult, SweepJob } from './jobs.ts';
import { stalePartNames } from './part-names.ts';

/** Sweeps one batch. Throws DroverError when the destination as a whole cannot be opened. */
export async function runSweep(job: SweepJob): Promise<JobResult> {
  await using destination = openDestination(job.destination);
  const items = fromBinary(BatchItemsSchema, job.items);
  for (const [index, kind] of items.kind.entries()) {
    if (kind !== ItemKind.FILE) continue;
    const names = stalePartNames(job.leaseTag, job.generation + 1, index);
    await destination.removeParts(destinationPath(items, index), names);
  }
  return { kind: 'swept' };
}
