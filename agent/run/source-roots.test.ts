// The rule, and that an agent goes by it: with a real journal, and threads that do what the test says.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import test from 'ava';
import { pino } from 'pino';
import { BatchItemsSchema } from '../../gen/drover/v1/columns_pb.ts';
import { AttachResponseSchema, BatchPhase, ScanLeaseSchema, type AttachRequest } from '../../gen/drover/v1/session_pb.ts'; // oxfmt-ignore
import { createLog } from '../../lib/log.ts';
import { sealedBox } from '../../lib/sealed-box.ts';
import { openJournal } from './journal.ts';
import { PlayedPool } from './played-pool.ts';
import { compileSourceRoots, guardSources, quietMs } from './source-roots.ts';
import { Work } from './work.ts';

test('what lies in a source root may be read, and nothing else', (t) => {
  const mayRead = compileSourceRoots(['/srv/a', '\\\\files\\hr', '\\\\files\\it\\new']);
  const allowed = ['/srv/a', '/srv/a/b', 'file:///srv/a/x', '/srv/x/../a', '\\\\FILES\\HR\\New'];
  const refused = [
    '/srv',
    '/srv/ab',
    '/srv/a/../b',
    '\\\\files\\hr2',
    '\\\\other\\hr',
    '\\\\files\\it\\new\\..\\old',
    '\\\\?\\UNC\\files\\it',
    '',
    'x',
  ];
  for (const source of allowed) t.true(mayRead(source), source);
  for (const source of refused) t.false(mayRead(source), source);
});

test('of many leases that are outside the log has a line now and then, with how many there were', (t) => {
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line) => lines.push(line) });
  let nowMs = 0;
  const mayRead = guardSources(['/srv/a'], { clock: { now: () => 0, steady: () => nowMs, after: () => () => {} }, log }); // oxfmt-ignore
  const lease = (source: string) => create(ScanLeaseSchema, { key: { lease: 'tasks/b/runs/1/scan' }, source }); // oxfmt-ignore
  for (let count = 0; count < 1000; count += 1) t.false(mayRead(lease(`/srv/b/${count}`)));
  t.true(mayRead(lease('/srv/a/x')));
  t.is(lines.length, 1);
  t.like(JSON.parse(lines[0]!), { source: '/srv/b/0', othersBefore: 0 });
  nowMs += quietMs;
  for (let count = 0; count < 2; count += 1) t.false(mayRead(lease('/srv/c')));
  t.is(lines.length, 2);
  t.like(JSON.parse(lines[1]!), { source: '/srv/c', othersBefore: 999 });
});

test('without source roots everything may be read', (t) => {
  t.true(compileSourceRoots([])('/anywhere'));
});

test('a lease whose source is outside goes back unread, also one that was begun when the roots were others', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'drover-roots-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const box = sealedBox(new Uint8Array(32));
  await using pool = new PlayedPool(2);
  const pauses: (() => void)[] = [];
  const clock = { now: () => 0, steady: () => 0, after: (delayMs: number, callback: () => void) => (delayMs === 5000 && pauses.push(callback), () => undefined) }; // oxfmt-ignore
  const start = async (sourceRoots: string[]) => {
    const journal = await openJournal(path.join(folder, 'journal'), box);
    const log = createLog('agent', 'silent');
    const work = new Work({ pool, journal, slots: 3, sourceRoots, clock, authority: 'ca', tenant: undefined, log }); // oxfmt-ignore
    await work.restore();
    const frames: AttachRequest['frame'][] = [];
    work.attach(({ frame }) => frames.push(frame));
    const end = async () => {
      work.close();
      await journal.close();
    };
    return { work, frames, end };
  };
  const items = toBinary(BatchItemsSchema, create(BatchItemsSchema, { path: ['a'] }));
  const place = { source: '/srv/b/x', destination: '/srv/to' };
  const key = { lease: 'tasks/a/runs/1/batches/1', generation: 1 };
  const scanKey = { lease: 'tasks/b/runs/1/scan', generation: 1 };
  const batch = { key, ...place, phase: BatchPhase.TRANSFER, items };

  const wide = await start(['/srv/b']);
  wide.work.receive(create(AttachResponseSchema, { frame: { case: 'batchLease', value: batch } }));
  await pool.job('batch');
  await wide.end();

  const narrow = await start(['/srv/a']);
  t.deepEqual(narrow.work.leases(), [], 'it is not gone on with');
  const frame = { case: 'scanLease', value: { key: scanKey, ...place } } as const;
  narrow.work.receive(create(AttachResponseSchema, { frame }));
  t.deepEqual(narrow.frames, [], 'not at once, or the coordinator would give it again at once');
  pauses[0]!();
  t.like(narrow.frames.at(-1), { case: 'leaseReturn', value: { keys: [scanKey] } });
  t.is(pauses.length, 1);
  t.deepEqual(narrow.work.leases(), []);
  const begun = pool.going.filter(({ job }) => job.kind === 'batch' || job.kind === 'scan');
  t.is(begun.length, 1, 'only that of the first process');
  await narrow.end();
});

test('of leases that are outside the agent keeps no more than it has slots, each once, and none without a stream', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'drover-roots-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  await using pool = new PlayedPool(2);
  const pauses = new Set<() => void>();
  const after = (_: number, callback: () => void) => {
    pauses.add(callback);
    return () => void pauses.delete(callback);
  };
  await using journal = await openJournal(
    path.join(folder, 'journal'),
    sealedBox(new Uint8Array(32)),
  );
  const log = createLog('agent', 'silent');
  const work = new Work({ pool, journal, slots: 3, sourceRoots: ['/srv/a'], clock: { now: () => 0, steady: () => 0, after }, authority: 'ca', tenant: undefined, log }); // oxfmt-ignore
  let returned: (string | undefined)[] = [];
  const attach = () =>
    work.attach(({ frame }) => {
      if (frame.case === 'leaseReturn')
        returned.push(...frame.value.keys.map(({ lease }) => lease));
    });
  attach();
  const give = (run: number) => {
    const key = { lease: `tasks/b/runs/${run}/scan`, generation: 1 };
    const frame = { case: 'scanLease', value: { key, source: '/srv/b', destination: '/srv/to' } } as const; // oxfmt-ignore
    work.receive(create(AttachResponseSchema, { frame }));
    return key;
  };
  const first = give(1);
  for (const run of [1, 2, 3, 4, 5]) give(run);
  t.is(pauses.size, 3);
  t.deepEqual(returned, ['tasks/b/runs/4/scan', 'tasks/b/runs/5/scan']);
  returned = [];
  work.receive(create(AttachResponseSchema, { frame: { case: 'leaseRevocation', value: { key: first } } })); // oxfmt-ignore
  t.deepEqual(returned, [first.lease]);
  t.is(pauses.size, 2);
  work.detach();
  t.is(pauses.size, 0);
  attach();
  give(6);
  const [pause] = pauses;
  pauses.clear();
  pause!();
  give(6);
  t.is(pauses.size, 1, 'one that went back and was given again is kept again');
  t.deepEqual(returned, [first.lease, 'tasks/b/runs/6/scan']);
  work.close();
  t.is(pauses.size, 0);
});
