// Evidence of a run, from a real migration: exported and verified by the command line.
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { runProgram } from '../scripts/program.ts';
import { temporaryFolder } from './harness/folders.ts';
import { sharedStack } from './harness/shared.ts';
import { assertSucceeded, type Stack } from './harness/stack.ts';
import { makeTree } from './harness/tree.ts';

const root = path.dirname(import.meta.dirname);
const shared = sharedStack();
let stack: Stack;

test.before(async () => {
  stack = await shared.take();
});

test.after.always(() => shared.leave());

test('evidence of a run says what is at the source and was migrated, and whether somebody changed either', async (t) => {
  const folder = await temporaryFolder(t);
  const source = path.join(folder, 'source');
  await makeTree(source, { 'a.txt': 'one', sub: { 'bü.txt': 'two', 'empty.txt': '' } });
  const destination = pathToFileURL(path.join(folder, 'destination')).href;
  const { run } = await stack.migrate(source, destination);
  assertSucceeded(t, run);

  const file = path.join(folder, 'evidence.jsonl');
  const data = ['--data', stack.coordinator.ready.data];
  const exported = await drover('runs', 'export-evidence', run.name, '--output', file, ...data);
  t.is(exported.status, 0, exported.all);
  const { fingerprint } = await stack.api.runs.getEvidenceKey({});
  const verify = () => drover('runs', 'verify-evidence', file, '--fingerprint', fingerprint, '--against-source', source); // oxfmt-ignore
  const good = await verify();
  t.is(good.status, 0, good.all);
  t.regex(good.stdout, /^This is the evidence of tasks\/.*\/runs\/1 as it was signed: 4 items\./);
  t.regex(good.stdout, /3 files are the same, 0 differ\./);

  t.is(await byRecipe(folder, file), `4 items, signed by ${fingerprint}\n`);

  await writeFile(path.join(source, 'a.txt'), 'eno');
  const changed = await verify();
  t.is(changed.status, 1);
  t.regex(changed.stdout, /^DIFFERENT {2}a\.txt: its content is another one now$/m);

  await writeFile(file, (await readFile(file, 'utf8')).replace('a.txt', 'b.txt'));
  const forged = await verify();
  t.is(forged.status, 1);
  t.is(await byRecipe(folder, file), 'NOT as it was signed\n');
  t.regex(forged.stdout, /^NOT THE EVIDENCE THAT WAS SIGNED: .*at least one was changed\n$/);
});

/** What the recipe in the manual says of a file. */
async function byRecipe(folder: string, file: string): Promise<string> {
  const manual = await readFile(path.join(root, 'docs', 'EVIDENCE.md'), 'utf8');
  const program = path.join(folder, 'verify-evidence.mjs');
  await writeFile(program, /```js\n(.*?)```/s.exec(manual)![1]!);
  const options = { folder, timeoutMs: 60_000 };
  return (await runProgram(process.execPath, [program, file], options)).stdout;
}

/** Runs the command line and waits for its end. */
function drover(...words: string[]) {
  const options = { folder: root, timeoutMs: 60_000 };
  return runProgram(process.execPath, [path.join(root, 'admin', 'cli', 'main.ts'), ...words], options); // oxfmt-ignore
}
