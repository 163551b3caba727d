// An agent whose threads cannot run: a real agent with real threads, of which the program does not load.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { createLog } from '../lib/log.ts';
import { systemClock } from '../lib/time.ts';
import { runAgent } from './agent.ts';
import { PlayedCoordinator } from './link/played-coordinator.ts';
import { createPool } from './pool/piscina-pool.ts';

test('an agent whose threads cannot run ends with the reason, and fails no lease', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'drover-agent-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'program.mjs');
  // It does not load before it is told to.
  writeFileSync(file, `
const channel = new BroadcastChannel(import.meta.url);
const told = new Promise((resolve) => (channel.onmessage = resolve));
channel.postMessage('here');
await told;
channel.close();
throw new Error('half an update');`); // oxfmt-ignore
  const program = pathToFileURL(file);
  const channel = new BroadcastChannel(program.href);
  t.teardown(() => channel.close());
  const isHere = new Promise((resolve) => (channel.onmessage = resolve));
  await using coordinator = await PlayedCoordinator.start();
  const { address, joinToken } = coordinator;
  const ended = runAgent(
    {
      ...{ coordinators: [address], dataFolder: path.join(folder, 'data'), joinToken },
      ...{ displayName: 'one', group: 'default', sourceRoots: [] },
      ...{ threads: 1, signIn: undefined, requests: 4 },
    },
    {
      createPool: (options) => createPool({ ...options, program }),
      clock: systemClock,
      log: createLog('agent', 'silent'),
      showDeviceCode: () => {},
    },
    { drain: new AbortController().signal, stop: new AbortController().signal },
    () => undefined,
  );
  const session = await coordinator.session();
  await session.expect('hello');
  session.welcome();
  const key = { lease: 'tasks/a/runs/1/scan', generation: 1 };
  const places = { source: folder, destination: path.join(folder, 'to') };
  session.send({ case: 'scanLease', value: { key, ...places, nextPage: 1n, pageWindow: 1 } });
  // Answered after the lease was taken.
  session.send({ case: 'leaseRevocation', value: { key: { lease: 'tasks/b/runs/1/scan', generation: 1 } } }); // oxfmt-ignore
  await session.expect('leaseReturn');
  await isHere;
  channel.postMessage('load');
  await t.throwsAsync(ended, { message: /^the worker threads cannot run: half an update$/ });
  t.is(await session.next(), undefined, 'nothing is said of the lease');
});
