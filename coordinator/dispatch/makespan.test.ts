// How long runs take with agents of different speeds, against the least that is possible: all of them working until the last item.
import { create } from '@bufbuild/protobuf';
import test, { type ExecutionContext } from 'ava';
import { TaskRowSchema } from '../../gen/drover/store/v1/rows_pb.ts';
import { batchFiles, openHarness, smallFiles, type Harness } from './testing/harness.ts';
import { PacedAgent, tickMs } from './testing/paced-agent.ts';

interface Plan {
  threads: number;
  /** Of one thread. */
  itemsPerSecond: number;
  /** When it is attached; at the start by default. */
  fromMs?: number;
}

/** A run of so many files by these agents: how long it took, and the least it could have taken. */
async function timeOf(t: ExecutionContext, harness: Harness, files: number, plans: Plan[]) {
  const startMs = harness.clock.now();
  const agents: PacedAgent[] = [];
  const coming = plans.map((plan, index) => ({ ...plan, name: `agent-${index}` }));
  const come = async () => {
    for (const plan of coming.filter(({ fromMs = 0 }) => fromMs <= harness.clock.now() - startMs)) {
      coming.splice(coming.indexOf(plan), 1);
      agents.push(await PacedAgent.attach(harness, plan.name, plan.threads, plan.itemsPerSecond));
    }
  };
  await come();
  const run = await harness.start('a');
  agents.find(({ agent }) => agent.all('scanLease').length > 0)!.scan(smallFiles(files));
  await harness.idle();
  let possible = 0;
  let leastMs = 0;
  while ((await harness.state(run)) === 'RUNNING') {
    await come();
    if (possible < files) leastMs += tickMs;
    possible += plans
      .filter((_, index) => index < agents.length)
      .reduce((sum, { threads, itemsPerSecond }) => sum + (threads * itemsPerSecond * tickMs) / 1000, 0); // oxfmt-ignore
    harness.clock.advance(tickMs);
    for (const agent of agents) agent.work();
    await harness.idle();
    if (leastMs * 5 < harness.clock.now() - startMs) break;
  }
  t.is(await harness.state(run), 'SUCCEEDED');
  t.is(agents.reduce((sum, { items }) => sum + items, 0), files); // oxfmt-ignore
  return { tookMs: harness.clock.now() - startMs, leastMs };
}

const table: [name: string, files: number, plans: Plan[], times: number][] = [
  ['agents of one speed', 2000, [{ threads: 2, itemsPerSecond: 10 }, { threads: 2, itemsPerSecond: 10 }], 1.1], // oxfmt-ignore
  ['one that is ten times slower', 2000, [{ threads: 2, itemsPerSecond: 10 }, { threads: 2, itemsPerSecond: 1 }], 1.15], // oxfmt-ignore
  ['a small run, and many agents', 200, Array.from({ length: 8 }, () => ({ threads: 2, itemsPerSecond: 2 })), 1.3], // oxfmt-ignore
  ['one that comes in the middle', 2000, [{ threads: 2, itemsPerSecond: 10 }, { threads: 4, itemsPerSecond: 20, fromMs: 30_000 }], 1.15], // oxfmt-ignore
  ['one that comes when all is given', 500, [{ threads: 2, itemsPerSecond: 5 }, { threads: 4, itemsPerSecond: 20, fromMs: 3_000 }], 1.35], // oxfmt-ignore
];
for (const [name, files, plans, times] of table)
  test(`a run does not take much longer than it must: ${name}`, async (t) => {
    const { tookMs, leastMs } = await timeOf(t, await openHarness(t), files, plans);
    t.log(`${tookMs} ms, ${leastMs} at least`);
    t.true(tookMs <= leastMs * times, `${tookMs} ms, and it must take ${leastMs}`);
  });

for (const [high, low] of [
  [8, 2],
  [9, 1],
  [5, 5],
] as const)
  test(`two runs get on by their priorities, ${high} and ${low}, from the start and all the time`, async (t) => {
    const harness = await openHarness(t);
    const agents = [];
    for (const name of ['one', 'two', 'three'])
      agents.push(await PacedAgent.attach(harness, name, 4, 1));
    const runs = [await harness.start('high'), await harness.start('low')];
    for (const { task } of runs) {
      await harness.watched.store.commit(async (transaction) => {
        const row = (await transaction.task(task))!;
        const priority = task === 'high' ? high : low;
        transaction.putTask(task, create(TaskRowSchema, { ...row, task: { ...row.task!, priority } })); // oxfmt-ignore
      });
      harness.dispatcher.taskChanged(task);
    }
    for (const agent of agents)
      while (agent.agent.all('scanLease').length > agent.scans) agent.scan(batchFiles(900));
    await harness.idle();
    const done = () => Promise.all(runs.map(async (run) => Number((await harness.run(run)).run!.progress!.succeededItems))); // oxfmt-ignore
    let before = [0, 0];
    for (let quarter = 1; quarter <= 2; quarter += 1) {
      for (let tick = 0; tick < 120; tick += 1) {
        harness.clock.advance(tickMs);
        for (const agent of agents) agent.work();
        await harness.idle();
      }
      const now = await done();
      const [first, second] = [now[0]! - before[0]!, now[1]! - before[1]!];
      const share = first / (first + second);
      t.log(`${first} and ${second}`);
      t.true(Math.abs(share - high / (high + low)) < 0.2, `${first} and ${second}`);
      t.true(second > 0);
      before = now;
    }
  });
