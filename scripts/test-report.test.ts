// What `npm test` says of tests that fail, read from what the real ava reports of a project of the test's own.
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { runProgram, type Output } from './program.ts';
import { readTestReport } from './test-report.ts';

const modules = path.join(import.meta.dirname, '..', 'node_modules');

/** Runs the tests of these files. */
async function runTests(t: ExecutionContext, files: Record<string, string>): Promise<Output> {
  const folder = mkdtempSync(path.join(tmpdir(), 'drover-report-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  symlinkSync(modules, path.join(folder, 'node_modules'));
  writeFileSync(path.join(folder, 'package.json'), '{ "type": "module" }');
  for (const [name, text] of Object.entries(files))
    writeFileSync(path.join(folder, `${name}.test.js`), `import test from 'ava';\n${text}`);
  const ava = path.join(modules, 'ava', 'entrypoints', 'cli.js');
  return await runProgram(process.execPath, [ava], { folder, timeoutMs: 60_000 });
}

test('every test that fails is named with what is known about it, whatever its error is like', async (t) => {
  t.timeout(60_000);
  const { status, stdout } = await runTests(t, {
    one: `
test('good', (t) => { t.log('some\\nlog', '✘ [fail]: none'); t.pass(); });
test.skip('left out', (t) => t.fail());
// Ava's own report for programs dies of it.
test('without a place', () => { throw Object.assign(new Error('gone'), { stack: 'Error: gone' }); });
test('undefined', (t) => t.is(undefined, 5));
test('throws nothing', () => { throw undefined; });
test('many', () => { throw new AggregateError([new Error('a'), undefined], 'several'); });`,
    two: `
test('good as well', (t) => t.pass());
test.after('a hook', () => { throw new Error('not cleaned up'); });`,
    three: `
test('ends', async () => { setImmediate(() => { throw new Error('late'); }); await new Promise(() => {}); });`,
  });
  t.is(status, 1);
  const { failures, ...counts } = readTestReport(stdout);
  t.like(counts, { passed: 2, skipped: 1, isWhole: true });
  for (const name of ['one › without a place', 'one › undefined', 'one › throws nothing', 'one › many', 'two › a hook', '(?:Uncaught exception in three.test.js)']) t.regex(failures, new RegExp(name)); // oxfmt-ignore
  for (const words of [/gone/, /- undefined\n.*\+ 5/, /several/, /not cleaned up/, /late/]) t.regex(failures, words); // oxfmt-ignore
  // Five tests and hooks, what was thrown at last, and the file that it ended.
  t.is(counts.failed, 7);
  t.notRegex(failures, /good|left out|log/);
});

test('tests that all pass have nothing to say', (t) => {
  const output = '\n  ✔ a › one (120ms)\n    ℹ a log\n      of two lines\n  - [skip] b › two\n  √ c › three\n  ─\n\n  2 tests passed\n  1 test skipped\n'; // oxfmt-ignore
  const { failures, ...counts } = readTestReport(output);
  t.deepEqual(counts, { passed: 2, failed: 0, skipped: 1, isWhole: true });
  t.notRegex(failures, /one|two|three|log/);
});

test('a run that broke off is not whole, and says what it had said by then', (t) => {
  const { failures, ...counts } = readTestReport('\n  ✔ one\n  ✘ [fail]: two it broke\n');
  t.deepEqual(counts, { passed: 1, failed: 1, skipped: 0, isWhole: false });
  t.is(failures, '✘ [fail]: two it broke');
});
