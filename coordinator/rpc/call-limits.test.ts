// How much one caller may ask for, and that agents do not notice who asks for more.
import test from 'ava';
import { ConnectError } from '@connectrpc/connect';
import { durationMs } from '@bufbuild/protobuf/wkt';
import { AccessTokenService } from '../../gen/drover/v1/access_token_pb.ts';
import { AgentService } from '../../gen/drover/v1/agent_pb.ts';
import { Role } from '../../gen/drover/v1/annotations_pb.ts';
import { CallerService } from '../../gen/drover/v1/caller_pb.ts';
import { TaskService } from '../../gen/drover/v1/task_pb.ts';
import { RetryInfoSchema } from '../../gen/google/rpc/error_details_pb.ts';
import { Health } from '../../gen/health/v1/health_pb.ts';
import { ManualClock } from '../dispatch/testing/manual-clock.ts';
import { CallLimits, limitName, streamsMax } from './call-limits.ts';
import { refusalOf } from './testing/refusal.ts';
import { runCoordinator, type RunningCoordinator } from './testing/running-coordinator.ts';

async function viewerToken({ client }: RunningCoordinator): Promise<string> {
  const given = { displayName: 'test', role: Role.VIEWER };
  return (await client(AccessTokenService).createAccessToken(given)).token;
}

test('who calls too often is told to wait, and how long; others are not', async (t) => {
  const running = await runCoordinator(t, undefined, undefined, { callsPerSecond: 1 });
  const token = await viewerToken(running);
  const viewer = running.client(CallerService, { token });
  const calls = Array.from({ length: 100 }, () => viewer.getCaller({}));
  const error = await t.throwsAsync(Promise.all(calls), { instanceOf: ConnectError });
  const refusal = await refusalOf(Promise.reject(error!));
  t.is(refusal.code, 'ResourceExhausted');
  t.deepEqual(refusal.reasons, ['TOO_MANY_CALLS']);
  t.regex(refusal.message, /^accessTokens\/[a-z0-9]+ calls too often; wait 1 s$/);
  const [retry] = error!.findDetails(RetryInfoSchema);
  t.is(durationMs(retry!.retryDelay!), 1000);
  const results = await Promise.allSettled(calls);
  t.true(results.filter(({ status }) => status === 'fulfilled').length >= 5);
  await running.client(CallerService).getCaller({});
});

test('0 is no limit', (t) => {
  const limits = new CallLimits({ callsPerSecond: 0, clock: new ManualClock() });
  const ended = new AbortController().signal;
  for (let call = 0; call < 10_000; call += 1) limits.admit({ caller: 'a', kind: 'unary', ended });
  for (let call = 0; call < 1000; call += 1) limits.wrongCredential('::1');
  t.pass();
});

test('a caller has so many streams open and no more, until one ends', async (t) => {
  const running = await runCoordinator(t);
  await running.join('a');
  const agents = running.client(AgentService, { token: await viewerToken(running) });
  const ends = Array.from({ length: streamsMax }, () => new AbortController());
  const streams = ends.map(({ signal }) => agents.watchAgents({}, { signal })[Symbol.asyncIterator]()); // oxfmt-ignore
  await Promise.all(streams.map((stream) => stream.next()));
  const oneMore = () => agents.watchAgents({})[Symbol.asyncIterator]().next();
  const refusal = await refusalOf(oneMore());
  t.deepEqual(refusal.reasons, ['TOO_MANY_CALLS']);
  t.regex(refusal.message, /has 32 streams open already/);
  await agents.listAgents({});
  const ended = streams[0]!.next();
  ends[0]!.abort();
  await t.throwsAsync(ended);
  // The other end hears of it a moment later.
  while (!(await oneMore().catch(() => undefined)));
  for (const end of ends) end.abort();
});

test('wrong credentials are counted by address, and a right one works all the same', async (t) => {
  const running = await runCoordinator(t);
  const wrong = running.client(TaskService, { token: 'wrong' });
  const calls = Array.from({ length: 200 }, () => refusalOf(wrong.listTasks({})));
  await running.client(TaskService).listTasks({});
  const reasons = (await Promise.all(calls)).flatMap((refusal) => refusal.reasons);
  t.deepEqual(new Set(reasons), new Set(['UNAUTHENTICATED', 'TOO_MANY_CALLS']));
  t.is(reasons.length, calls.length);
});

test('addresses are counted by the network that one machine has', (t) => {
  t.is(limitName(undefined, '10.0.0.1'), '10.0.0.1');
  t.is(limitName(undefined, '::ffff:10.0.0.1'), '10.0.0.1');
  t.is(limitName(undefined, '2001:db8:1:2:3::4'), limitName(undefined, '2001:db8:1:2:ffff::1'));
  t.not(limitName(undefined, '2001:db8:1:2::1'), limitName(undefined, '2001:db8:1:3::1'));
});

test('administrators send no message of more than 4 MiB, and strangers none of more than 64 KiB', async (t) => {
  const running = await runCoordinator(t);
  const get = (bytes: number) =>
    refusalOf(running.client(TaskService, { protocol: 'http1' }).getTask({ name: 'x'.repeat(bytes) })); // oxfmt-ignore
  t.deepEqual((await get(3 * 1024 * 1024)).fields, ['name']);
  t.is((await get(5 * 1024 * 1024)).code, 'ResourceExhausted');
  const health = running.client(Health, { token: '', protocol: 'connect' });
  t.is((await refusalOf(health.check({ service: 'x'.repeat(70_000) }))).code, 'ResourceExhausted');
});
