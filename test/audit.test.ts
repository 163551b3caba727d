// The audit log end to end: a coordinator that is killed in the middle of changes, the command line, and an export that is verified without
// Drover.
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { runProgram } from '../scripts/program.ts';
import { temporaryFolder } from './harness/folders.ts';
import { stackOf, type Stack } from './harness/stack.ts';

const root = path.dirname(import.meta.dirname);

interface ExportedEntry {
  number: string;
  method: string;
  resource: string;
  reason: string;
  changes?: { resource: string; before?: string; after?: string }[];
}

/** `drover` with these words, on the coordinator of the stack. */
function drover(stack: Stack, ...words: string[]) {
  const program = path.join(root, 'admin', 'cli', 'main.ts');
  const { data } = stack.coordinator.ready;
  return runProgram(process.execPath, [program, ...words, '--data', data], { folder: root, timeoutMs: 30_000 }); // oxfmt-ignore
}

/** The recipe that stands in the manual. */
function recipe(folder: string): string {
  const manual = readFileSync(path.join(root, 'docs', 'AUDIT.md'), 'utf8');
  const file = path.join(folder, 'verify-audit.mjs');
  writeFileSync(file, /```js\n([^]*?)```/.exec(manual)![1]!);
  return file;
}

/** Makes, changes and deletes tasks until the coordinator is gone; enters what it acknowledged, and calls `changed` after each. */
async function changeUntilKilled(
  stack: Stack,
  worker: number,
  acknowledged: string[],
  changed: () => void,
): Promise<void> {
  const { tasks } = stack.api;
  const acknowledge = (change: string) => {
    acknowledged.push(change);
    changed();
  };
  try {
    for (let index = 0; ; index += 1) {
      const name = `tasks/w${worker}-${index}`;
      await tasks.createTask({ task: { source: '/srv', destination: '/to' }, taskId: name.slice('tasks/'.length) }); // oxfmt-ignore
      acknowledge(`CreateTask ${name}`);
      if (index % 3 === 1) {
        await tasks.updateTask({ task: { name, displayName: 'x' } });
        acknowledge(`UpdateTask ${name}`);
      }
      if (index % 3 === 2) {
        await tasks.deleteTask({ name });
        acknowledge(`DeleteTask ${name}`);
      }
    }
  } catch {
    // The coordinator is gone, which is what this waited for.
  }
}

async function namesOf(stack: Stack): Promise<Set<string>> {
  const names = new Set<string>();
  for (let pageToken = ''; ;) {
    const page = await stack.api.tasks.listTasks({ pageSize: 1000, pageToken });
    for (const { name } of page.tasks) names.add(name);
    pageToken = page.nextPageToken;
    if (pageToken === '') return names;
  }
}

/** What there is after all that is entered. */
function replay(entries: readonly ExportedEntry[]): Set<string> {
  const names = new Set<string>();
  for (const { changes = [] } of entries)
    for (const { resource, after = '' } of changes) {
      if (after === '') names.delete(resource);
      else names.add(resource);
    }
  return names;
}

async function verifyExport(t: ExecutionContext, folder: string, text: string) {
  const file = path.join(folder, 'audit.jsonl');
  writeFileSync(file, text);
  const schema = path.join(root, 'proto', 'drover', 'v1');
  return promisify(execFile)(process.execPath, [recipe(folder), file, schema]).then(
    ({ stdout }) => stdout,
    (error: { stdout?: string }) => error.stdout ?? t.fail('the recipe failed'),
  );
}

test('a coordinator that is killed has an entry for every change that it acknowledged, and none for another; the export is verified elsewhere', async (t) => {
  t.timeout(120_000);
  const folder = await temporaryFolder(t);
  const stack = await stackOf(t, { folder, coordinatorArguments: ['--calls-per-second', '0'] });
  const { coordinator } = stack;
  const acknowledged: string[] = [];
  // In the middle of changes, however long those take on this machine.
  const killLater = () => {
    if (acknowledged.length === 60) void coordinator.kill();
  };
  const workers = Array.from({ length: 8 }, (_, worker) => changeUntilKilled(stack, worker, acknowledged, killLater)); // oxfmt-ignore
  await Promise.all(workers);
  await coordinator.exited;
  t.true(acknowledged.length >= 60, `${acknowledged.length} changes`);

  await stack.startCoordinator();
  const [whole, { stdout }, list] = await Promise.all([
    drover(stack, 'audit', 'verify'),
    drover(stack, 'audit', 'export', '--output', 'json'),
    drover(stack, 'audit', 'list', '--limit', '3'),
  ]);
  t.is(whole.status, 0, whole.all);
  t.is(list.stdout.trimEnd().split('\n').length, 4);
  const lines = stdout.trimEnd().split('\n');
  const entries = lines.map((line) => (JSON.parse(line) as { entry: ExportedEntry }).entry);
  const entered = entries
    .filter(({ reason }) => reason === 'ERROR_REASON_UNSPECIFIED')
    .map(({ method, resource }) => `${method.replace('drover.v1.TaskService/', '')} ${resource}`);
  const missing = acknowledged.filter((one) => !entered.includes(one));
  t.deepEqual(missing, []);
  // What was written and not acknowledged any more: at most one change of each worker.
  t.true(entered.length - acknowledged.length <= workers.length);
  t.deepEqual([...replay(entries)].toSorted(), [...(await namesOf(stack))].toSorted());

  const last = /last hash +([0-9a-f]{64})/.exec(whole.stdout)![1]!;
  t.is(await verifyExport(t, folder, stdout), `in order up to entry ${entries.length}: ${last}\n`);
  const tampered = stdout.replace('tasks/w1-0', 'tasks/w1-9');
  t.regex(await verifyExport(t, folder, tampered), /^entry \d+ is not in order: it was changed\n$/);
  const cut = lines.toSpliced(4, 1).join('\n');
  t.is(await verifyExport(t, folder, cut), 'entry 6 is not in order: it does not follow the one before\n'); // oxfmt-ignore
});
