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
  name: 'tasks/moebel-1',
  tags: ['wave-2', 'Two words (late)'],
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
  ['name:tasks/', true],
  ['name=tasks/moebel-1', true],
  ['tags:wave-2', true],
  ['tags=wave-2', true],
  ['tags:wave', false],
  ['tags:Wave-2', false],
  ['tags:"Two words (late)"', true],
  ['NOT tags:wave-2', false],
  ['NOT NOT tags:wave-2', true],
  ['tags:wave-1 OR tags:wave-2', true],
  ['tags:wave-1 OR tags:wave-3', false],
  ['tags:wave-2 AND (state:FAILED OR state:SUCCEEDED_WITH_FAILURES)', true],
  ['( tags:wave-1 OR (tags:wave-2 AND state:FAILED) )', false],
  ['NOT (tags:wave-1 OR state:FAILED) AND agent_group:berlin', true],
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
  'source:a OR source:b AND source:c',
  '(source:a',
  'source:a)',
  '()',
  'NOT',
  `${'('.repeat(12)}source:a${')'.repeat(12)}`,
  `${'NOT '.repeat(12)}source:a`,
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
