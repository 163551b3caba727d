import { create } from '@bufbuild/protobuf';
import test from 'ava';
import { TaskSchema, TaskState } from '../../gen/drover/v1/task_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { parseTaskFilter } from './filter.ts';

const task = create(TaskSchema, {
  displayName: 'Möbel "A" to B',
  source: '\\\\server\\Share\\my dir',
  destination: 'file:///srv/target',
  state: TaskState.SUCCEEDED_WITH_FAILURES,
  agentGroup: 'Berlin',
});

const cases: [filter: string, wanted: boolean][] = [
  ['', true],
  ['   ', true],
  ['state:SUCCEEDED_WITH_FAILURES', true],
  ['state=succeeded_with_failures', true],
  ['state:SUCCEEDED', false],
  ['destination:target', true],
  ['destination:TARGET', true],
  ['destination=target', false],
  ['destination=file:///srv/target', true],
  ['destination = file:///srv/target', true],
  ['source:\\\\server\\share', true],
  [String.raw`source='\\server\Share\my dir'`, true],
  [String.raw`source="\\\\server\\Share\\my dir"`, true],
  ['source:"my dir"', true],
  ['source:"my AND dir"', false],
  ['display_name:möbel', true],
  ['display_name:"\\"A\\" to"', true],
  ['display_name:\'"A"\' AND state:READY', false],
  ['display_name:B  AND  destination:srv AND state:SUCCEEDED_WITH_FAILURES', true],
  ['display_name:""', true],
  ['agent_group=Berlin', true],
  ['agent_group:ber', true],
  ['agent_group=berlin', false],
];

for (const [filter, wanted] of cases)
  test(`filter "${filter}" ${wanted ? 'wants' : 'leaves out'} the task`, (t) => {
    t.is(parseTaskFilter(filter)(task), wanted);
  });

const bad = [
  'x',
  'state',
  'state:',
  'state:NONSENSE',
  'state:UNSPECIFIED',
  'owner:me',
  'source:a source:b',
  'source:a OR source:b',
  'source:a AND',
  'source:a and source:b',
  'source:"a',
  'source:"a"b',
  'AND',
  `source:${'a'.repeat(3000)}`,
  Array.from({ length: 21 }, () => 'source:a').join(' AND '),
];

for (const filter of bad)
  test(`filter "${filter.slice(0, 40)}" is refused`, (t) => {
    const error = t.throws(() => parseTaskFilter(filter), { instanceOf: DroverError });
    t.is(error.metadata['field'], 'filter');
  });
