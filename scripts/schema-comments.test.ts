import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import test from 'ava';
import { docs } from '../gen/docs.ts';
import { commentsOf } from './schema-comments.ts';

test('comments stand under the full names, wrapped lines joined, paragraphs kept', (t) => {
  const file: MessageInitShape<typeof FileDescriptorProtoSchema> = {
    package: 'farm',
    messageType: [
      {
        name: 'Sheep',
        field: [{ name: 'wool' }, { name: 'plain' }],
        nestedType: [{ name: 'Lamb', field: [{ name: 'age' }] }],
        enumType: [{ name: 'Colour', value: [{ name: 'COLOUR_WHITE' }] }],
      },
    ],
    enumType: [{ name: 'State', value: [{ name: 'STATE_ASLEEP' }] }],
    service: [{ name: 'SheepService', method: [{ name: 'Shear' }] }],
    sourceCodeInfo: {
      location: [
        { path: [4, 0], leadingComments: ' A sheep\n of the farm.\n\n It has wool.\n' },
        { path: [4, 0, 2, 0], leadingComments: ' How long.\n' },
        { path: [4, 0, 3, 0, 2, 0], leadingComments: ' In months.\n' },
        { path: [4, 0, 4, 0, 2, 0], leadingComments: ' White.\n' },
        { path: [5, 0, 2, 0], leadingComments: ' Asleep.\n' },
        { path: [6, 0], leadingComments: ' Sheep.\n' },
        { path: [6, 0, 2, 0], leadingComments: ' Shears one.\n' },
      ],
    },
  };
  t.deepEqual(Object.fromEntries(commentsOf(create(FileDescriptorProtoSchema, file))), {
    'farm.Sheep': 'A sheep of the farm.\n\nIt has wool.',
    'farm.Sheep.wool': 'How long.',
    'farm.Sheep.Lamb.age': 'In months.',
    'farm.Sheep.Colour.COLOUR_WHITE': 'White.',
    'farm.State.STATE_ASLEEP': 'Asleep.',
    'farm.SheepService': 'Sheep.',
    'farm.SheepService.Shear': 'Shears one.',
  });
});

test('the generated table has what the help shows', (t) => {
  t.is(docs.get('drover.v1.TaskService.GetTask'), 'Shows a task.');
  t.regex(docs.get('drover.v1.TaskState.TASK_STATE_READY') ?? '', /never run/);
});
