// Methods that answer with the content of a file: a stream of messages that hold nothing but bytes, and perhaps notes about the file. The bytes
// are written as they are; the notes are for the person who asked.
import { ScalarType, type DescField, type DescMethod } from '@bufbuild/protobuf';

/** The field of the response that holds the next bytes; undefined for a method that answers with anything else. */
export function contentField({ methodKind, output }: DescMethod): DescField | undefined {
  const [only, ...others] = output.fields;
  const isContent = only?.fieldKind === 'scalar' && only.scalar === ScalarType.BYTES;
  const isMore = others.some((field) => !isNotes(field));
  return methodKind === 'server_streaming' && isContent && !isMore ? only : undefined;
}

/** The field of such a response that holds the notes; undefined where there is none. */
export function notesField({ output }: DescMethod): DescField | undefined {
  return output.fields.find(isNotes);
}

function isNotes(field: DescField): boolean {
  return field.name === 'notes' && field.fieldKind === 'list' && field.listKind === 'scalar';
}
