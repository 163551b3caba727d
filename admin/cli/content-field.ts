// Methods that answer with the content of a file: a stream of messages that hold nothing but bytes. What they stream is written as it is.
import { ScalarType, type DescField, type DescMethod } from '@bufbuild/protobuf';

/** The field of the response that holds the next bytes; undefined for a method that answers with anything else. */
export function contentField({ methodKind, output }: DescMethod): DescField | undefined {
  const [only, ...others] = output.fields;
  const isContent = only?.fieldKind === 'scalar' && only.scalar === ScalarType.BYTES;
  return methodKind === 'server_streaming' && others.length === 0 && isContent ? only : undefined;
}
