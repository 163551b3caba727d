// A file that an agent wrote and could not report any more, because it died first, and that somebody changed at the source since: what
// stands at the destination is neither what the ledger says nor what is at the source, and still nobody's but ours.
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { deterministicBytes } from '../scripts/deterministic-bytes.ts';
import { temporaryFolder } from './harness/folders.ts';
import { assertSucceeded, stackOf } from './harness/stack.ts';
import { migratable, readTree, makeTree } from './harness/tree.ts';

const mebibyte = 1024 * 1024;

test('a file that was written, not reported and changed since is migrated', async (t) => {
  t.timeout(60_000);
  const folder = await temporaryFolder(t);
  const [source, destination] = [path.join(folder, 'source'), path.join(folder, 'destination')];
  // The first of a batch, which is reported when the others have been written, too.
  await makeTree(source, { 'a.bin': 'as it was first' });
  for (let number = 1; number <= 7; number++)
    await writeFile(path.join(source, `b${number}.bin`), deterministicBytes(number, 6 * mebibyte));
  const coordinatorArguments = ['--lease-ttl', '3', '--heartbeat-interval', '1'];
  const stack = await stackOf(t, { folder: path.join(folder, 'stack'), coordinatorArguments });
  const task = await stack.createTask({ source, destination: pathToFileURL(destination).href });
  const agent = await stack.startAgent({ threads: 1 });
  await stack.run(task);
  while (!existsSync(path.join(destination, 'a.bin'))) await delay(1);
  await agent.kill();
  await writeFile(path.join(source, 'a.bin'), 'as it was changed then');
  await stack.startAgent({ threads: 1 });
  assertSucceeded(t, await stack.untilEnded(task));
  // A slow machine may have reported everything before it was stopped; then the next run brings the change.
  assertSucceeded(t, await stack.runToEnd(task));
  t.deepEqual(readTree(destination), migratable(readTree(source)));
});
