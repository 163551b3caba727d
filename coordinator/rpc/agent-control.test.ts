import { timestampMs } from '@bufbuild/protobuf/wkt';
import test, { type ExecutionContext } from 'ava';
import { AgentAvailability, AgentService, AgentState, type Agent } from '../../gen/drover/v1/agent_pb.ts'; // oxfmt-ignore
import { EnrollmentService } from '../../gen/drover/v1/session_pb.ts';
import { TaskService } from '../../gen/drover/v1/task_pb.ts';
import { ManualClock } from '../dispatch/testing/manual-clock.ts';
import { attach } from './testing/attached-agent.ts';
import { refusalOf } from './testing/refusal.ts';
import { createRequest, runCoordinator, temporaryFolder } from './testing/running-coordinator.ts';

const { ONLINE, BUSY, DRAINING, DISCONNECTED, DISABLED } = AgentState;

/** A coordinator with a clock that stands, some hours ago: what it signs later must be good for a client already. */
async function open(t: ExecutionContext, dataFolder = temporaryFolder(t), at?: ManualClock) {
  const clock = at ?? new ManualClock(Date.now() - 3_600_000);
  const running = await runCoordinator(t, dataFolder, clock);
  const agents = running.client(AgentService);
  /** The agent's state, and how many seconds ago it came about. */
  const stateOf = (agent: Agent) => [agent.state, (clock.now() - timestampMs(agent.stateTime!)) / 1000]; // oxfmt-ignore
  const state = async (name: string) => stateOf((await agents.getAgent({ name })).agent!);
  return { ...running, dataFolder, clock, agents, state, stateOf };
}

test('an agent says in which state it is, and since when', async (t) => {
  const running = await open(t);
  const { agents, clock, client, join, state, stateOf } = running;
  const { name, identity } = await join('one');
  clock.advance(1000);
  t.deepEqual(await state(name), [DISCONNECTED, 1]);
  const one = await attach(running, identity);
  clock.advance(1000);
  t.deepEqual(await state(name), [ONLINE, 1]);
  const shown = (await agents.getAgent({ name })).agent!;
  t.is(shown.availability, AgentAvailability.ENABLED);
  t.deepEqual([shown.group, shown.sourceRoots], ['north', ['/srv']]);

  const tasks = client(TaskService);
  await tasks.createTask({ task: { source: '/srv/a', destination: '/b' }, taskId: 'a' });
  await tasks.runTask({ name: 'tasks/a' });
  const { key } = await one.next('scanLease');
  t.deepEqual(await state(name), [BUSY, 0]);
  clock.advance(1000);
  t.deepEqual(await state(name), [BUSY, 1]);

  const disabled = await agents.disableAgent({ name });
  t.deepEqual(stateOf(disabled.agent!), [DISABLED, 0]);
  t.is((await one.next('leaseRevocation')).key!.lease, key!.lease);
  one.send({ case: 'leaseReturn', value: { keys: [key!] } });
  t.deepEqual((await refusalOf(one.next('scanLease'))).reasons, ['AGENT_DISABLED']);
  t.deepEqual((await refusalOf(attach(running, identity))).reasons, ['AGENT_DISABLED']);
  clock.advance(1000);
  t.deepEqual(stateOf((await agents.disableAgent({ name })).agent!), [DISABLED, 1]);
  const { name: other, identity: second } = await join('two');
  const two = await attach(running, second);
  t.is((await two.next('scanLease')).key!.lease, key!.lease);
  t.is((await state(other))[0], BUSY);

  t.deepEqual(stateOf((await agents.enableAgent({ name })).agent!), [DISCONNECTED, 0]);
  const again = await attach(running, identity);
  t.deepEqual(await state(name), [ONLINE, 0]);
  t.deepEqual(stateOf((await agents.drainAgent({ name })).agent!), [DRAINING, 0]);
  clock.advance(1000);
  t.deepEqual(stateOf((await agents.drainAgent({ name })).agent!), [DRAINING, 1]);
  await again.leave();
  clock.advance(1000);
  t.deepEqual(await state(name), [DISCONNECTED, 1]);
  const left = (await agents.getAgent({ name })).agent!;
  t.is(left.availability, AgentAvailability.DRAINING);
  t.deepEqual([left.version, left.group, left.slotsUsed], ['1.2.3', 'north', 0]);
  t.deepEqual(left.lastSeenTime, left.stateTime);
});

test('what is wanted of an agent, and since when it is away, outlive the coordinator', async (t) => {
  const first = await open(t);
  const { clock, dataFolder } = first;
  const gone = await first.join('gone');
  const off = await first.join('off');
  const there = await first.join('there');
  await (await attach(first, gone.identity)).leave();
  await first.agents.disableAgent({ name: off.name });
  await attach(first, there.identity);
  clock.advance(2000);
  await first.coordinator.close();
  clock.advance(3000);
  const second = await open(t, dataFolder, clock);
  t.deepEqual(await second.state(gone.name), [DISCONNECTED, 5]);
  t.deepEqual(await second.state(off.name), [DISABLED, 5]);
  t.deepEqual(await second.state(there.name), [DISCONNECTED, 3]);
  // It stays disabled, and is so since the same time, when it tries to attach.
  t.deepEqual((await refusalOf(attach(second, off.identity))).reasons, ['AGENT_DISABLED']);
  t.deepEqual(await second.state(off.name), [DISABLED, 5]);
  t.deepEqual(second.stateOf((await second.agents.enableAgent(off)).agent!), [DISCONNECTED, 0]);
});

test('an agent that is removed is refused, and its work goes to others at once', async (t) => {
  const running = await open(t);
  const { agents, client, join } = running;
  const { name, identity } = await join('one');
  const one = await attach(running, identity);
  const tasks = client(TaskService);
  await tasks.createTask({ task: { source: '/srv/a', destination: '/b' }, taskId: 'a' });
  await tasks.runTask({ name: 'tasks/a' });
  const { key } = await one.next('scanLease');
  const second = await join('two');
  const two = await attach(running, second.identity);

  await agents.deleteAgent({ name });
  const ended = await refusalOf(one.next('leaseRevocation'));
  t.deepEqual(ended.reasons, ['UNAUTHENTICATED']);
  t.regex(ended.message, /was removed/);
  const moved = await two.next('scanLease');
  t.deepEqual([moved.key!.lease, moved.key!.generation], [key!.lease, key!.generation + 1]);

  const again = await refusalOf(attach(running, identity));
  t.deepEqual(again.reasons, ['UNAUTHENTICATED']);
  t.regex(again.message, new RegExp(`${name} was removed`));
  const { certificateRequest } = await createRequest();
  const enrollment = client(EnrollmentService, { token: '', identity });
  const renewal = await refusalOf(enrollment.renewCertificate({ certificateRequest }));
  t.regex(renewal.message, /was removed/);
  t.deepEqual((await agents.listAgents({})).agents.map((agent) => agent.name), [second.name]); // oxfmt-ignore
  for (const call of [
    agents.getAgent({ name }),
    agents.deleteAgent({ name }),
    agents.disableAgent({ name }),
  ])
    t.deepEqual((await refusalOf(call)).reasons, ['NOT_FOUND']);
  t.not((await join('one')).name, name);
});
