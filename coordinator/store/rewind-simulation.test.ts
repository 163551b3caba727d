// A run among agents that act by chance, whose coordinator is lost and restored from a backup again and again, while the source changes.
// Whatever happens, the run ends with one result for every item, and with every result that the coordinator acknowledged and still
// knew of. A failure names its seed: put it into `seeds` to play it again.
import { fromBinary } from '@bufbuild/protobuf';
import test, { type ExecutionContext } from 'ava';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { BatchItemsSchema } from '../../gen/drover/v1/columns_pb.ts';
import { ItemKind } from '../../gen/drover/v1/item_pb.ts';
import { BatchPhase, type BatchLease } from '../../gen/drover/v1/session_pb.ts';
import { Harness } from '../dispatch/testing/harness.ts';
import type { Entry, ScriptedAgent } from '../dispatch/testing/scripted-agent.ts';
import { itemKey, SimulatedAgent, type World } from '../dispatch/testing/simulated-agent.ts';
import { watchStore } from '../dispatch/testing/watched-store.ts';
import { batchBytesMax } from '../plan/batch-builder.ts';
import { checkStore } from './check-store.ts';
import { openLevelStore, type CopyableStore } from './level-store.ts';
import { rewindStore } from './rewind.ts';
import type { RunKey } from './store.ts';
import { numbersOf, type Below } from './testing/random.ts';
import { decodeBatchResults } from '../plan/decode-columns.ts';

/** Those in which late reports would be taken if generations began anew. */
const seeds = [6, 7, 12];
const losses = 4;
const stepsMax = 80;
const pagesCount = 10;
/** So often was each item tried, says who reports on leases of a lost time; nobody else says so. */
const lateAttempts = 99;
/** How many rounds good agents may take to finish what chance left over. */
const roundsMax = 500;

interface Scene {
  harness: Harness;
  /** Remembers every lease it ever got, and reports on those of lost times whenever it gets one of the same name. */
  ghost: ScriptedAgent;
  lost: BatchLease[];
  store: CopyableStore;
  agents: SimulatedAgent[];
  world: Omit<World, 'pages'> & { pages: Entry[][] };
  below: Below;
  run: RunKey;
}

/** Pages from this one on; nothing in them was ever in others before. */
function pagesFrom(first: number, generation: number, below: Below): Entry[][] {
  return Array.from({ length: pagesCount - first }, (_, index) => {
    const folder = `p${String(first + index).padStart(3, '0')}-${generation}`;
    const entries: Entry[] = [{ path: folder, kind: ItemKind.FOLDER }];
    for (let file = below(8); file >= 0; file -= 1)
      entries.push({ path: `${folder}/f${9 - file}`, size: below(2) === 0 ? batchBytesMax : 1n });
    return entries;
  });
}

async function happen(scene: Scene): Promise<void> {
  const { harness, agents, below } = scene;
  if (below(4) === 0) haunt(scene);
  const agent = agents[below(agents.length)]!;
  const luck = below(100);
  if (!agent.isAttached) {
    if (luck < 60) agent.attach(harness.dispatcher);
  } else if (luck < 75) agent.work();
  else if (luck < 85) agent.beat();
  else if (luck < 90) agent.giveUp();
  else if (luck < 96) agent.vanish();
  else {
    agent.vanish();
    agent.forget();
  }
  await harness.idle();
  for (const one of agents) one.listen();
}

function haunt({ ghost, lost, world, below }: Scene): void {
  for (const { key, nextPage } of ghost.news('scanLease')) {
    // Given back always, it might come back always, because nobody has more room.
    if (below(4) > 0) ghost.giveBack(key);
    else {
      for (let page = Number(nextPage); page <= pagesCount; page += 1)
        ghost.sendPage(key, BigInt(page), world.pages[page - 1]!);
      ghost.sendScanDone(key, BigInt(pagesCount));
    }
  }
  for (const { key } of ghost.news('leaseRevocation')) ghost.giveBack(key);
  for (const lease of ghost.news('batchLease')) {
    for (const old of lost.filter(({ key }) => key!.lease === lease.key!.lease))
      ghost.sendResults(old, ({ attempts }) => void attempts.fill(lateAttempts));
    ghost.sendResults(lease);
  }
}

async function goOn(
  t: ExecutionContext,
  folder: string,
): Promise<Pick<Scene, 'harness' | 'store' | 'ghost'>> {
  const store = await openLevelStore(folder);
  const harness = new Harness(watchStore(store));
  t.teardown(async () => {
    await harness.dispatcher.close();
    await store.close();
  });
  await harness.idle();
  return { harness, store, ghost: await harness.attach('ghost', { slots: 2 }) };
}

/** A backup, more work, and then nothing is left but the backup. */
async function lose(t: ExecutionContext, scene: Scene, folder: string, loss: number) {
  const { world, below, agents, run } = scene;
  const acknowledged = new Map(world.acknowledged);
  await scene.store.copyTo(folder);
  for (let step = below(stepsMax); step > 0; step -= 1) await happen(scene);
  for (const agent of agents) if (agent.isAttached) agent.vanish();
  scene.lost.push(...scene.ghost.all('batchLease'));
  await scene.harness.dispatcher.close();
  await rewindStore(folder, (loss + 1) * 60_000);
  Object.assign(scene, await goOn(t, folder));
  world.acknowledged = acknowledged;
  // What was not scanned by then has changed, so that batches which are cut anew are other ones.
  const kept = Number((await scene.harness.run(run)).scan!.lastPage);
  world.pages = [...world.pages.slice(0, kept), ...pagesFrom(kept, loss + 1, below)];
}

async function finish(scene: Scene): Promise<boolean> {
  const { harness, agents, run } = scene;
  for (let round = 0; round < roundsMax; round += 1) {
    haunt(scene);
    scene.ghost.beat();
    for (const agent of agents) {
      if (!agent.isAttached) agent.attach(harness.dispatcher);
      agent.work();
      agent.beat();
    }
    await harness.advance(1000);
    for (const agent of agents) agent.listen();
    const ended = (await harness.state(run)).startsWith('SUCCEEDED');
    if (ended && agents.every((agent) => agent.idle)) return true;
  }
  return false;
}

/** Every item that has a result, and whether those that were acknowledged are the ones that are stored. */
async function checkEnd(t: ExecutionContext, { store, run, world }: Scene): Promise<void> {
  const counted: string[] = [];
  for (const { batch, row } of await store.batches(run, 0, 10_000)) {
    const key = { ...run, batch };
    const items = fromBinary(BatchItemsSchema, (await store.batchItems(key))!);
    const results = decodeBatchResults((await store.batchResults(key))!);
    t.false(results.attempts.includes(lateAttempts));
    for (const [index, item] of items.path.entries()) {
      const acknowledged = world.acknowledged.get(itemKey(run.task, row.phase, item));
      if (acknowledged !== undefined) t.is(results.state[index], acknowledged, item);
      if (items.kind[index] !== ItemKind.FOLDER || row.phase === BatchPhase.FOLDERS)
        counted.push(item);
    }
  }
  const scanned = world.pages.flat().map((entry) => entry.path);
  t.deepEqual(counted.toSorted(), scanned.toSorted());
}

for (const seed of seeds)
  test(`no result is lost or counted twice when the coordinator goes back in time (seed ${seed})`, async (t) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'drover-rewind-'));
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    const below = numbersOf(seed);
    const pages = pagesFrom(0, 0, below);
    const world: Scene['world'] = { below, pages, acknowledged: new Map(), violations: [] };
    const agents = Array.from({ length: 3 }, (_, index) => new SimulatedAgent(`agent-${index}`, below(4) + 1, world)); // oxfmt-ignore
    const begun = await goOn(t, path.join(folder, 'store'));
    const run = await begun.harness.start('a');
    const scene: Scene = { ...begun, agents, world, below, run, lost: [] };
    for (let loss = 0; loss < losses; loss += 1) {
      for (let step = below(stepsMax); step > 0; step -= 1) await happen(scene);
      await lose(t, scene, path.join(folder, `restored${loss}`), loss);
    }
    t.true(await finish(scene), 'the run ends');
    t.deepEqual(world.violations, []);
    t.true(world.acknowledged.size > 0 && scene.lost.length > 0);
    t.false(scene.ghost.ended, 'what came late ended no session');
    await checkEnd(t, scene);
    await scene.harness.dispatcher.close();
    await scene.store.close();
    const problems: unknown[] = [];
    await checkStore(path.join(folder, `restored${losses - 1}`), (one) => problems.push(one));
    t.deepEqual(problems, []);
  });
