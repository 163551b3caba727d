// The comments of a schema by the full name of what they stand at. Descriptors keep them apart from
// the elements, by paths of field numbers of descriptor.proto (4.0.2.1 is the second field of the
// first message).
import type {
  DescriptorProto,
  EnumDescriptorProto,
  FileDescriptorProto,
} from '@bufbuild/protobuf/wkt';

// Field numbers of descriptor.proto.
const inFile = { message: 4, enumeration: 5, service: 6 };
const inMessage = { field: 2, message: 3, enumeration: 4 };
const memberNumber = 2;

/**
 * The leading comments of a file, by full name; a value of an enum stands under the enum's name
 * (`drover.v1.TaskState.TASK_STATE_READY`). Lines of a paragraph are joined, paragraphs are parted
 * by an empty line. What has no comment is left out.
 */
export function commentsOf(file: FileDescriptorProto): Map<string, string> {
  const byPath = new Map<string, string>();
  for (const location of file.sourceCodeInfo?.location ?? [])
    if (location.leadingComments !== '')
      byPath.set(location.path.join('.'), paragraphs(location.leadingComments));

  const comments = new Map<string, string>();
  const note = (name: string, path: number[]) => {
    const text = byPath.get(path.join('.'));
    if (text !== undefined) comments.set(name, text);
  };
  const noteEnum = (value: EnumDescriptorProto, name: string, path: number[]) => {
    note(name, path);
    value.value.forEach((one, i) => note(`${name}.${one.name}`, [...path, memberNumber, i]));
  };
  const noteMessage = (value: DescriptorProto, name: string, path: number[]) => {
    note(name, path);
    value.field.forEach((one, i) => note(`${name}.${one.name}`, [...path, inMessage.field, i]));
    value.nestedType.forEach((one, i) =>
      noteMessage(one, `${name}.${one.name}`, [...path, inMessage.message, i]),
    );
    value.enumType.forEach((one, i) =>
      noteEnum(one, `${name}.${one.name}`, [...path, inMessage.enumeration, i]),
    );
  };

  const full = (name: string) => `${file.package}.${name}`;
  file.messageType.forEach((one, i) => noteMessage(one, full(one.name), [inFile.message, i]));
  file.enumType.forEach((one, i) => noteEnum(one, full(one.name), [inFile.enumeration, i]));
  file.service.forEach((service, i) => {
    note(full(service.name), [inFile.service, i]);
    service.method.forEach((one, j) =>
      note(`${full(service.name)}.${one.name}`, [inFile.service, i, memberNumber, j]),
    );
  });
  return comments;
}

function paragraphs(comment: string): string {
  return comment
    .trim()
    .split(/\n\s*\n/)
    .map((paragraph) =>
      paragraph
        .split('\n')
        .map((line) => line.trim())
        .join(' '),
    )
    .join('\n\n');
}
