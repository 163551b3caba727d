// Access tokens: made, used, ended, revoked.
import test from 'ava';
import { durationFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { AccessTokenService } from '../../gen/drover/v1/access_token_pb.ts';
import { AgentService } from '../../gen/drover/v1/agent_pb.ts';
import { Role } from '../../gen/drover/v1/annotations_pb.ts';
import { CallerService } from '../../gen/drover/v1/caller_pb.ts';
import { ManualClock } from '../dispatch/testing/manual-clock.ts';
import { refusalOf } from './testing/refusal.ts';
import { runCoordinator, type RunningCoordinator } from './testing/running-coordinator.ts';

const dayMs = 24 * 60 * 60 * 1000;

async function createToken(
  { client }: RunningCoordinator,
  role: Role = Role.VIEWER,
  lifeMs?: number,
) {
  const expires = lifeMs === undefined ? {} : { expires: durationFromMs(lifeMs) };
  const made = await client(AccessTokenService).createAccessToken({
    displayName: 'CI',
    role,
    ...expires,
  });
  return { token: made.token, accessToken: made.accessToken! };
}

test('a token is shown once, works with its role, and is known by its name', async (t) => {
  const running = await runCoordinator(t);
  const { token, accessToken } = await createToken(running, Role.OPERATOR);
  const [, id] = /^drover-token-([a-z0-9]{12})-[A-Za-z0-9_-]{43}$/.exec(token) ?? [];
  t.is(accessToken.name, `accessTokens/${id}`);
  t.is(accessToken.creator, 'admin-token');
  const lifeMs = timestampMs(accessToken.expireTime!) - timestampMs(accessToken.createTime!);
  t.is(lifeMs, 90 * dayMs);
  const caller = await running.client(CallerService, { token }).getCaller({});
  t.like(caller, { caller: accessToken.name, role: Role.OPERATOR });
  t.deepEqual(caller.expireTime, accessToken.expireTime);
  const admin = await running.client(CallerService).getCaller({});
  t.like(admin, { caller: 'admin-token', role: Role.ADMIN, expireTime: undefined });
});

test('the secret is in no file of the data folder', async (t) => {
  const running = await runCoordinator(t);
  const { token } = await createToken(running);
  await running.client(CallerService, { token }).getCaller({});
  await running.coordinator.close();
  const secret = token.slice(-43);
  const files = readdirSync(running.dataFolder, { recursive: true, withFileTypes: true });
  for (const file of files.filter((one) => one.isFile())) {
    const content = readFileSync(path.join(file.parentPath, file.name));
    t.false(content.includes(secret), file.name);
  }
});

test('a token with another secret, or none, is not one', async (t) => {
  const running = await runCoordinator(t);
  const { token } = await createToken(running);
  const last = token.endsWith('A') ? 'B' : 'A';
  for (const wrong of [
    `${token.slice(0, -1)}${last}`,
    token.slice(0, -1),
    `${token}a`,
    token.slice(0, 25),
  ]) {
    // oxfmt-ignore
    const refusal = await refusalOf(running.client(CallerService, { token: wrong }).getCaller({}));
    t.is(refusal.code, 'Unauthenticated');
    t.regex(refusal.message, /does not know the access token/);
  }
});

test('what a token is asked for with is checked by field', async (t) => {
  const tokens = (await runCoordinator(t)).client(AccessTokenService);
  const good = { displayName: 'CI', role: Role.VIEWER };
  for (const [more, field] of [
    [{ displayName: ' ' }, 'display_name'],
    [{ displayName: 'a\nb' }, 'display_name'],
    [{ displayName: 'a'.repeat(101) }, 'display_name'],
    [{ role: Role.UNSPECIFIED }, 'role'],
    [{ role: 9 as Role }, 'role'],
    [{ expires: durationFromMs(-1) }, 'expires'],
    [{ expires: durationFromMs(0) }, 'expires'],
    [{ expires: durationFromMs(367 * dayMs) }, 'expires'],
  ] as const) {
    const refusal = await refusalOf(tokens.createAccessToken({ ...good, ...more }));
    t.deepEqual(refusal.fields, [field]);
  }
  t.deepEqual((await refusalOf(tokens.revokeAccessToken({ name: 'accessTokens/A' }))).fields, ['name']); // oxfmt-ignore
  const unknown = await refusalOf(tokens.revokeAccessToken({ name: 'accessTokens/aaaaaaaaaaaa' }));
  t.is(unknown.code, 'NotFound');
});

test('a token that was revoked is refused as what it is, and is not listed; to revoke it again does nothing', async (t) => {
  const running = await runCoordinator(t);
  const tokens = running.client(AccessTokenService);
  const [one, other] = [await createToken(running), await createToken(running)];
  const { name } = one.accessToken;
  await tokens.revokeAccessToken({ name });
  await tokens.revokeAccessToken({ name });
  const refusal = await refusalOf(running.client(CallerService, one).getCaller({}));
  t.is(refusal.code, 'Unauthenticated');
  t.regex(refusal.message, /^the access token CI \(accessTokens\/.*\) was revoked$/);
  const { accessTokens } = await tokens.listAccessTokens({});
  t.deepEqual(accessTokens.map((token) => token.name), [other.accessToken.name]); // oxfmt-ignore
});

test('lists come in pages, without those that were revoked', async (t) => {
  const running = await runCoordinator(t);
  const tokens = running.client(AccessTokenService);
  const names: string[] = [];
  for (let count = 0; count < 7; count += 1)
    names.push((await createToken(running)).accessToken.name);
  names.sort();
  await tokens.revokeAccessToken({ name: names[1]! });
  await tokens.revokeAccessToken({ name: names[6]! });
  const listed: string[][] = [];
  for (let pageToken = ''; ;) {
    const page = await tokens.listAccessTokens({ pageSize: 2, pageToken });
    listed.push(page.accessTokens.map(({ name }) => name));
    if ((pageToken = page.nextPageToken) === '') break;
  }
  t.deepEqual(listed, [[names[0], names[2]], [names[3], names[4]], [names[5]]] as string[][]);
});

test('a stream ends at once when its token is revoked, and when its time is over', async (t) => {
  const clock = new ManualClock(Date.now());
  const running = await runCoordinator(t, undefined, clock);
  await running.join('a');
  const revoked = await createToken(running);
  const ending = await createToken(running, Role.VIEWER, dayMs);
  const watch = async (token: string) => {
    const agents = running.client(AgentService, { token }).watchAgents({});
    const messages = agents[Symbol.asyncIterator]();
    await messages.next();
    return messages.next();
  };
  const [first, second] = [watch(revoked.token), watch(ending.token)];
  const third = running.client(AgentService).watchAgents({})[Symbol.asyncIterator]();
  await third.next();
  await running.client(AccessTokenService).revokeAccessToken({ name: revoked.accessToken.name });
  t.regex((await refusalOf(first)).message, /^accessTokens\/.* was revoked$/);
  clock.advance(dayMs + 1);
  t.regex(
    (await refusalOf(second)).message,
    /time of what accessTokens\/.* signed in with is over/,
  );
  const late = running.client(CallerService, ending).getCaller({});
  t.regex((await refusalOf(late)).message, /has expired; create another one/);
  await running.join('b');
  t.false((await third.next()).done, 'the stream of somebody else goes on');
});

test('when a token was last used is known to the minute, with one write a minute', async (t) => {
  const nowMs = Date.now();
  const start = nowMs - (nowMs % 60_000) - 30_000;
  const clock = new ManualClock(start);
  const running = await runCoordinator(t, undefined, clock);
  const { token, accessToken } = await createToken(running);
  t.is(accessToken.lastUseTime, undefined);
  const lastUse = async (): Promise<number> => {
    const { accessTokens } = await running.client(AccessTokenService).listAccessTokens({});
    const [{ lastUseTime } = { lastUseTime: undefined }] = accessTokens;
    return lastUseTime === undefined ? 0 : timestampMs(lastUseTime);
  };
  const use = async (expected: number) => {
    for (let call = 0; call < 5; call += 1)
      await running.client(CallerService, { token }).getCaller({});
    // It is written beside the call, not before its answer.
    while ((await lastUse()) < expected);
    t.is(await lastUse(), expected);
  };
  await use(start - 30_000);
  clock.advance(29_000);
  await use(start - 30_000);
  clock.advance(1000);
  await use(start + 30_000);
});
