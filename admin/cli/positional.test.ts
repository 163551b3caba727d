import test from 'ava';
import { completeName, idsInWords, patternsIn } from './positional.ts';

const run = 'tasks/{task}/runs/{run}';
const runOrTask = `${run} or tasks/{task}`;
const names: [text: string, comment: string, name: string][] = [
  ['photos', 'tasks/{task}', 'tasks/photos'],
  ['tasks/photos', 'tasks/{task}', 'tasks/photos'],
  ['tasks', 'tasks/{task}', 'tasks/tasks'],
  ['photos/1', run, 'tasks/photos/runs/1'],
  ['tasks/photos/runs/1', run, 'tasks/photos/runs/1'],
  ['tasks/photos', run, 'tasks/photos'],
  ['photos', run, 'photos'],
  ['photos', runOrTask, 'tasks/photos'],
  ['photos/1', runOrTask, 'tasks/photos/runs/1'],
  ['tasks/photos', runOrTask, 'tasks/photos'],
  ['tasks/photos/runs/1', runOrTask, 'tasks/photos/runs/1'],
  ['photos/runs/1', runOrTask, 'photos/runs/1'],
  ['photos/', runOrTask, 'photos/'],
  ['/photos', run, '/photos'],
  ['', 'tasks/{task}', ''],
  ['photos', '', 'photos'],
];
for (const [text, comment, name] of names)
  test(`"${text}" as ${comment || 'a name without a pattern'}`, (t) => {
    t.is(completeName(text, patternsIn(comment)), name);
  });

test('the patterns are in the comment', (t) => {
  t.deepEqual(patternsIn("Required. The run's name, tasks/{task}/runs/{run}."), [run]);
  t.deepEqual(patternsIn(`${run}; or tasks/{task}, the latest ${run}`), [run, 'tasks/{task}']);
  t.deepEqual(patternsIn('Output only. The resource name, always "settings".'), []);
  t.is(idsInWords([run, 'tasks/{task}']), '{task}/{run} or {task}');
});
