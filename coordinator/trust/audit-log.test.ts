import { create } from '@bufbuild/protobuf';
import test, { type ExecutionContext } from 'ava';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  AccessTokenRowSchema,
  AgentRowSchema,
  JoinTokenRowSchema,
  TaskRowSchema,
} from '../../gen/drover/store/v1/rows_pb.ts';
import { AgentAvailability } from '../../gen/drover/v1/agent_pb.ts';
import { Role } from '../../gen/drover/v1/annotations_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { createLog } from '../../lib/log.ts';
import { ManualClock } from '../dispatch/testing/manual-clock.ts';
import { openLevelStore } from '../store/level-store.ts';
import { addressGroup } from './address-group.ts';
import { byItself, noteOnCall, recogniseCaller, serving, type AuditCall } from './audit-call.ts';
import { AuditLog } from './audit-log.ts';

const call: AuditCall = {
  caller: 'admin-token',
  role: Role.ADMIN,
  address: '192.0.2.1',
  method: 'drover.v1.TaskService/UpdateTask',
  requestId: 'abc',
  resource: 'tasks/a',
};

async function open(t: ExecutionContext) {
  const folder = mkdtempSync(path.join(tmpdir(), 'drover-audit-log-'));
  const inner = await openLevelStore(path.join(folder, 'store'));
  const clock = new ManualClock(Date.UTC(2026, 0, 1));
  const audit = new AuditLog({ store: inner, clock, log: createLog('test', 'silent') });
  t.teardown(async () => {
    await audit.close();
    await inner.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const entries = () => inner.auditEntries(0n, 10_000);
  return { inner, store: audit.store, audit, clock, entries };
}

function taskRow(source: string) {
  return create(TaskRowSchema, { task: { name: 'tasks/a', source, destination: '/to' } });
}

test('a change is entered in its own commit, with the caller, and with what was before and is after', async (t) => {
  const { store, entries, clock } = await open(t);
  await serving(call, () =>
    store.commit((transaction) => transaction.putTask('a', taskRow('/one'))),
  );
  await serving(call, () =>
    store.commit((transaction) => transaction.putTask('a', taskRow('/two'))),
  );
  await serving(call, () => store.commit((transaction) => transaction.deleteTask('a')));
  const all = await entries();
  t.is(all.length, 3);
  for (const entry of all)
    t.like(entry, { ...call, time: { seconds: BigInt(clock.now() / 1000) } });
  const one = '{"name":"tasks/a","source":"/one","destination":"/to"}';
  const two = one.replace('/one', '/two');
  const changes = all.map((entry) => entry.changes.map(({ resource, before, after }) => [resource, before, after])); // oxfmt-ignore
  t.deepEqual(changes, [[['tasks/a', '', one]], [['tasks/a', one, two]], [['tasks/a', two, '']]]);
});

test('what changes nothing, what fails, and what is only measured leave no entry', async (t) => {
  const { store, entries } = await open(t);
  const put = () => store.commit((transaction) => transaction.putTask('a', taskRow('/one')));
  await put();
  await put();
  await t.throwsAsync(
    store.commit((transaction) => {
      transaction.putTask('a', taskRow('/two'));
      throw new Error('no');
    }),
  );
  t.is((await entries()).length, 1);
  const seen = (version: string) =>
    store.commit((transaction) => transaction.putAgent('x', create(AgentRowSchema, { agent: { name: 'agents/x', version } }))); // oxfmt-ignore
  await seen('1');
  await seen('2');
  t.is((await entries()).length, 2);
  await store.commit((transaction) => transaction.putAgent('x', create(AgentRowSchema, { agent: { name: 'agents/x', availability: AgentAvailability.DISABLED } }))); // oxfmt-ignore
  const last = (await entries()).at(-1)!;
  t.regex(last.changes[0]!.after, /AGENT_AVAILABILITY_DISABLED/);
  t.is(last.caller, 'coordinator', 'outside of calls it is the coordinator that changes something');
});

test('a change of other rows is entered when the call says in words what it does', async (t) => {
  const { store, entries } = await open(t);
  const resource = 'webhooks/w';
  await serving({ ...call, resource }, () => store.commit(() => noteOnCall('put back 3')));
  t.like((await entries())[0], { ...call, resource, message: 'put back 3', changes: [] });
});

test('neither secrets nor their hashes are entered', async (t) => {
  const { store, entries } = await open(t);
  const secretHash = new Uint8Array(32).fill(0xab);
  await store.commit((transaction) => {
    transaction.putJoinToken(
      'ab'.repeat(32),
      create(JoinTokenRowSchema, { secretHash, maxUses: 3 }),
    );
    transaction.putAccessToken('t1', create(AccessTokenRowSchema, { secretHash, accessToken: { name: 'accessTokens/t1', displayName: 'CI' } })); // oxfmt-ignore
  });
  const [entry] = await entries();
  t.deepEqual(entry!.changes.map(({ resource }) => resource), ['accessTokens/t1', 'joinTokens']); // oxfmt-ignore
  const text = JSON.stringify(entry!.changes);
  t.true(text.includes('CI') && text.includes('maxUses'));
  for (const form of ['abab', Buffer.from(secretHash).toString('base64').slice(0, 10)])
    t.false(text.includes(form));
});

test('commits that run at the same time have each its own caller', async (t) => {
  const { store, entries } = await open(t);
  await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      serving({ ...call, caller: `c${index}` }, async () => {
        await Promise.resolve();
        if (index % 2 === 1) recogniseCaller(`d${index}`, Role.OPERATOR);
        const row = create(TaskRowSchema, { task: { name: `tasks/t${index}` } });
        await store.commit((transaction) => transaction.putTask(`t${index}`, row));
      }),
    ),
  );
  await byItself('its time had come', () => store.commit((transaction) => transaction.putTask('a', taskRow('/s')))); // oxfmt-ignore
  const all = await entries();
  for (const { caller, changes } of all.slice(0, 20))
    t.is(changes[0]!.resource, `tasks/t${caller.slice(1)}`);
  t.is(all.slice(0, 20).filter(({ role }) => role === Role.OPERATOR).length, 10);
  t.like(all[20], { caller: 'coordinator', method: 'its time had come' });
});

const refusal = new DroverError(ErrorReason.UNAUTHENTICATED, 'the token is not the right one');

test('a flood of refused attempts is told in one entry a minute, then in fewer, and no attempt is lost', async (t) => {
  const { audit, clock, entries } = await open(t);
  const flood = async (count: number) => {
    for (let index = 0; index < count; index += 1)
      await audit.refused({ ...call, caller: '', address: '198.51.100.7' }, refusal);
  };
  await flood(1000);
  t.is((await entries()).length, 20);
  for (let minute = 0; minute < 120; minute += 1) {
    await flood(10);
    clock.advance(60_000);
  }
  // Somebody else is not hidden by it.
  await audit.refused(call, refusal);
  await audit.close();
  const all = await entries();
  t.true(all.length < 20 + 12, `${all.length} entries`);
  t.is(all.filter(({ caller }) => caller === 'admin-token').length, 1);
  const counted = all.filter(({ method }) => method === 'attempts that were counted');
  const sum = counted.reduce((total, { message }) => total + Number(/^([\d,]+) more/.exec(message)![1]!.replace(',', '')), 0); // oxfmt-ignore
  t.is(sum, 1000 + 1200 - 20);
  t.like(counted[0], { caller: '', address: '198.51.100.7', reason: ErrorReason.UNAUTHENTICATED });
  t.regex(counted[0]!.message, /^990 more attempts since 2026-01-01T00:00:00.000Z than are entered one by one: 990 × UNAUTHENTICATED drover.v1.TaskService\/UpdateTask$/); // oxfmt-ignore
});

test('too many calls are a flood from the first one on', async (t) => {
  const { audit, entries } = await open(t);
  const tooMany = new DroverError(ErrorReason.TOO_MANY_CALLS, 'too many calls');
  for (let index = 0; index < 50; index += 1) await audit.refused(call, tooMany);
  t.is((await entries()).length, 1);
  await audit.close();
  t.like((await entries())[1], { caller: 'admin-token', reason: ErrorReason.TOO_MANY_CALLS });
});

test('whoever was quiet for a while is entered one by one again', async (t) => {
  const { audit, clock, entries } = await open(t);
  for (let index = 0; index < 25; index += 1) await audit.refused(call, refusal);
  clock.advance(60_000);
  clock.advance(120_000);
  for (let index = 0; index < 5; index += 1) await audit.refused(call, refusal);
  await audit.close();
  t.is((await entries()).length, 20 + 1 + 5);
});

test('many addresses fill the log no more than a few do', async (t) => {
  const { audit, clock, entries } = await open(t);
  let attempts = 0;
  for (let minute = 0; minute < 10; minute += 1) {
    for (let index = 0; index < 3000; index += 1) {
      attempts += 1;
      const address = `10.${minute}.${index >> 8}.${index & 255}`;
      await audit.refused({ ...call, caller: '', address }, refusal);
    }
    clock.advance(60_000);
  }
  await audit.close();
  const all = await entries();
  // 300 at once, and one in 2 seconds; those of many addresses, and what was left at the end, besides.
  t.true(all.length < 300 + 300 + 1100, `${all.length} entries`);
  const told = all.reduce((sum, { method, message }) => sum + (method === 'attempts that were counted' ? Number(/^([\d,]+) more/.exec(message)![1]!.replaceAll(',', '')) : 1), 0); // oxfmt-ignore
  t.is(told, attempts);
  t.true(all.some(({ message }) => message.includes('from many addresses')));
});

test('what a caller sends is cut to what an entry holds', async (t) => {
  const { audit, entries } = await open(t);
  const long = `\ud800${'x'.repeat(100_000)}`;
  await audit.refused({ ...call, resource: long }, new DroverError(ErrorReason.NOT_FOUND, long));
  const [entry] = await entries();
  t.true(entry!.message.length <= 500 && entry!.resource.length <= 200);
});

test('addresses of one network count as one', (t) => {
  for (const [address, group] of [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0db8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['', ''],
  ])
    t.is(addressGroup(address!), group!);
});
