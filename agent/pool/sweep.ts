// The sweep job: removes what a process that died may have left half-written.
import { fromBinary } from '@bufbuild/protobuf';
import { BatchItemsSchema } from '../../gen/drover/v1/columns_pb.ts';
import { ItemKind } from '../../gen/drover/v1/item_pb.ts';
import { openDestination } from '../destination/open-destination.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { openTenant } from './job-tenant.ts';
import type { JobResult, SweepJob } from './jobs.ts';
import { partNames } from './part-names.ts';
import { PlannedItems } from './planned-items.ts';

/** Sweeps one batch. Throws DroverError when the destination as a whole cannot be opened. */
export async function runSweep(job: SweepJob): Promise<JobResult> {
  using tenant = openTenant(job, undefined);
  await using destination = await openDestination(
    job.destination,
    tenant,
    job.destinationHoldsItems,
  );
  for (const upload of job.uploads)
    if (!(await destination.cancelUpload(upload)))
      throw new DroverError(ErrorReason.DESTINATION_BUSY, 'an open upload could not be cancelled');
  const items = new PlannedItems(fromBinary(BatchItemsSchema, job.items));
  for (let index = 0; index < items.size; index++) {
    if (items.kind(index) !== ItemKind.FILE) continue;
    const path = items.destinationPath(index);
    const { own, stale } = partNames(job.partTag, job.generation, path);
    await destination.removeParts(path, [own, ...stale]);
  }
  return { kind: 'swept' };
}
