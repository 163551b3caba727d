// An agent that connects shares, with a played system: the accounts come from its vault, also those that are put in while it runs.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { ErrorReason } from '../gen/drover/v1/error_pb.ts';
import { createLog } from '../lib/log.ts';
import { systemClock } from '../lib/time.ts';
import { runAgent } from './agent.ts';
import { PlayedCoordinator, type PlayedSession } from './link/played-coordinator.ts';
import { PlayedPool } from './run/played-pool.ts';
import type { ShareConnector } from './source/share-connector.ts';
import { ConnectError } from './source/share-error.ts';
import { everyShare } from './source/share-pattern.ts';
import { keepAccount } from './vault/kept-credentials.ts';
import { openVault } from './vault/vault.ts';

const user = String.raw`CONTOSO\reader`;
const share = String.raw`\\files\hr`;

/** A system on which one password is right. */
function connectorOf(password: string): ShareConnector {
  return {
    connect: async (_, account) => {
      if (account.password !== password) throw new ConnectError(1326);
    },
    disconnect: async () => {},
    sourceOf: (location) => `/mnt/${location.share}/${location.path}`,
  };
}

function leaseScan(session: PlayedSession, generation: number): void {
  const key = { lease: 'tasks/a/runs/1/scan', generation };
  const place = { source: String.raw`\\files\hr\plans`, destination: 'file:///srv/to' };
  session.send({ case: 'scanLease', value: { key, ...place, nextPage: 1n, pageWindow: 1 } });
}

test('a password that is wrong is the trouble of shares until another one is in the vault', async (t) => {
  await using coordinator = await PlayedCoordinator.start();
  const dataFolder = mkdtempSync(path.join(tmpdir(), 'drover-shares-'));
  t.teardown(() => rmSync(dataFolder, { recursive: true, force: true }));
  keepAccount(openVault({ dataFolder }), everyShare, { user, password: 'planted-wrong' }, 0);
  const pool = new PlayedPool(1);
  const stop = new AbortController();
  const { address, joinToken } = coordinator;
  const ended = runAgent(
    {
      ...{ coordinators: [address], dataFolder, joinToken, displayName: 'one', group: 'default' },
      ...{ sourceRoots: [], threads: 1, signIn: undefined, requests: 4 },
    },
    {
      ...{ createPool: () => pool, clock: systemClock, log: createLog('agent', 'silent') },
      ...{ showDeviceCode: () => {}, shares: connectorOf('right') },
    },
    { drain: new AbortController().signal, stop: stop.signal },
    () => undefined,
  );
  const session = await coordinator.session();
  t.deepEqual((await session.expect('hello')).locationKinds, ['file', 'unc']);
  session.welcome();
  leaseScan(session, 1);
  let { attention } = await session.heartbeat();
  while (attention === undefined) ({ attention } = await session.heartbeat());
  t.like(attention, {
    reason: ErrorReason.SOURCE_SIGN_IN_FAILED,
    locationKinds: ['unc'],
    sources: [share],
  });
  t.true(attention.message.startsWith(`${share} cannot be connected as ${user}: `));
  t.false(attention.message.includes('planted-wrong'));
  t.is((await session.expect('leaseReturn')).keys[0]!.generation, 1);
  t.deepEqual(pool.going, []);

  // As another process does it.
  keepAccount(openVault({ dataFolder }), everyShare, { user, password: 'right' }, 1);
  while (attention !== undefined) ({ attention } = await session.heartbeat());
  leaseScan(session, 2);
  t.is((await pool.job('scan')).job.source, '/mnt/hr/plans');
  stop.abort();
  await ended;
});
