// The answer to the question whether a destination can be written to.
import { create } from '@bufbuild/protobuf';
import {
  AttachRequestSchema,
  LocationCheckDoneSchema,
  type AttachRequest,
  type LocationCheck,
} from '../../gen/drover/v1/session_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { checkDestination } from '../destination/open-destination.ts';
import type { TenantHost } from './tenant-host.ts';

/** Looks, and answers with the frame that says what was found. Never rejects. `tenant` is undefined without a sign-in. */
export async function checkLocation(
  { check, destination }: LocationCheck,
  tenant: TenantHost | undefined,
): Promise<AttachRequest> {
  const value = create(LocationCheckDoneSchema, { check });
  try {
    if (tenant === undefined) await checkDestination(destination, undefined);
    else await tenant.check(destination);
  } catch (thrown) {
    const { reason, message } = DroverError.from(thrown);
    Object.assign(value, { reason, message });
  }
  return create(AttachRequestSchema, { frame: { case: 'locationCheckDone', value } });
}
