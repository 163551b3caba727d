import test from 'ava';
import { completeName, idsOf, patternIn } from './positional.ts';

const run = 'tasks/{task}/runs/{run}';
const names: [text: string, pattern: string, name: string][] = [
  ['photos', 'tasks/{task}', 'tasks/photos'],
  ['tasks/photos', 'tasks/{task}', 'tasks/photos'],
  ['tasks', 'tasks/{task}', 'tasks/tasks'],
  ['photos/1', run, 'tasks/photos/runs/1'],
  ['tasks/photos/runs/1', run, 'tasks/photos/runs/1'],
  ['tasks/photos', run, 'tasks/photos'],
  ['photos', run, 'photos'],
  ['/photos', run, '/photos'],
  ['', 'tasks/{task}', ''],
  ['photos', '', 'photos'],
];
for (const [text, pattern, name] of names)
  test(`"${text}" as ${pattern || 'a name without a pattern'}`, (t) => {
    t.is(completeName(text, pattern), name);
  });

test('the pattern is in the comment', (t) => {
  t.is(patternIn("Required. The run's name, tasks/{task}/runs/{run}."), run);
  t.is(patternIn('Output only. The resource name, always "settings".'), '');
  t.is(idsOf(run), '{task}/{run}');
});
