// Many tasks at the command line: what is asked before, what is done, and what a script sees of it.
import test, { type ExecutionContext } from 'ava';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { GoneDecision } from '../../gen/drover/v1/run_pb.ts';
import { LedgerFate, TaskAction, TaskFileFormat, TaskService, type ApplyToTasksRequest, type ImportTasksRequest } from '../../gen/drover/v1/task_pb.ts'; // oxfmt-ignore
import { startTestCoordinator, type TestCoordinator } from './test-coordinator.ts';

/** A coordinator with these tasks, all of which a filter wants; it refuses what is asked of those that begin with an x. */
async function start(t: ExecutionContext, names: readonly string[]) {
  const applied: ApplyToTasksRequest[] = [];
  const imported: ImportTasksRequest[] = [];
  const coordinator = await startTestCoordinator((router) =>
    router.service(TaskService, {
      async *applyToTasks(request) {
        applied.push(request);
        yield { step: { case: 'matchedTasks', value: names.length } };
        for (const name of names) {
          const refused = name.startsWith('x') && !request.validateOnly;
          const why = { reason: ErrorReason.WRONG_STATE, message: 'is going' };
          yield {
            step: { case: 'outcome', value: { name: `tasks/${name}`, ...(refused && why) } },
          };
        }
      },
      importTasks(request) {
        imported.push(request);
        const problems = [{ line: 3, column: 4, field: 'SharePointSite', message: 'is missing' }];
        const isWrong = Buffer.from(request.content).includes('wrong');
        return {
          format: TaskFileFormat.MICROSOFT_CSV,
          listedTasks: 2,
          createdTasks: isWrong ? 0 : 2,
          ...(isWrong && { invalidTasks: 1, problemCount: 7, problems }),
          notes: [{ line: 0, column: 0, field: 'Colour', message: 'is not known \u001b[2J' }],
          tasks: isWrong ? [] : [{ line: 1, name: 'tasks/a' }],
        };
      },
      async *exportTasks() {
        yield { content: Buffer.from('one,') };
        yield { content: Buffer.from('two\n'), notes: ['something \u001b[2J is left out'] };
      },
    }),
  );
  t.teardown(() => coordinator[Symbol.asyncDispose]());
  const drover = (...[words, more]: Parameters<TestCoordinator['drover']>) =>
    coordinator.drover(words, more);
  return { drover, applied, imported };
}

const filter = ['--filter', 'tags:w'];

test('what was named is done to exactly so many, and told of each', async (t) => {
  const { drover, applied } = await start(t, ['a', 'xb', 'c']);
  const { status, stdout, stderr } = await drover(['tasks', 'run', ...filter, '--yes', '--scan-only']); // oxfmt-ignore
  t.deepEqual(
    applied.map(({ filter: text, action, validateOnly, expectedCount, scanOnly }) => [text, action, validateOnly, expectedCount, scanOnly]), // oxfmt-ignore
    [
      ['tags:w', TaskAction.RUN, true, undefined, true],
      ['tags:w', TaskAction.RUN, false, 3, true],
    ],
  );
  t.is(status, 1);
  t.regex(stdout, /^NAME +RUN +REASON +MESSAGE\ntasks\/a\ntasks\/xb +wrong state +is going\ntasks\/c\n$/); // oxfmt-ignore
  t.is(stderr, 'drover: 3 tasks, 1 of them refused\n');
});

const verbs: [words: string[], asked: Partial<ApplyToTasksRequest>][] = [
  [['pause'], { action: TaskAction.PAUSE }],
  [['resume', '--gone', 'keep'], { action: TaskAction.RESUME, gone: GoneDecision.KEEP }],
  [['cancel'], { action: TaskAction.CANCEL }],
  [['delete', '--ledger', 'delete'], { action: TaskAction.DELETE, ledger: LedgerFate.DELETE }],
];
for (const [words, asked] of verbs)
  test(`many tasks: ${words.join(' ')}`, async (t) => {
    const { drover, applied } = await start(t, ['a']);
    const { status, stderr } = await drover(['tasks', ...words, ...filter, '--yes']);
    t.deepEqual([status, stderr], [0, 'drover: 1 task\n']);
    t.like(applied[1], asked);
  });

async function* typed(text: string) {
  yield text;
}

for (const [answer, isDone] of [
  ['y\n', true],
  ['YES\n', true],
  ['n\n', false],
  ['\n', false],
  ['', false],
] as const)
  // oxfmt-ignore
  test(`at a terminal it is asked first: ${JSON.stringify(answer)}`, async (t) => {
    const { drover, applied } = await start(t, ['a', 'b', 'c', 'd', 'e', 'f']);
    const terminal = { isInteractive: true, stdin: typed(answer) };
    const { status, stderr } = await drover(['tasks', 'delete', ...filter], terminal);
    t.true(stderr.startsWith('6 tasks to delete: tasks/a, tasks/b, tasks/c, tasks/d, tasks/e, …\nGo on? [y/N] ')); // oxfmt-ignore
    t.deepEqual([status, applied.length], isDone ? [0, 2] : [130, 1]);
  });

const refused: [words: string[], status: number, words: RegExp][] = [
  [['run', ...filter], 2, /--yes: is missing, and nobody is there to be asked; the filter wants 1 task to run: tasks\/a/], // oxfmt-ignore
  [['run', 'a', ...filter, '--yes'], 2, /--filter: cannot be given together with a/],
  [['delete', ...filter, '--yes', '--etag', 'x'], 2, /--etag: is about one task/],
  [['run', ...filter, '--yes', '--request-json', 'x'], 2, /together with --request-json/],
  [['run'], 2, /name: is missing/],
];
for (const [words, expected, message] of refused)
  test(`nothing is done for tasks ${words.join(' ')}`, async (t) => {
    const { drover, applied } = await start(t, ['a']);
    const { status, stderr } = await drover(['tasks', ...words]);
    t.is(status, expected);
    t.regex(stderr, message);
    t.false(applied.some(({ validateOnly }) => !validateOnly));
  });

test('a filter that wants nothing is told, also to scripts', async (t) => {
  const { drover } = await start(t, []);
  const { status, stderr } = await drover(['tasks', 'run', ...filter, '--yes']);
  t.deepEqual([status, stderr], [3, 'drover: the filter wants no task\n']);
});

test('as JSON, each step is a line', async (t) => {
  const { drover } = await start(t, ['a', 'xb']);
  const { stdout } = await drover(['tasks', 'run', ...filter, '--yes', '--output', 'json']);
  const lines = stdout.trim().split('\n').map((line) => JSON.parse(line) as object); // oxfmt-ignore
  t.like(lines[0], { matchedTasks: 2 });
  t.like(lines[2], { outcome: { name: 'tasks/xb', reason: 'ERROR_REASON_WRONG_STATE' } });
});

test('the content of a file is read from @FILE, and from standard input', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'drover-content-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const { drover, imported } = await start(t, []);
  const file = path.join(folder, 'tasks.csv');
  writeFileSync(file, 'a,b\n\u00e4');
  const fromFile = await drover(['tasks', 'import', '--content', `@${file}`, '--no-check-locations']); // oxfmt-ignore
  t.is(fromFile.status, 0);
  t.is(fromFile.stdout, "Migration Manager's CSV with 2 tasks: 2 tasks created\n  note: (Colour): is not known \\x1b[2J\n"); // oxfmt-ignore
  t.deepEqual(Buffer.from(imported[0]!.content), readFileSync(file));
  t.is(imported[0]!.checkLocations, false);
  const fromInput = await drover(['tasks', 'import', '--content', '-'], { stdin: typed('wrong') });
  t.is(fromInput.status, 1);
  t.is(fromInput.stdout, "Migration Manager's CSV with 2 tasks: nothing was created; 7 problems with 1 task:\n  line 3, column 4 (SharePointSite): is missing\n  … and 6 more problems\n  note: (Colour): is not known \\x1b[2J\n"); // oxfmt-ignore
  t.is(Buffer.from(imported[1]!.content).toString(), 'wrong');
  const wrong: [string[], RegExp][] = [
    [['--content', `@${folder}/none.csv`], /--content: cannot read .*none\.csv: ENOENT/],
    [['--content', `@${folder}`], /--content: cannot read .*EISDIR/],
    [['--content', 'not base64!'], /It must be a file as @FILE/],
  ];
  for (const [words, message] of wrong) {
    const { status, stderr } = await drover(['tasks', 'import', ...words]);
    t.is(status, 2);
    t.regex(stderr, message);
  }
  t.is(imported.length, 2);
});

test('what an exported file leaves out is told beside it', async (t) => {
  const { drover } = await start(t, []);
  const { status, stdout, stderr } = await drover(['tasks', 'export']);
  t.deepEqual([status, stdout, stderr], [0, 'one,two\n', 'drover: something \\x1b[2J is left out\n']); // oxfmt-ignore
});
