// Threads whose program is broken, with real threads: the pool says why, no job fails for it, and nothing goes on for ever.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import type { DroverError } from '../../lib/error.ts';
import { systemClock } from '../../lib/time.ts';
import type { Job } from './jobs.ts';
import { createPool } from './piscina-pool.ts';

/** A job that a program of this test takes for what its tag says. */
const job = (partTag = ''): Job => ({
  kind: 'sweep',
  destination: '/nowhere',
  run: 'tasks/a/runs/1',
  tenant: undefined,
  items: new Uint8Array(),
  partTag,
  generation: 1,
  uploads: [],
});

const good = `export function loaded() {}
export default ({ partTag }) => {
  if (partTag === 'exit') process.exit(4);
  return { kind: 'swept' };
};
new BroadcastChannel(import.meta.url).onmessage = () => { throw new Error('again'); };`;

function writeProgram(t: ExecutionContext, text: string): { file: string; program: URL } {
  const folder = mkdtempSync(path.join(tmpdir(), 'drover-threads-'));
  // Threads without a job keep no process alive.
  const awake = setInterval(() => undefined, 2 ** 30);
  t.teardown(() => {
    clearInterval(awake);
    rmSync(folder, { recursive: true, force: true });
  });
  const file = path.join(folder, 'program.mjs');
  writeFileSync(file, text);
  return { file, program: pathToFileURL(file) };
}

for (const [what, text, why] of [
  ['throws', `throw new Error('a part is missing');`, /cannot run: a part is missing$/],
  ['ends the thread', 'process.exit(3);', /cannot run: worker exited with code: 3$/],
  [
    'ends a thread without a job',
    `import { mkdirSync } from 'node:fs';
try {
  mkdirSync(new URL('first', import.meta.url));
} catch {
  process.exit(3);
}
await new Promise(() => {});`,
    /cannot run: worker exited with code: 3$/,
  ],
  ['has a mistake in its syntax', 'const a = ;', /cannot run: Unexpected token ';'$/],
  [
    'imports what is not there',
    `import './nowhere.mjs';`,
    /cannot run: Cannot find module .*nowhere/,
  ],
  ['is another one', 'export const other = 1;', /cannot run: No handler function exported/],
] as const)
  test(`a program that ${what} while it is loaded is the end of the pool, and fails no job`, async (t) => {
    const broken = Promise.withResolvers<DroverError>();
    const { program } = writeProgram(t, text);
    const pool = createPool({ threads: 2, program, onBroken: broken.resolve });
    const ended: string[] = [];
    const jobs = [1, 2, 3].map(() => pool.run(job()).then(() => ended.push('job')));
    const error = await broken.promise;
    t.is(error.reason, ErrorReason.INTERNAL);
    t.regex(error.message, why);
    t.regex(error.advice, /See whether the program is whole/);
    jobs.push(pool.run(job()).then(() => ended.push('job')));
    await new Promise((resolve) => setImmediate(resolve));
    t.deepEqual(ended, []);
    await pool.close();
    await Promise.all(jobs);
    t.is((await pool.run(job())).kind, 'failed');
  });

/** A clock whose time is over when the test says so, for what waits then. */
function clockFor() {
  const waiting = new Set<() => void>();
  const after = (_: number, callback: () => void) => {
    waiting.add(callback);
    return () => void waiting.delete(callback);
  };
  return { clock: { ...systemClock, after }, waiting };
}

for (const [what, text] of [
  ['computes without an end', 'for (;;);'],
  ['waits for something that never comes', 'await new Promise(() => {});'],
] as const)
  test(`a program that ${what} while it is loaded is the end of the pool, and fails no job`, async (t) => {
    const broken = Promise.withResolvers<DroverError>();
    const { program } = writeProgram(t, text);
    const { clock, waiting } = clockFor();
    const pool = createPool({ threads: 2, program, onBroken: broken.resolve, clock });
    const ended: string[] = [];
    const running = pool.run(job()).then(() => ended.push('job'));
    t.is(waiting.size, 1);
    for (const due of waiting) due();
    t.regex((await broken.promise).message, /cannot run: nothing was loaded within 60 seconds$/);
    await new Promise((resolve) => setImmediate(resolve));
    t.deepEqual(ended, []);
    await pool.close();
    await running;
  });

test('a thread that is never loaded in the place of one that ended is the end of the pool', async (t) => {
  const broken = Promise.withResolvers<DroverError>();
  const { file, program } = writeProgram(t, good);
  const { clock, waiting } = clockFor();
  const pool = createPool({ threads: 2, program, onBroken: broken.resolve, clock });
  t.deepEqual(await pool.run(job()), { kind: 'swept' });
  t.is(waiting.size, 0, 'what is loaded is waited for no longer');
  t.is((await pool.run(job('exit'))).kind, 'failed', 'it was its own doing');
  while (waiting.size > 0) await new Promise((resolve) => setImmediate(resolve));
  t.deepEqual(await pool.run(job()), { kind: 'swept' }, 'another one has its place');
  writeFileSync(file, 'await new Promise(() => {});');
  t.is((await pool.run(job('exit'))).kind, 'failed');
  t.deepEqual(await pool.run(job()), { kind: 'swept' }, 'the other one works as before');
  t.is(waiting.size, 1);
  for (const due of waiting) due();
  t.regex((await broken.promise).message, /cannot run: nothing was loaded within 60 seconds$/);
  await pool.close();
});

test('a thread that cannot be replaced is the end of the pool, and what waits then waits until it is closed', async (t) => {
  const broken = Promise.withResolvers<DroverError>();
  const { file, program } = writeProgram(t, good);
  const pool = createPool({ threads: 1, program, onBroken: broken.resolve });
  t.deepEqual(await pool.run(job()), { kind: 'swept' });
  writeFileSync(file, `throw new Error('half an update');`);
  t.is((await pool.run(job('exit'))).kind, 'failed', 'it was its own doing');
  const waiting = pool.run(job());
  t.regex((await broken.promise).message, /cannot run: half an update$/);
  await pool.close();
  t.is((await waiting).kind, 'failed');
});

test('a thread that ends between two jobs is told of and replaced, and the pool ends when that does not stop', async (t) => {
  const broken = Promise.withResolvers<DroverError>();
  let lost = Promise.withResolvers<unknown>();
  const { program } = writeProgram(t, good);
  const onLost = (error: unknown) => lost.resolve(error);
  const pool = createPool({ threads: 1, program, onBroken: broken.resolve, onLost });
  const channel = new BroadcastChannel(program.href);
  t.teardown(() => channel.close());
  for (let count = 0; count <= 10; count += 1) {
    lost = Promise.withResolvers();
    t.deepEqual(await pool.run(job()), { kind: 'swept' });
    channel.postMessage('end');
    if (count < 10) t.is(((await lost.promise) as Error).message, 'again');
  }
  t.regex((await broken.promise).message, /cannot run: again$/);
  await pool.close();
});

test('threads that are being loaded are ended when they are loaded, or native code would end the process', async (t) => {
  const { file, program } = writeProgram(
    t,
    `import { appendFileSync } from 'node:fs';
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
appendFileSync(new URL('loaded', import.meta.url), 'x');
${good}`,
  );
  await createPool({ threads: 2, program }).close();
  t.is(readFileSync(path.join(path.dirname(file), 'loaded'), 'utf8'), 'xx');
});
