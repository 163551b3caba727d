// A quick start that is stopped before the run has come to its end, by a person and by the system.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { temporaryFolder } from './harness/folders.ts';
import { processesOf, quickStart, quickStartScript as script, untilGone } from './harness/quick-start.ts'; // oxfmt-ignore
import { makeTree, migratable, readTree } from './harness/tree.ts';

async function places(t: ExecutionContext) {
  t.timeout(120_000);
  const folder = await temporaryFolder(t);
  const [source, destination] = [path.join(folder, 'source'), path.join(folder, 'destination')];
  const url = pathToFileURL(destination).href;
  const args = ['--source', source, '--destination', url, '--data', path.join(folder, 'data')];
  return { folder, source, destination, args };
}

test.serial('the first interrupt drains both and says so; the same command goes on', async (t) => {
  const { folder, source, destination, args } = await places(t);
  await makeTree(source, { small: '1' });
  for (const name of ['a', 'b', 'c']) {
    await writeFile(path.join(source, name), '');
    await truncate(path.join(source, name), 160 * 1024 * 1024);
  }
  const child = spawn(process.execPath, [script, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  let output = '';
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
    output += chunk.toString();
    if (/runs\/1 running/.test(output) && !output.includes('Stopping')) child.kill('SIGINT');
  }
  t.deepEqual(await exited, [130, null], output);
  t.regex(output, /Stopping: [^]*Stopped/);
  t.deepEqual(processesOf(folder), []);
  const again = await quickStart(folder, ...args);
  t.is(again.status, 0, again.stdout + again.stderr);
  t.deepEqual(readTree(destination), migratable(readTree(source)));
});

test.serial('a quick start that is killed leaves no process behind', async (t) => {
  const { folder, source, args } = await places(t);
  await makeTree(source, { large: '' });
  await truncate(path.join(source, 'large'), 256 * 1024 * 1024);
  const child = spawn(process.execPath, [script, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
    output += chunk.toString();
    if (output.includes('runs/1')) child.kill('SIGKILL');
  }
  await untilGone(folder);
  t.pass();
});
