// An agent on a computer whose clock is wrong, or whose coordinator's is.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { certificateBeginsKey } from '../lib/certificate-begins.ts';
import { systemClock } from '../lib/time.ts';
import { runAgent } from './agent.ts';
import { join } from './link/enroll.ts';
import { writeIdentity } from './link/identity.ts';
import { PlayedCoordinator } from './link/played-coordinator.ts';
import { PlayedPool } from './run/played-pool.ts';

const dayMs = 24 * 60 * 60_000;

/** An agent that has joined, with a clock that is that much ahead. */
async function start(t: ExecutionContext, coordinator: PlayedCoordinator, aheadMs: number) {
  const dataFolder = mkdtempSync(path.join(tmpdir(), 'drover-clock-'));
  t.teardown(() => rmSync(dataFolder, { recursive: true, force: true }));
  const { address, joinToken } = coordinator;
  writeIdentity(dataFolder, await join({ address, proof: { joinToken }, displayName: 'one' }));
  const lines: string[] = [];
  const said = Promise.withResolvers<string>();
  const write = (line: string) => {
    lines.push(line);
    if (line.includes('not attached')) said.resolve(line);
  };
  const stop = new AbortController();
  const ended = runAgent(
    {
      ...{ coordinators: [address], dataFolder, joinToken: undefined, displayName: 'one' },
      ...{ group: 'default', sourceRoots: [], threads: 1, signIn: undefined, requests: 4 },
    },
    {
      createPool: () => new PlayedPool(1),
      clock: { ...systemClock, now: () => systemClock.now() + aheadMs },
      log: pino({ level: 'info' }, { write }),
      showDeviceCode: () => {},
    },
    { drain: new AbortController().signal, stop: stop.signal },
    () => undefined,
  );
  t.teardown(async () => {
    stop.abort();
    await ended.catch(() => undefined);
  });
  return { lines, notAttached: said.promise, stop, ended };
}

test('a certificate that has ended by this computer alone is shown to the coordinator, and the clock is told of', async (t) => {
  await using coordinator = await PlayedCoordinator.start();
  const { lines, stop, ended } = await start(t, coordinator, 10 * dayMs);
  const session = await coordinator.session();
  await session.expect('hello');
  session.welcome();
  t.regex(lines.join(''), /by this computer's clock \(2.*Z\) the certificate has ended; the coordinator still takes it, so that the clock may be wrong/); // oxfmt-ignore
  stop.abort();
  t.is(await ended, 'stopped');
  t.is(coordinator.renewals, 0);
});

test('a coordinator whose clock is behind the certificate is waited for, and not left for good', async (t) => {
  await using coordinator = await PlayedCoordinator.start();
  coordinator.refusesWith = { [certificateBeginsKey]: '2026-01-01T00:00:00.000Z' };
  const { notAttached, stop, ended } = await start(t, coordinator, 0);
  await notAttached;
  coordinator.refusesWith = undefined;
  const session = await coordinator.session();
  await session.expect('hello');
  stop.abort();
  t.is(await ended, 'stopped');
});

test('any other certificate that is refused is one of an agent that has to join again', async (t) => {
  await using coordinator = await PlayedCoordinator.start();
  coordinator.refusesWith = {};
  const { ended } = await start(t, coordinator, 0);
  await t.throwsAsync(ended, { message: /; to join again, remove / });
});
