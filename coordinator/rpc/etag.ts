// Etags: an opaque text that changes with every change of a resource. PURE.
import { toBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { createHash } from 'node:crypto';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';

/** The etag of a resource, which is handed over without one. */
export function computeEtag<D extends DescMessage>(schema: D, resource: MessageShape<D>): string {
  const hash = createHash('sha256').update(toBinary(schema, resource));
  return hash.digest('base64url').slice(0, 22);
}

/** Throws ETAG_MISMATCH when a request carries another etag than the present one; an empty one is not compared. */
export function checkEtag(given: string, present: string, name: string): void {
  if (given === '' || given === present) return;
  throw new DroverError(
    ErrorReason.ETAG_MISMATCH,
    `${name} was changed since it was read: its etag is "${present}"`,
    { metadata: { name, etag: present } },
  );
}
