// Which folders a run sees to at its end: those that have changed, and those into which something is written, whatever happens in between.
import { create, fromBinary } from '@bufbuild/protobuf';
import test from 'ava';
import { LedgerRowSchema } from '../../gen/drover/store/v1/rows_pb.ts';
import { BatchItemsSchema, ItemRemarkSchema, type BatchResults } from '../../gen/drover/v1/columns_pb.ts'; // oxfmt-ignore
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemKind, ItemState } from '../../gen/drover/v1/item_pb.ts';
import { BatchPhase, type BatchLease } from '../../gen/drover/v1/session_pb.ts';
import { GonePolicy } from '../../gen/drover/v1/settings_pb.ts';
import { leaseTtlMs, openHarness, type Harness } from './testing/harness.ts';
import type { Entry, ScriptedAgent } from './testing/scripted-agent.ts';

const file = (path: string, modifiedNs = 5n): Entry => ({ path, size: 1n, modifiedNs });
const folder = (path: string, modifiedNs = 7n): Entry => ({ path, kind: ItemKind.FOLDER, modifiedNs }); // oxfmt-ignore
const tree = (changed: Entry[] = []): Entry[] =>
  [folder('d'), file('d/a'), folder('e'), file('e/b'), folder('e/f')].map((entry) => changed.find(({ path }) => path === entry.path) ?? entry); // oxfmt-ignore

const pathsOf = ({ items }: BatchLease) => fromBinary(BatchItemsSchema, items).path;

/** Does all that there is to be done; answers with the folders that were to be dated. */
async function workOff(
  harness: Harness,
  agent: ScriptedAgent,
  change: (results: BatchResults, lease: BatchLease) => void = () => {},
): Promise<string[]> {
  const folders: string[] = [];
  for (let fresh = agent.news('batchLease'); fresh.length > 0; fresh = agent.news('batchLease')) {
    for (const lease of fresh) {
      if (lease.phase === BatchPhase.FOLDERS) folders.push(...pathsOf(lease));
      agent.sendResults(lease, (results) => change(results, lease));
    }
    await harness.idle();
  }
  return folders.toSorted();
}

/** A run of these entries; answers with the folders that were to be dated. */
async function runOf(
  harness: Harness,
  agent: ScriptedAgent,
  entries: Entry[],
  gonePolicy: GonePolicy = GonePolicy.KEEP,
) {
  const run = await harness.scanned('a', agent, entries, {
    settings: { gonePolicy, recyclePercentMax: 100 },
  });
  const folders = await workOff(harness, agent);
  const row = await harness.run(run);
  return { folders, row, skipped: Number(row.run!.progress!.skippedItems) };
}

test('folders that have not changed, and into which nothing is written, are looked at by nobody', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one', { slots: 4 });
  t.deepEqual((await runOf(harness, agent, tree())).folders, ['d', 'e', 'e/f']);
  const again = await runOf(harness, agent, tree());
  t.deepEqual([again.folders, again.skipped], [[], 5]);
  t.is(await harness.state({ task: 'a', run: 2 }), 'SUCCEEDED');
  t.like(again.row.planCounts, { keptFolders: 3n, unchangedFolders: 3n, datedFolders: 3n });
  const written = await runOf(harness, agent, tree([file('e/b', 6n)]));
  t.deepEqual([written.folders, written.skipped], [['e'], 3], 'the others are settled by themselves'); // oxfmt-ignore
  t.like(written.row.planCounts, { keptFolders: 3n, unchangedFolders: 3n, datedFolders: 2n });
  const entries = tree([file('e/b', 6n), folder('e/f', 8n)]);
  t.deepEqual((await runOf(harness, agent, entries)).folders, ['e/f'], 'its own date is another');
  const more = [...entries, folder('e/g'), file('e/g/c'), folder('h'), file('h/i')];
  t.deepEqual((await runOf(harness, agent, more)).folders, ['e', 'e/g', 'h'], 'a folder is made in it'); // oxfmt-ignore
  const fewer = more.filter(({ path }) => path !== 'h/i');
  t.deepEqual((await runOf(harness, agent, fewer)).folders, [], 'what is gone is kept');
  t.deepEqual((await runOf(harness, agent, fewer, GonePolicy.RECYCLE)).folders, ['h']);
  t.deepEqual((await runOf(harness, agent, fewer)).folders, []);
});

test('a folder that was to be dated and was not is dated by the next run', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one', { slots: 4 });
  await runOf(harness, agent, tree());
  const run = await harness.scanned('a', agent, tree([file('d/a', 6n)]));
  agent.sendResults(agent.take('batchLease'));
  await harness.change(run, 'cancel');
  t.is(await harness.state(run), 'CANCELLED');
  agent.news('batchLease');
  t.deepEqual((await runOf(harness, agent, tree([file('d/a', 6n)]))).folders, ['d']);
  const failing = await harness.scanned('a', agent, tree([file('d/a', 7n)]));
  await workOff(harness, agent, (results, { phase }) => {
    if (phase === BatchPhase.FOLDERS) results.state[0] = ItemState.FAILED;
  });
  t.is(await harness.state(failing), 'SUCCEEDED_WITH_FAILURES');
  t.deepEqual((await runOf(harness, agent, tree([file('d/a', 7n)]))).folders, ['d']);
});

test('a folder into which somebody may still write who lost his lease is looked at again by the next run', async (t) => {
  const harness = await openHarness(t);
  const first = await harness.attach('one', { slots: 4 });
  await runOf(harness, first, tree());
  const changed = tree([file('d/a', 6n)]);
  await harness.scanned('a', first, changed);
  first.take('batchLease');
  first.vanish();
  await harness.advance(leaseTtlMs * 2);
  const second = await harness.attach('two', { slots: 4 });
  t.deepEqual(await workOff(harness, second), ['d']);
  t.is(await harness.state({ task: 'a', run: 2 }), 'SUCCEEDED');
  await harness.restart();
  const third = await harness.attach('three', { slots: 4 });
  t.deepEqual((await runOf(harness, third, changed)).folders, ['d']);
  t.deepEqual((await runOf(harness, third, changed)).folders, []);
  t.false(await harness.watched.store.hasUnreported('a'));
});

test('a folder whose name changed in case only is not taken for one that is gone when what was in it is recycled', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one', { slots: 4, locationKinds: ['file', 'sharepoint'] });
  const destination = 'https://contoso.sharepoint.com/sites/hr/Shared%20Documents/Archive';
  const named = (path: string): Entry => ({ ...folder(path), fileId: 50n, createdNs: 3n });
  const settings = { gonePolicy: GonePolicy.RECYCLE, recyclePercentMax: 100 };
  await harness.scanned('a', agent, [named('d'), file('d/a')], { destination });
  await workOff(harness, agent);
  // There it is one folder, and nobody may take it for the one that is gone.
  const run = await harness.scanned('a', agent, [named('D')], { settings });
  const recycled: string[] = [];
  await workOff(harness, agent, (_, lease) => {
    if (lease.phase === BatchPhase.GONE) recycled.push(...pathsOf(lease));
  });
  t.is(await harness.state(run), 'SUCCEEDED');
  t.deepEqual(recycled, ['d/a']);
});

test('a folder of which it is not known is looked at once, and keeps its date', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one', { slots: 4 });
  await runOf(harness, agent, tree());
  // As a version wrote it that did not know of this.
  await harness.watched.store.commit(async (transaction) => {
    const [row] = await transaction.ledgerRows('a', ['d']);
    transaction.putLedger('a', 'd', create(LedgerRowSchema, { ...row!, dated: false }));
  });
  await harness.scanned('a', agent, tree([folder('e', 9n)]));
  const looked = await workOff(harness, agent, (results) => {
    results.state = results.state.map(() => ItemState.SKIPPED);
    results.remark = results.state.map((_, index) => create(ItemRemarkSchema, { index, reason: ErrorReason.UNCHANGED })); // oxfmt-ignore
  });
  t.deepEqual(looked, ['d', 'e']);
  t.deepEqual((await runOf(harness, agent, tree([folder('e', 9n)]))).folders, []);
});
