// An agent that is told to end says what it waits for.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import test from 'ava';
import { pino } from 'pino';
import { BatchItemsSchema } from '../gen/drover/v1/columns_pb.ts';
import { BatchPhase } from '../gen/drover/v1/session_pb.ts';
import { systemClock, type Clock } from '../lib/time.ts';
import { runAgent } from './agent.ts';
import { PlayedCoordinator } from './link/played-coordinator.ts';
import { PlayedPool } from './run/played-pool.ts';

test('an agent that is told to end says every minute what is going, and at last what was not acknowledged', async (t) => {
  const dataFolder = mkdtempSync(path.join(tmpdir(), 'drover-drain-'));
  t.teardown(() => rmSync(dataFolder, { recursive: true, force: true }));
  await using coordinator = await PlayedCoordinator.start();
  const { address, joinToken } = coordinator;
  const pool = new PlayedPool(1);
  const drain = new AbortController();
  let said = Promise.withResolvers<string>();
  const write = (line: string) => {
    if (line.includes('told to end') || line.includes('not acknowledged')) said.resolve(line);
  };
  const next = async () => {
    const line = JSON.parse(await said.promise) as { msg: string; jobs?: number; leases?: number };
    said = Promise.withResolvers();
    return line;
  };
  const long = new Map<number, () => void>();
  const clock: Clock = {
    ...systemClock,
    // What takes long comes when the test says so.
    after: (delayMs, callback) => {
      if (delayMs < 20_000) return systemClock.after(delayMs, callback);
      long.set(delayMs, callback);
      return () => undefined;
    },
  };
  const ended = runAgent(
    {
      ...{ coordinators: [address], dataFolder, joinToken, displayName: 'one', group: 'default' },
      ...{ sourceRoots: [], threads: 1, signIn: undefined, requests: 4 },
    },
    { createPool: () => pool, clock, log: pino({ level: 'info' }, { write }), showDeviceCode: () => {} }, // oxfmt-ignore
    { drain: drain.signal, stop: new AbortController().signal },
    () => undefined,
  );
  const session = await coordinator.session();
  await session.expect('hello');
  session.welcome();
  const key = { lease: 'tasks/a/runs/1/batches/1', generation: 1 };
  const items = toBinary(BatchItemsSchema, create(BatchItemsSchema, { path: ['a'] }));
  const place = { source: '/srv/a', destination: '/srv/b', phase: BatchPhase.TRANSFER };
  session.send({ case: 'batchLease', value: { key, ...place, items } });
  const { answer } = await pool.job('batch');
  drain.abort();
  t.like(await next(), { jobs: 1, msg: 'told to end: what is going comes to its end first; one more signal stops it at once' }); // oxfmt-ignore
  long.get(60_000)!();
  t.like(await next(), { jobs: 1 });
  answer({ kind: 'batch-done', results: Uint8Array.of() });
  await session.expect('batchDone');
  long.get(20_000)!();
  t.like(await next(), { leases: 1, msg: 'results were not acknowledged; the journal keeps them for the next start' }); // oxfmt-ignore
  t.is(await session.next(), undefined);
  session.sent.end();
  t.is(await ended, 'drained');
});
