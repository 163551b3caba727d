import test from 'ava';
import { AgentService, AgentState } from '../../gen/drover/v1/agent_pb.ts';
import { AgentSessionService, type AttachRequestSchema } from '../../gen/drover/v1/session_pb.ts';
import { TaskService, TaskState } from '../../gen/drover/v1/task_pb.ts';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { refusalOf } from './testing/refusal.ts';
import { runCoordinator, type RunningCoordinator } from './testing/running-coordinator.ts';

const task = { source: '/srv/a', destination: 'file:///srv/b' };
const minInterval = { seconds: 0n, nanos: 0 };

/** Attaches an agent that offers slots and does nothing, until it is told to leave. */
async function attach({ client, join }: RunningCoordinator) {
  const { name, identity } = await join('idle');
  const leave = Promise.withResolvers<void>();
  async function* frames(): AsyncGenerator<MessageInitShape<typeof AttachRequestSchema>> {
    const value = { version: '1.2.3', platform: 'linux/x64', slots: 2, locationKinds: ['unc'] };
    yield { frame: { case: 'hello', value } };
    await leave.promise;
  }
  const session = client(AgentSessionService, { token: '', identity });
  const answers = session.attach(frames())[Symbol.asyncIterator]();
  const first = await answers.next();
  const welcome = first.value?.frame;
  if (welcome?.case !== 'welcome') throw new Error('the first frame is a welcome');
  return { name, welcome: welcome.value, leave: () => leave.resolve(), answers };
}

test('a task is watched from before its first run to its end', async (t) => {
  const { client } = await runCoordinator(t);
  const tasks = client(TaskService);
  await tasks.createTask({ task, taskId: 'a' });
  const name = 'tasks/a';
  const watch = tasks.watchTask({ name, minInterval })[Symbol.asyncIterator]();
  // More than one answer may tell of the same state, because other things change, too.
  const until = async (wanted: TaskState) => {
    let answer = await watch.next();
    while (answer.done !== true && answer.value.task!.state !== wanted) answer = await watch.next();
    t.not(answer.done, true, `state ${wanted}`);
  };
  await until(TaskState.READY);
  await tasks.runTask({ name });
  await until(TaskState.QUEUED);
  await tasks.pauseTask({ name });
  await until(TaskState.PAUSED);
  await tasks.cancelTask({ name });
  let state: TaskState | undefined;
  for (;;) {
    const answer = await watch.next();
    if (answer.done === true) break;
    state = answer.value.task!.state;
  }
  t.is(state, TaskState.CANCELLED);
});

test('a watch ends when its task is deleted, and when the coordinator stops', async (t) => {
  const { client, coordinator } = await runCoordinator(t);
  const tasks = client(TaskService);
  await tasks.createTask({ task, taskId: 'a' });
  await tasks.createTask({ task, taskId: 'b' });
  const [a, b] = ['tasks/a', 'tasks/b'].map((name) =>
    tasks.watchTask({ name })[Symbol.asyncIterator](),
  );
  await a!.next();
  await b!.next();
  await tasks.deleteTask({ name: 'tasks/a' });
  t.deepEqual((await refusalOf(a!.next())).reasons, ['NOT_FOUND']);
  const ended = refusalOf(b!.next());
  await coordinator.close();
  t.is((await ended).code, 'Unavailable');
});

test('bad arguments of a watch are refused', async (t) => {
  const tasks = (await runCoordinator(t)).client(TaskService);
  const first = (name: string, seconds: bigint) =>
    tasks
      .watchTask({ name, minInterval: { seconds, nanos: 0 } })
      [Symbol.asyncIterator]()
      .next();
  t.deepEqual((await refusalOf(first('tasks/none', 1n))).reasons, ['NOT_FOUND']);
  t.deepEqual((await refusalOf(first('tasks/none', -1n))).fields, ['min_interval']);
  t.deepEqual((await refusalOf(first('x', 1n))).fields, ['name']);
});

test('agents are listed and watched as they come and go', async (t) => {
  const running = await runCoordinator(t);
  const agents = running.client(AgentService);
  const watch = agents.watchAgents({})[Symbol.asyncIterator]();
  const following = watch.next();
  const idle = await attach(running);
  t.is(idle.welcome.agent, idle.name);
  for (let next = await following; ; next = await watch.next())
    if (next.value!.agent!.state === AgentState.ONLINE) break;
  const { agent } = await agents.getAgent({ name: idle.name });
  t.is(agent!.state, AgentState.ONLINE);
  t.is(agent!.slots, 2);
  t.is(agent!.displayName, 'idle');
  t.deepEqual(agent!.locationKinds, ['unc']);
  // What an attached agent can serve, a task may ask for.
  const tasks = running.client(TaskService);
  t.truthy(await tasks.createTask({ task: { ...task, source: '\\\\server\\share' } }));
  idle.leave();
  t.true((await idle.answers.next()).done);
  for (let next = await watch.next(); ; next = await watch.next())
    if (next.value!.agent!.state === AgentState.DISCONNECTED) break;
  const left = (await agents.listAgents({})).agents[0]!;
  t.is(left.state, AgentState.DISCONNECTED);
  t.is(left.version, '1.2.3', 'what it said of itself is still known');
  t.truthy(left.lastSeenTime);
  t.deepEqual((await refusalOf(agents.getAgent({ name: 'agents/none' }))).reasons, ['NOT_FOUND']);
});

test('who watches agents is told once that one was removed', async (t) => {
  const running = await runCoordinator(t);
  const agents = running.client(AgentService);
  const idle = await attach(running);
  const watch = agents.watchAgents({})[Symbol.asyncIterator]();
  t.is((await watch.next()).value!.agent!.name, idle.name);
  await agents.deleteAgent({ name: idle.name });
  const other = await running.join('other');
  const told: string[] = [];
  for (let next = await watch.next(); ; next = await watch.next()) {
    const { agent, removedAgent } = next.value!;
    told.push(removedAgent);
    if (agent?.name === other.name) break;
  }
  t.deepEqual(told.filter((name) => name !== ''), [idle.name]); // oxfmt-ignore
});

test('agents are listed by pages', async (t) => {
  const { client, join } = await runCoordinator(t);
  for (const name of ['a', 'b', 'c']) await join(name);
  const agents = client(AgentService);
  const first = await agents.listAgents({ pageSize: 2 });
  const rest = await agents.listAgents({ pageSize: 2, pageToken: first.nextPageToken });
  t.deepEqual(
    [...first.agents, ...rest.agents].map(({ displayName }) => displayName),
    ['a', 'b', 'c'],
  );
  t.is(rest.nextPageToken, '');
});
