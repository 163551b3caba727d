// Runs whose plan has to be approved, with agents: nothing that writes is leased before, and the digest is that of the plan, however it came
// about.
import { fromBinary } from '@bufbuild/protobuf';
import test from 'ava';
import { BatchItemsSchema } from '../../gen/drover/v1/columns_pb.ts';
import { ItemAction, ItemKind, ItemState } from '../../gen/drover/v1/item_pb.ts';
import { GoneDecision } from '../../gen/drover/v1/run_pb.ts';
import type { BatchLease } from '../../gen/drover/v1/session_pb.ts';
import { GonePolicy } from '../../gen/drover/v1/settings_pb.ts';
import type { RunKey } from '../store/store.ts';
import { openHarness, type Harness } from './testing/harness.ts';
import type { Entry, ScriptedAgent } from './testing/scripted-agent.ts';

const asks = { settings: { requireApproval: true, gonePolicy: GonePolicy.RECYCLE } };
const approval = { kind: 'approve', approver: 'bob', comment: '', planDigest: '', gone: GoneDecision.UNSPECIFIED } as const; // oxfmt-ignore
const file = (path: string, id = 0n): Entry => ({ path, size: 1n, modifiedNs: 5n, fileId: id });
const folder = (path: string): Entry => ({ path, kind: ItemKind.FOLDER });

async function workOff(harness: Harness, agent: ScriptedAgent): Promise<BatchLease[]> {
  const done: BatchLease[] = [];
  for (let fresh = agent.news('batchLease'); fresh.length > 0; fresh = agent.news('batchLease')) {
    for (const lease of fresh) agent.sendResults(lease);
    done.push(...fresh);
    await harness.idle();
  }
  return done;
}

const itemsOf = ({ items }: BatchLease) => fromBinary(BatchItemsSchema, items);
const digestOf = async (harness: Harness, run: RunKey) => (await harness.run(run)).run!.planDigest;

test('nothing is leased before the approval, also not through pauses, deaths and restarts; all of it is afterwards', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one', { slots: 4 });
  const run = await harness.start('a', asks);
  const { key } = agent.take('scanLease');
  agent.sendPage(key, 1n, [folder('d'), file('d/a')]);
  await harness.idle();
  t.deepEqual(agent.news('batchLease'), [], 'while it is scanned');
  await harness.change(run, 'pause');
  agent.sendPage(key, 2n, [file('e')]);
  agent.sendScanDone(key, 2n);
  await harness.idle();
  await harness.change(run, 'resume');
  t.is(await harness.state(run), 'AWAITING_APPROVAL');
  await harness.restart();
  const back = await harness.attach('one', { slots: 4 });
  t.is(await harness.state(run), 'AWAITING_APPROVAL');
  t.deepEqual(back.news('batchLease'), []);
  const other = await harness.scanned('b', back, [file('x')]);
  await workOff(harness, back);
  t.is(await harness.state(other), 'SUCCEEDED', 'agents are free for other tasks');
  await harness.step(run, approval);
  const done = await workOff(harness, back);
  t.deepEqual(done.flatMap((lease) => itemsOf(lease).path).toSorted(), ['d', 'd', 'd/a', 'e']);
  t.is(await harness.state(run), 'SUCCEEDED');
});

test('who runs an unchanged source again is not asked; who changed anything in it, also the date of a folder, is', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one', { slots: 4 });
  const dated = (path: string, modifiedNs: bigint): Entry => ({ ...folder(path), modifiedNs });
  const entries = [dated('d', 7n), file('d/a'), dated('e', 8n)];
  await harness.step(await harness.scanned('a', agent, entries, asks), approval);
  await workOff(harness, agent);
  const again = await harness.scanned('a', agent, entries, asks);
  t.deepEqual(await workOff(harness, agent), [], 'their dates are known to be right');
  t.is(await harness.state(again), 'SUCCEEDED');
  t.regex(
    (await harness.run(again)).run!.approval!.comment,
    /nothing has changed; of 2 folders only the dates/v,
  );
  const changes: [what: string, entries: Entry[]][] = [
    ['a folder has another date', [dated('d', 9n), ...entries.slice(1)]],
    ['a file is changed', [entries[0]!, { ...file('d/a'), size: 2n }, entries[2]!]],
    ['a folder is new', [...entries, dated('f', 1n)]],
    ['a file is gone', [entries[0]!, entries[2]!]],
    ['a file is a folder now', [entries[0]!, folder('d/a'), entries[2]!]],
  ];
  for (const [what, changed] of changes) {
    const run = await harness.scanned('a', agent, changed, asks);
    t.is(await harness.state(run), 'AWAITING_APPROVAL', what);
    t.deepEqual(agent.news('batchLease'), [], what);
    await harness.step(run, { kind: 'reject', approver: 'bob', comment: '' });
  }
});

test('what is recycled is asked about with the plan and not again, and what was decided is done', async (t) => {
  const names = Array.from({ length: 20 }, (_, index) => `f${index + 10}`);
  for (const gone of [GoneDecision.KEEP, GoneDecision.RECYCLE]) {
    const harness = await openHarness(t);
    const agent = await harness.attach('one', { slots: 4 });
    await harness.scanned('a', agent, names.map((name) => file(name))); // oxfmt-ignore
    await workOff(harness, agent);
    const run = await harness.scanned('a', agent, [file('new')], asks);
    t.is((await harness.run(run)).run!.goneDecision, GoneDecision.PENDING);
    await t.throwsAsync(harness.step(run, approval), { message: /approve it with --gone recycle or --gone keep/v }); // oxfmt-ignore
    await harness.step(run, { ...approval, gone });
    const actions = (await workOff(harness, agent)).flatMap((lease) => itemsOf(lease).action);
    const expected = gone === GoneDecision.KEEP ? ItemAction.KEEP : ItemAction.RECYCLE;
    t.is(actions.filter((action) => action === expected).length, 20);
    t.is(await harness.state(run), 'SUCCEEDED');
  }
});

test('the digest does not depend on how the pages were cut, and differs where the plan does', async (t) => {
  const entries = [folder('d'), file('d/a', 1n), file('e', 2n), file('m', 3n)];
  const before = [...entries, file('x', 4n), file('y', 5n)];
  const moved = [folder('d'), file('d/a', 1n), file('e', 2n), file('z', 3n)];
  const digests = new Map<string, string[]>();
  for (const [name, cuts, second] of [
    ['one page', [4], entries],
    ['a page for each', [1, 2, 3, 4], entries],
    ['broken off and gone on with', [2, 4], entries],
    ['a move', [4], moved],
    ['a move over pages', [1, 3, 4], moved],
    ['a change', [4], [...entries.slice(0, 3), { ...file('m', 3n), size: 2n }]],
  ] as const) {
    const harness = await openHarness(t);
    const agent = await harness.attach('one', { slots: 4 });
    await harness.scanned('a', agent, before);
    await workOff(harness, agent);
    const run = await harness.start('a', { ...asks, settings: { ...asks.settings, recyclePercentMax: 100 } }); // oxfmt-ignore
    let { key } = agent.take('scanLease');
    let start = 0;
    for (const [index, end] of cuts.entries()) {
      agent.sendPage(key, BigInt(index + 1), second.slice(start, end));
      start = end;
      await harness.idle();
      if (name !== 'broken off and gone on with' || index > 0) continue;
      agent.giveBack(key);
      await harness.idle();
      ({ key } = agent.take('scanLease'));
    }
    agent.sendScanDone(key, BigInt(cuts.length));
    await harness.idle();
    t.is(await harness.state(run), 'AWAITING_APPROVAL');
    const kind = name.includes('move') ? 'moved' : name.includes('change') ? 'changed' : 'same';
    digests.set(kind, [...(digests.get(kind) ?? []), await digestOf(harness, run)]);
  }
  t.deepEqual([...digests].map(([kind, found]) => [kind, found.length, new Set(found).size]), [['same', 3, 1], ['moved', 2, 1], ['changed', 1, 1]]); // oxfmt-ignore
  t.is(new Set([...digests.values()].flat()).size, 3);
  for (const digest of [...digests.values()].flat()) t.regex(digest, /^[0-9a-f]{64}$/v);
});

test('a run that tries again what failed waits for approval too, once its whole list is looked at', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one', { slots: 4 });
  const run = await harness.scanned('a', agent, [file('a'), file('b')]);
  agent.sendResults(agent.take('batchLease'), ({ state }) => (state[1] = ItemState.FAILED));
  await harness.idle();
  t.is(await harness.state(run), 'SUCCEEDED_WITH_FAILURES');
  const retry = await harness.start('a', { ...asks, retried: 1 });
  const { key } = agent.take('scanLease');
  agent.sendPage(key, 1n, [file('b')]);
  agent.sendScanDone(key, 1n);
  await harness.idle();
  t.is(await harness.state(retry), 'AWAITING_APPROVAL');
  t.deepEqual(agent.news('batchLease'), []);
  await harness.step(retry, approval);
  t.is((await workOff(harness, agent)).length, 1);
  t.is(await harness.state(retry), 'SUCCEEDED');
});

test('a run that tries again to date a folder waits for approval', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one', { slots: 4 });
  const run = await harness.scanned('a', agent, [folder('d')]);
  agent.sendResults(agent.take('batchLease'));
  await harness.idle();
  agent.sendResults(agent.take('batchLease'), ({ state }) => (state[0] = ItemState.FAILED));
  await harness.idle();
  t.is(await harness.state(run), 'SUCCEEDED_WITH_FAILURES');
  const retry = await harness.start('a', { ...asks, retried: 1 });
  const { key } = agent.take('scanLease');
  agent.sendPage(key, 1n, [folder('d')]);
  agent.sendScanDone(key, 1n);
  await harness.idle();
  t.is(await harness.state(retry), 'AWAITING_APPROVAL');
});
