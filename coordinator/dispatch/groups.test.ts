// Which agents a run's work goes to: by group, by what they can read, by what somebody wants of them, and by the run's priority.
import { create, fromBinary } from '@bufbuild/protobuf';
import test from 'ava';
import { AgentRowSchema, TaskRowSchema } from '../../gen/drover/store/v1/rows_pb.ts';
import { AgentAvailability } from '../../gen/drover/v1/agent_pb.ts';
import { BatchItemsSchema } from '../../gen/drover/v1/columns_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import type { BatchLease } from '../../gen/drover/v1/session_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { batchFiles, openHarness, smallFiles, type Harness } from './testing/harness.ts';
import type { ScriptedAgent } from './testing/scripted-agent.ts';

const { DISABLED, DRAINING, ENABLED } = AgentAvailability;

/** Somebody updates a task; the dispatcher hears of it unless `told` is false. */
async function update(
  harness: Harness,
  task: string,
  change: { agentGroup?: string; priority?: number },
  told = true,
): Promise<void> {
  await harness.watched.store.commit(async (transaction) => {
    const row = (await transaction.task(task))!;
    transaction.putTask(task, create(TaskRowSchema, { ...row, task: { ...row.task!, ...change } }));
  });
  if (told) harness.dispatcher.taskChanged(task);
  await harness.idle();
}

async function setAvailability(harness: Harness, agent: string, availability: AgentAvailability) {
  await harness.watched.store.commit(
    (transaction) =>
    transaction.putAgent(agent, create(AgentRowSchema, { agent: { name: `agents/${agent}`, availability } })), // oxfmt-ignore
  );
  harness.dispatcher.setAvailability(agent, availability);
  await harness.idle();
}

const pathsOf = (lease: BatchLease) => fromBinary(BatchItemsSchema, lease.items).path;
const refusal = ({ error }: ScriptedAgent) => error instanceof DroverError && error.reason;

test('a run goes to agents of its group, and an update of the group counts at once', async (t) => {
  const harness = await openHarness(t);
  const north = await harness.attach('n', { slots: 3, group: 'north' });
  const usual = await harness.attach('u', { slots: 3 });
  t.is(harness.dispatcher.liveAgent('n')?.group, 'north');
  t.is(harness.dispatcher.liveAgent('u')?.group, 'default');
  const run = await harness.start('a');
  const scanner = north.all('scanLease').length > 0 ? north : usual;
  scanner.sendPage(scanner.take('scanLease').key, 1n, []);
  await update(harness, 'a', { agentGroup: 'south' });
  scanner.sendPage(scanner.all('scanLease')[0]!.key, 2n, batchFiles(2));
  await harness.idle();
  t.deepEqual([north.news('batchLease'), usual.news('batchLease')], [[], []]);
  scanner.sendScanDone(scanner.all('scanLease')[0]!.key, 2n);
  await harness.idle();
  t.is(harness.dispatcher.progress(run)?.waitingFor, 'an agent of the group "south": the attached ones are of "default" and "north"'); // oxfmt-ignore
  await update(harness, 'a', { agentGroup: 'north' });
  t.is(north.news('batchLease').length, 2);
  t.deepEqual(usual.news('batchLease'), []);
});

test('a group that was changed without anybody saying so counts when leases are given', async (t) => {
  const harness = await openHarness(t);
  const usual = await harness.attach('u');
  const run = await harness.scanned('a', usual, batchFiles(2));
  await update(harness, 'a', { agentGroup: 'north' }, false);
  usual.sendResults(usual.take('batchLease'));
  await harness.idle();
  t.deepEqual(usual.news('batchLease'), []);
  const north = await harness.attach('n', { group: 'north' });
  north.sendResults(north.take('batchLease'));
  await harness.idle();
  t.is(await harness.state(run), 'SUCCEEDED');
});

test('a run goes to agents that can read its source', async (t) => {
  const harness = await openHarness(t);
  const other = await harness.attach('other', { slots: 9, sourceRoots: ['/from2', '/fro'] });
  const run = await harness.start('a');
  t.deepEqual(other.news('scanLease'), []);
  t.is(harness.dispatcher.progress(run)?.waitingFor, 'an agent that reaches /from: the attached ones reach /fro and /from2'); // oxfmt-ignore
  const right = await harness.attach('right', { sourceRoots: ['/x', '/from'] });
  t.is(right.news('scanLease').length, 1);
  t.deepEqual(harness.dispatcher.liveAgent('right')?.sourceRoots, ['/x', '/from']);
});

test('a hello with a group or a root that is none is refused', async (t) => {
  const harness = await openHarness(t);
  for (const hello of [{ group: 'a b' }, { group: 'x'.repeat(64) }, { sourceRoots: ['share'] }]) {
    const agent = await harness.attach('one', hello);
    t.is(refusal(agent), ErrorReason.INVALID_ARGUMENT);
  }
});

test('an agent that is to drain keeps what it has and gets nothing new, until it is enabled', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one');
  await harness.scanned('a', agent, batchFiles(3));
  await setAvailability(harness, 'one', DRAINING);
  t.deepEqual(agent.news('leaseRevocation'), []);
  agent.sendResults(agent.take('batchLease'));
  await harness.idle();
  t.deepEqual(agent.news('batchLease'), []);
  await setAvailability(harness, 'one', ENABLED);
  t.is(agent.news('batchLease').length, 1);
});

test('the work of an agent that is disabled goes on elsewhere, but for what it had done', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one', { slots: 2 });
  const run = await harness.scanned('a', agent, smallFiles(20));
  const held = agent.news('batchLease');
  const other = await harness.attach('two');
  const before = other.news('batchLease');
  await setAvailability(harness, 'one', DISABLED);
  const revoked = agent.all('leaseRevocation').map(({ key }) => key!.lease);
  t.deepEqual(revoked.toSorted(), held.map(({ key }) => key!.lease).toSorted());
  t.true(agent.all('leaseRevocation').every(({ takesPartial }) => takesPartial));
  t.deepEqual(agent.news('batchLease'), []);
  for (const lease of held) {
    t.false(agent.ended, 'its session ends when all is back');
    agent.sendPartial(lease, 3);
    await harness.idle();
  }
  t.is(refusal(agent), ErrorReason.AGENT_DISABLED);
  t.is((await harness.run(run)).run!.progress!.succeededItems, BigInt(held.length * 3));
  t.is(agent.news('acknowledgement').length, held.length + 2);
  const done = held.flatMap((lease) => pathsOf(lease).slice(0, 3));
  const given = [...before, ...other.news('batchLease')];
  while (given.length > 0) {
    for (const lease of given.splice(0)) {
      done.push(...pathsOf(lease));
      other.sendResults(lease);
    }
    await harness.idle();
    given.push(...other.news('batchLease'));
  }
  t.deepEqual(done.toSorted(), smallFiles(20).map(({ path }) => path)); // oxfmt-ignore
  t.is(await harness.state(run), 'SUCCEEDED');
  t.is((await harness.run(run)).run!.progress!.succeededItems, 20n);
});

test('an agent that is disabled and does not stop is cut off after a moment, and its work goes to others', async (t) => {
  const harness = await openHarness(t);
  const deaf = await harness.attach('deaf');
  await harness.scanned('a', deaf, batchFiles(1));
  const lease = deaf.take('batchLease');
  await setAvailability(harness, 'deaf', DISABLED);
  const other = await harness.attach('other');
  deaf.beat(lease.key);
  await harness.advance(4_000);
  t.false(deaf.ended);
  t.deepEqual(other.news('batchLease'), []);
  await harness.advance(1_000);
  t.is(refusal(deaf), ErrorReason.AGENT_DISABLED);
  t.like(other.take('batchLease').key, { lease: lease.key!.lease, generation: 2 });
  t.deepEqual(harness.dispatcher.attachedAgents(), ['other']);
});

test('an idle agent that is disabled is cut off at once, and one that is enabled in time stays', async (t) => {
  const harness = await openHarness(t);
  const idle = await harness.attach('idle');
  await setAvailability(harness, 'idle', DISABLED);
  t.is(refusal(idle), ErrorReason.AGENT_DISABLED);
  const busy = await harness.attach('busy');
  await harness.scanned('a', busy, batchFiles(1));
  const lease = busy.take('batchLease');
  await setAvailability(harness, 'busy', DISABLED);
  await setAvailability(harness, 'busy', ENABLED);
  await harness.advance(10_000);
  t.false(busy.ended);
  busy.giveBack(lease.key);
  await harness.idle();
  t.like(busy.take('batchLease').key, { generation: 2 });
});

test('an agent that was disabled while it was away loses what it names, and gets nothing', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one');
  await harness.scanned('a', agent, batchFiles(2));
  const lease = agent.take('batchLease');
  await harness.restart();
  await setAvailability(harness, 'one', DISABLED);
  const back = await harness.attach('one', { leases: [lease.key!] });
  t.deepEqual(back.all('leaseRevocation').map(({ key }) => key), [lease.key]); // oxfmt-ignore
  back.giveBack(lease.key);
  await harness.idle();
  t.deepEqual(back.all('batchLease'), []);
  t.is(refusal(back), ErrorReason.AGENT_DISABLED);
  const other = await harness.attach('two', { slots: 2 });
  t.is(other.news('batchLease').length, 2);
});

test('an agent that is removed is cut off, and its work goes to others at once', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one');
  await harness.scanned('a', agent, batchFiles(1));
  const other = await harness.attach('two');
  const before = agent.all('batchLease').length;
  t.is(before, 1);
  harness.dispatcher.removeAgent('one');
  await harness.idle();
  t.true(agent.ended);
  t.is(refusal(agent), ErrorReason.UNAUTHENTICATED);
  t.like(other.take('batchLease').key, { generation: 2 });
});

test('the slots of an agent are shared by the priorities of its runs, and a new priority counts at once', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one', { slots: 10 });
  const held: BatchLease[] = [];
  for (const task of ['a', 'b']) {
    await harness.start(task);
    await update(harness, task, { priority: task === 'a' ? 8 : 2 });
  }
  for (const { key } of agent.news('scanLease')) {
    agent.sendPage(key, 1n, batchFiles(200));
    agent.sendScanDone(key, 1n);
    await harness.idle();
    held.push(...agent.news('batchLease'));
  }
  const ofRun = (task: string) => held.filter(({ key }) => key!.lease.startsWith(`tasks/${task}/`));
  const finish = async (times: number) => {
    for (let count = 0; count < times; count += 1) {
      agent.sendResults(held.shift()!);
      await harness.idle();
      held.push(...agent.news('batchLease'));
    }
  };
  await finish(30);
  t.deepEqual([ofRun('a').length, ofRun('b').length], [8, 2]);
  await update(harness, 'b', { priority: 8 });
  await finish(30);
  t.deepEqual([ofRun('a').length, ofRun('b').length], [5, 5]);
});
