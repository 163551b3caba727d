// Two runs among agents that fail by chance. Whatever happens, each ends with one counted result for every item, and with every
// result that was acknowledged. A failure names its seed: put it into `seeds` to play it again.
import { create, fromBinary } from '@bufbuild/protobuf';
import test, { type ExecutionContext } from 'ava';
import { BatchItemsSchema } from '../../gen/drover/v1/columns_pb.ts';
import { ItemKind, ItemState } from '../../gen/drover/v1/item_pb.ts';
import { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import { AgentRowSchema, LeaseState, TaskRowSchema } from '../../gen/drover/store/v1/rows_pb.ts';
import { AgentAvailability } from '../../gen/drover/v1/agent_pb.ts';
import { batchBytesMax } from '../plan/batch-builder.ts';
import type { RunKey } from '../store/store.ts';
import { numbersOf, type Below } from '../store/testing/random.ts';
import { leaseTtlMs, openHarness, type Harness } from './testing/harness.ts';
import type { Entry } from './testing/scripted-agent.ts';
import { itemKey, SimulatedAgent, type World } from './testing/simulated-agent.ts';
import { decodeBatchResults } from '../plan/decode-columns.ts';

const seeds = [1, 2, 3, 4];
const steps = 400;
const agentsCount = 4;
/** How far somebody sets the coordinator's clock, forwards or back. */
const clockStepMs = 3_600_000;
/** How many rounds good agents may take to finish what chance left over. */
const roundsMax = 500;

/** How many parts of batches there were in the end. */
type Counted = World & { parts: number };

function randomPages(below: Below): Entry[][] {
  let folder = 0;
  return Array.from({ length: 12 }, () => {
    const entries: Entry[] = [];
    for (let count = below(8) + 1; count > 0; count -= 1) {
      const path = `d${String((folder += 1)).padStart(4, '0')}`;
      entries.push({ path, kind: ItemKind.FOLDER });
      for (let file = 0; file < below(6); file += 1)
        entries.push({ path: `${path}/f${file}`, size: below(3) === 0 ? batchBytesMax : BigInt(below(1_000_000)) }); // oxfmt-ignore
      if (below(3) === 0) entries.push({ path: `${path}/s`, kind: ItemKind.SPECIAL });
    }
    return entries;
  });
}

/** One thing that happens by chance. */
async function happen(harness: Harness, agents: SimulatedAgent[], runs: RunKey[], below: Below) {
  const run = runs[below(runs.length)]!;
  const agent = agents[below(agents.length)]!;
  const luck = below(100);
  if (!agent.isAttached) {
    if (luck < 40) agent.attach(harness.dispatcher);
    else await harness.advance(below(leaseTtlMs / 2));
  } else if (luck < 60) agent.work();
  else if (luck < 75) agent.beat();
  else if (luck < 80) agent.giveUp();
  else if (luck < 85) agent.vanish();
  else if (luck < 88) {
    agent.vanish();
    agent.forget();
  } else if (luck < 90) await disableOrEnable(harness, agent.name, below(3) === 0);
  else if (luck < 93) await harness.advance(below(leaseTtlMs / 2));
  else if (luck < 96) harness.watched.failWrite(new Error('disk full'));
  else if (luck < 97) await harness.restart();
  else if (luck < 98)
    await update(harness, run.task, ['', 'north', 'default'][below(3)]!, below(9) + 1); // oxfmt-ignore
  else if (luck < 99) harness.clock.set(below(2) === 0 ? -clockStepMs : clockStepMs);
  else await pauseOrResume(harness, run);
}

async function disableOrEnable(harness: Harness, agent: string, isDisabled: boolean) {
  const availability = isDisabled ? AgentAvailability.DISABLED : AgentAvailability.ENABLED;
  harness.watched.failNothing();
  await harness.watched.store.commit((transaction) =>
    transaction.putAgent(agent, create(AgentRowSchema, { agent: { availability } })),
  );
  harness.dispatcher.setAvailability(agent, availability);
}

async function update(harness: Harness, task: string, agentGroup: string, priority: number) {
  harness.watched.failNothing();
  await harness.watched.store.commit(async (transaction) => {
    const row = (await transaction.task(task))!;
    transaction.putTask(task, create(TaskRowSchema, { ...row, task: { ...row.task!, agentGroup, priority } })); // oxfmt-ignore
  });
  harness.dispatcher.taskChanged(task);
}

async function pauseOrResume(harness: Harness, run: RunKey): Promise<void> {
  const state = await harness.state(run);
  harness.watched.failNothing();
  if (state === 'PAUSED') await harness.change(run, 'resume');
  else if (state === 'RUNNING' || state === 'QUEUED') await harness.change(run, 'pause');
}

/** Everybody is attached and works until the runs have ended and nobody holds anything. */
async function finish(
  harness: Harness,
  agents: SimulatedAgent[],
  runs: RunKey[],
): Promise<boolean> {
  harness.watched.failNothing();
  for (const run of runs) {
    if ((await harness.state(run)) === 'PAUSED') await harness.change(run, 'resume');
    await update(harness, run.task, '', 5);
  }
  for (const { name } of agents) await disableOrEnable(harness, name, false);
  for (let round = 0; round < roundsMax; round += 1) {
    for (const agent of agents) {
      if (!agent.isAttached) agent.attach(harness.dispatcher);
      agent.work();
      agent.beat();
    }
    await harness.advance(1000);
    for (const agent of agents) agent.listen();
    const states = await Promise.all(runs.map((run) => harness.state(run)));
    const ended = states.every((state) => state.startsWith('SUCCEEDED'));
    if (ended && agents.every((agent) => agent.idle)) return true;
  }
  return false;
}

async function checkEnd(t: ExecutionContext, harness: Harness, run: RunKey, world: Counted) {
  const { store } = harness.watched;
  const counted: string[] = [];
  const sums = { succeededItems: 0n, skippedItems: 0n, failedItems: 0n, succeededBytes: 0n };
  const succeeded: string[] = [];
  for (const { batch, row } of await store.batches(run, 0, 10_000)) {
    const key = { ...run, batch };
    const items = fromBinary(BatchItemsSchema, (await store.batchItems(key))!);
    const results = decodeBatchResults((await store.batchResults(key))!);
    if (row.partOf !== 0) world.parts += 1;
    t.is(row.lease!.state, LeaseState.DONE);
    for (const [index, path] of items.path.entries()) {
      const kind = items.kind[index]!;
      const acknowledged = world.acknowledged.get(itemKey(run.task, row.phase, path));
      if (acknowledged !== undefined) t.is(results.state[index], acknowledged, path);
      if (kind === ItemKind.FOLDER && row.phase !== BatchPhase.FOLDERS) continue;
      counted.push(path);
      const state = results.state[index]!;
      if (state === ItemState.SUCCEEDED) {
        succeeded.push(path);
        sums.succeededItems += 1n;
        sums.succeededBytes += items.size[index]!;
      } else if (state === ItemState.SKIPPED) sums.skippedItems += 1n;
      else sums.failedItems += 1n;
    }
  }
  const scanned = world.pages.flat();
  t.deepEqual(counted.toSorted(), scanned.map(({ path }) => path).toSorted());
  const row = await harness.run(run);
  t.like(row, { openTransferBatches: 0, openFolderBatches: 0 });
  t.like(row.run!.progress, { ...sums, scannedItems: BigInt(scanned.length) });
  t.deepEqual(await store.leasedBatches(run), []);
  t.deepEqual(await store.openRuns(), []);
  const inOrder = scanned.map(({ path }) => path).filter((path) => succeeded.includes(path));
  t.true((await store.ledger(run.task, inOrder)).every((one) => one?.run === run.run));
}

for (const seed of seeds)
  test(`no result is lost or counted twice, whatever the agents do (seed ${seed})`, async (t) => {
    const harness = await openHarness(t);
    const below = numbersOf(seed);
    const world: Counted = { below, pages: randomPages(below), acknowledged: new Map(), violations: [], parts: 0 }; // oxfmt-ignore
    const agents = Array.from({ length: agentsCount }, (_, index) =>
      new SimulatedAgent(`agent-${index}`, below(4) + 1, world, index < 2 ? 'north' : '')); // oxfmt-ignore
    const runs = [await harness.start('a'), await harness.start('b')];
    for (let step = 0; step < steps; step += 1) {
      await happen(harness, agents, runs, below);
      await harness.idle();
      for (const agent of agents) agent.listen();
    }
    t.true(await finish(harness, agents, runs), 'the runs end');
    t.deepEqual(world.violations, []);
    t.true(world.acknowledged.size > 0);
    for (const run of runs) await checkEnd(t, harness, run, world);
    t.true(world.parts > 0, 'batches were cut');
    for (const name of harness.dispatcher.attachedAgents())
      t.is(harness.dispatcher.liveAgent(name)?.slotsUsed, 0, name);
  });
