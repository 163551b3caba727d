// `npm test`: every check a change has to pass. All steps run, whatever fails; the last line counts what passed and what failed, the
// steps and the single tests of ava.
import path from 'node:path';
import { checkBreaking } from './check-breaking.ts';
import { runProgram, type Finding, type Output } from './program.ts';
import { readTestReport } from './test-report.ts';

const root = path.dirname(import.meta.dirname);
/** A step that takes longer than this is stuck: some three times what the longest takes on two quiet cores. */
const stepTimeoutMs = 20 * 60_000;

/** Always the same choices, so that a check that fails can be repeated. */
const shortChaos = ['--seed', '7', '--minutes', '0.25', '--files', '60', '--agents', '3'];

const shortFuzz = ['--seed', '7', '--messages', '40'];

type Step = readonly [name: string, run: () => Promise<Finding>];

/** Steps that run one after another. */
type Lane = readonly Step[];

/**
 * The lanes of a stage run beside each other, the stages one after another. What takes long is beside the tests, because those wait for
 * their processes half of the time, in a single lane, so that it does not take the machine from them.
 */
const stages: readonly (readonly Lane[])[] = [
  [
    [['lint (oxlint, types and layers)', () => tool('oxlint/bin/oxlint', '--type-aware')]],
    [['format (oxfmt --check)', () => tool('oxfmt/bin/oxfmt', '--check')]],
    [['types (tsc)', () => tool('typescript/bin/tsc', '-p', '.')]],
    [['schema (buf lint)', () => tool('@bufbuild/buf/bin/buf', 'lint')]],
    [['schema is compatible (buf breaking)', () => checkBreaking(root)]],
    [['generated code is up to date', () => script('generate.ts', '--check')]],
  ],
  [
    [
      ['bench works (--smoke)', () => script('bench.ts', '--smoke')],
      ['chaos leaves nothing wrong (short)', () => script('chaos.ts', ...shortChaos)],
      ['the coordinator withstands nonsense (short)', () => script('fuzz.ts', ...shortFuzz)],
    ],
    [['tests (ava)', tests]],
  ],
];

await main();

async function main(): Promise<void> {
  const wanted = process.argv.slice(2);
  const isWanted = ([name]: Step) =>
    wanted.length === 0 || wanted.some((word) => name.includes(word));
  let passed = 0;
  let failed = 0;
  for (const stage of stages)
    for (const { name, finding } of stage.flatMap((lane) => start(lane.filter(isWanted)))) {
      process.stdout.write(`${name} … `);
      const { passed: isGood, tests } = say(await finding);
      passed += (isGood ? 1 : 0) + (tests?.passed ?? 0);
      failed += (isGood ? 0 : 1) + (tests?.failed ?? 0);
    }
  console.log(`\n${passed} passed, ${failed} failed`);
  process.exitCode = failed > 0 ? 1 : 0;
}

interface TimedFinding extends Finding {
  elapsedMs: number;
}

/** The first begins at once, each of the others when the one before it has ended. */
function start(lane: Lane): { name: string; finding: Promise<TimedFinding> }[] {
  let before: Promise<unknown> = Promise.resolve();
  return lane.map(([name, run]) => {
    const finding = before.then(() => timed(run));
    before = finding;
    return { name, finding };
  });
}

async function timed(run: () => Promise<Finding>): Promise<TimedFinding> {
  const startMs = performance.now();
  const finding = await run().catch((error: unknown): Finding => ({
    passed: false,
    details: String(error),
  }));
  return { ...finding, elapsedMs: performance.now() - startMs };
}

/** Ends the step's line, and shows what there is to know when it failed. */
function say(finding: TimedFinding): TimedFinding {
  const seconds = (finding.elapsedMs / 1000).toFixed(1);
  const note = finding.note === undefined ? '' : `, ${finding.note}`;
  console.log(`${finding.passed ? 'ok' : 'FAILED'} (${seconds} s${note})`);
  if (!finding.passed && finding.details !== undefined) console.log(indent(finding.details));
  return finding;
}

function tool(file: string, ...args: string[]): Promise<Finding> {
  return program(path.join(root, 'node_modules', file), args);
}

function script(file: string, ...args: string[]): Promise<Finding> {
  return program(path.join(root, 'scripts', file), args);
}

async function program(file: string, args: string[]): Promise<Finding> {
  const output = await node(file, args);
  return { passed: output.status === 0, details: output.all };
}

async function tests(): Promise<Finding> {
  const output = await node(path.join(root, 'node_modules', 'ava', 'entrypoints', 'cli.js'), [
    // Most files share processes here, as they do not when somebody runs one of them.
    '--config=test/together.config.js',
  ]);
  const { passed, failed, skipped, failures, isWhole } = readTestReport(output.stdout);
  const note = `${passed} passed, ${failed} failed, ${skipped} skipped`;
  const isGood = output.status === 0 && failed === 0 && passed > 0;
  // Why ava itself ended before its time stands in what it wrote beside its report.
  const details = isWhole && failures !== '' ? failures : `${failures}\n${output.all}`;
  return { passed: isGood, note, details, tests: { passed, failed } };
}

function node(file: string, args: string[]): Promise<Output> {
  return runProgram(process.execPath, [file, ...args], { folder: root, timeoutMs: stepTimeoutMs });
}

function indent(text: string): string {
  return text.trimEnd().replaceAll(/^/gm, '    ');
}
