// A coordinator that is lost in the middle of a run, and comes back as it was some time before: the run goes on to its end, and what agents
// did in the time that is lost does no harm.
import { execFile } from 'node:child_process';
import { rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import type { Run } from '../gen/drover/v1/run_pb.ts';
import { makeSmallFiles } from '../scripts/bench-trees.ts';
import { deterministicBytes } from '../scripts/deterministic-bytes.ts';
import { projectRoot, temporaryFolder } from './harness/folders.ts';
import { assertSucceeded, stackOf } from './harness/stack.ts';
import { leftovers, migratable, readTree } from './harness/tree.ts';

const execute = promisify(execFile);
const program = path.join(projectRoot, 'coordinator', 'main.ts');

const smallFiles = 3000;
const largeFiles = 4;
/** 200 files to a folder. */
const items = BigInt(smallFiles + smallFiles / 200 + largeFiles);

/** Runs a command of the coordinator's to its end; throws unless its exit status is 0. */
async function command<T>(...args: string[]): Promise<T> {
  const { stdout } = await execute(process.execPath, [program, ...args, '--json']);
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as T;
}

test('a run goes on to its end after its coordinator was restored from a backup of before', async (t) => {
  t.timeout(120_000);
  const folder = await temporaryFolder(t);
  const [source, destination] = [path.join(folder, 'source'), path.join(folder, 'destination')];
  makeSmallFiles(source, smallFiles, 1000);
  for (let number = 0; number < largeFiles; number++)
    await writeFile(path.join(source, `folder ${number * 3}`, 'large'), deterministicBytes(number, 2 * 1024 * 1024)); // oxfmt-ignore
  const stack = await stackOf(t, { folder: path.join(folder, 'stack') });
  const agent = await stack.startAgent({ threads: 1 });
  const task = await stack.createTask({ source, destination: pathToFileURL(destination).href });
  await stack.run(task);
  const hasDone = (count: bigint) => (run: Run) => run.progress!.succeededItems >= count;

  await stack.until(task, hasDone(1n));
  // It stands still, and holds what it has, so that the run is not over before the backup is made.
  agent.signal('SIGSTOP');
  const { data } = stack.coordinator.ready;
  const backup = path.join(folder, 'backup');
  const { rows } = await command<{ rows: number }>('backup', '--data', data, '--to', backup);
  t.true(rows > 10);
  const { run: atBackup } = await stack.api.runs.getRun({ name: `${task}/runs/1` });
  agent.signal('SIGCONT');
  // More work, which the restored coordinator knows nothing of.
  await stack.until(task, hasDone(atBackup!.progress!.succeededItems + 200n));
  await stack.coordinator.kill();
  await rename(data, path.join(folder, 'lost'));
  const restored = await command<{ openRuns: number }>('restore', '--data', data, '--from', backup);
  t.is(restored.openRuns, 1);

  await stack.startCoordinator();
  const run = await stack.untilEnded(task);
  assertSucceeded(t, run);
  t.is(run.progress!.succeededItems, items);
  const there = readTree(destination);
  t.deepEqual(leftovers(there), []);
  t.deepEqual(there, migratable(readTree(source)));
  const found = await stack.items(run);
  t.is(BigInt(found.size), items, 'every item is reported, and once');
  // The ledger knows all of it, too.
  const second = await stack.runToEnd(task);
  assertSucceeded(t, second);
  t.is(second.progress!.succeededItems, 0n);
  await stack.coordinator.stop();
  t.like(await command('check', '--data', data), { problems: 0 });
});
