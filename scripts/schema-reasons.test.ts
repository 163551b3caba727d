import test from 'ava';
import { create, setExtension } from '@bufbuild/protobuf';
import {
  EnumDescriptorProtoSchema,
  EnumOptionsSchema,
  EnumValueDescriptorProtoSchema,
  EnumValueOptionsSchema,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  file_google_protobuf_descriptor,
} from '@bufbuild/protobuf/wkt';
import {
  file_drover_v1_annotations,
  reason_info,
  ReasonInfoSchema,
  RetryPolicy,
} from '../gen/drover/v1/annotations_pb.ts';
import { withReasons } from './schema-reasons.ts';

const begin = '<!-- oxfmt-ignore-start -->\n<!-- generated from proto/drover/v1/error.proto -->\n';
const end = '<!-- end of what is generated -->\n<!-- oxfmt-ignore-end -->\n';

/** A schema with these reasons; one without advice has no annotation. */
function schemaOf(values: { name: string; number: number; advice?: string; codes?: string[] }[]) {
  return create(FileDescriptorSetSchema, {
    file: [
      file_google_protobuf_descriptor.proto,
      file_drover_v1_annotations.proto,
      create(FileDescriptorProtoSchema, {
        name: 'error.proto',
        dependency: ['drover/v1/annotations.proto'],
        package: 'drover.v1',
        syntax: 'proto3',
        enumType: [
          create(EnumDescriptorProtoSchema, {
            name: 'ErrorReason',
            options: create(EnumOptionsSchema),
            value: [{ name: 'ERROR_REASON_UNSPECIFIED', number: 0 }, ...values].map((value) =>
              valueOf(value),
            ),
          }),
        ],
      }),
    ],
  });
}

function valueOf(value: { name: string; number: number; advice?: string; codes?: string[] }) {
  const options = create(EnumValueOptionsSchema);
  const { advice, codes = [] } = value;
  if (advice !== undefined)
    setExtension(
      options,
      reason_info,
      create(ReasonInfoSchema, {
        retry: RetryPolicy.NEVER,
        advice,
        migrationManagerCodes: codes,
      }),
    );
  return create(EnumValueDescriptorProtoSchema, {
    name: value.name,
    number: value.number,
    options,
  });
}

const lost = { name: 'ERROR_REASON_LOST', number: 100, advice: 'Look | there.', codes: ['0x01', '0x02'] }; // oxfmt-ignore
const comments = new Map([['drover.v1.ErrorReason.ERROR_REASON_LOST', 'It is lost.']]);

test('a reason stands in the part of its number, with all that is known of it', (t) => {
  const text = withReasons(`before\n${begin}old\n${end}after\n`, schemaOf([lost]), comments);
  t.true(text.startsWith(`before\n${begin}`));
  t.true(text.endsWith(`${end}after\n`));
  t.false(text.includes('old'));
  const row = '| `LOST` | It is lost. | no | Look \\| there. | `0x01` `0x02` |\n';
  t.true(text.includes(row));
  t.true(text.indexOf('### Reading the source') < text.indexOf(row));
  t.true(text.indexOf(row) < text.indexOf('### Writing to the destination'));
  t.is(withReasons(text, schemaOf([lost]), comments), text);
});

test('a reason of which something is missing is refused by name', (t) => {
  const document = begin + end;
  const unsaid = { name: 'ERROR_REASON_LOST', number: 100 };
  t.throws(() => withReasons(document, schemaOf([unsaid]), comments), { message: /ERROR_REASON_LOST/ }); // oxfmt-ignore
  t.throws(() => withReasons(document, schemaOf([lost]), new Map()), { message: /ERROR_REASON_LOST/ }); // oxfmt-ignore
});

test('a document without a place for the reasons is refused', (t) => {
  t.throws(() => withReasons('text\n', schemaOf([lost]), comments), { message: /no place/ });
  t.throws(() => withReasons(end + begin, schemaOf([lost]), comments), { message: /no place/ });
});
