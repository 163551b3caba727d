// Columns that an agent sent as bytes in a frame. What cannot be read is the fault of who sent it, and no surprise.
import { fromBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { DroverError } from '../../lib/error.ts';

/** Throws INVALID_ARGUMENT that names the field when the bytes are no such message. `decode` is a faster way to read it. */
export function readColumns<D extends DescMessage>(
  desc: D,
  bytes: Uint8Array,
  field: string,
  decode: (bytes: Uint8Array) => MessageShape<D> = (message) => fromBinary(desc, message),
): MessageShape<D> {
  try {
    return decode(bytes);
  } catch (cause) {
    throw DroverError.invalid(field, `is no ${desc.typeName}`, cause);
  }
}
