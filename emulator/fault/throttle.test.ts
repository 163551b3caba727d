// The arithmetic of throttling, and its way into answers.
import test from 'ava';
import { Readable } from 'node:stream';
import type { Exchange } from '../http/exchange.ts';
import { ask, openTestDoor } from '../front/test-door.ts';
import { charge, dayMs, unusedState, type ThrottleLimits, type ThrottleState } from './throttle.ts';

const perMinute: ThrottleLimits = {
  unitsPerMinute: 10,
  unitsPerDay: undefined,
  countRefused: true,
};

/** Charges one after the other and answers the verdicts without their states. */
function series(limits: ThrottleLimits, calls: [units: number, nowMs: number][]) {
  let state: ThrottleState = unusedState;
  return calls.map(([units, nowMs]) => {
    const { state: next, ...verdict } = charge(state, units, nowMs, limits);
    state = next;
    return { ...verdict, used: [state.minute.usedUnits, state.day.usedUnits] };
  });
}

test('a minute begins with the first call after the last one ended', (t) => {
  t.deepEqual(
    series(perMinute, [
      [5, 1000],
      [2, 2000],
      [1, 30_000],
      [2, 60_999],
      [1, 60_999],
      [10, 61_000],
      [1, 150_000],
    ]),
    [
      { headers: {}, used: [5, 5] },
      { headers: {}, used: [7, 7] },
      { headers: rateLimit(10, 2, 31), used: [8, 8] },
      { headers: rateLimit(10, 0, 1), used: [10, 10] },
      { headers: rateLimit(10, 0, 1), retryAfterSeconds: 1, used: [11, 11] },
      { headers: rateLimit(10, 0, 60), used: [10, 21] },
      { headers: {}, used: [1, 22] },
    ],
  );
});

test('refused calls count, or not', (t) => {
  const calls: [number, number][] = [
    [9, 0],
    [2, 0],
    [1, 0],
  ];
  t.deepEqual(
    series(perMinute, calls).map(({ retryAfterSeconds, used }) => [retryAfterSeconds, used[0]]),
    [
      [undefined, 9],
      [60, 11],
      [60, 12],
    ],
  );
  t.deepEqual(
    series({ ...perMinute, countRefused: false }, calls).map(({ retryAfterSeconds, used }) => [
      retryAfterSeconds,
      used[0],
    ]),
    [
      [undefined, 9],
      [60, 9],
      [undefined, 10],
    ],
  );
});

test("the day's limit refuses until the day ends, without RateLimit headers", (t) => {
  const limits = { unitsPerMinute: 10, unitsPerDay: 12, countRefused: false };
  const verdicts = series(limits, [
    [10, 0],
    [2, 60_000],
    [1, 61_000],
    [1, dayMs],
  ]);
  t.deepEqual(
    verdicts.map(({ retryAfterSeconds }) => retryAfterSeconds),
    [undefined, undefined, (dayMs - 61_000) / 1000, undefined],
  );
  t.deepEqual(verdicts[2]?.headers, {});
});

test('without limits nothing is refused or announced', (t) => {
  const limits = { unitsPerMinute: undefined, unitsPerDay: undefined, countRefused: true };
  t.deepEqual(series(limits, [[1e9, 0]]), [{ headers: {}, used: [1e9, 1e9] }]);
});

test('answers carry it, by application; sign-in and control cost nothing', async (t) => {
  let now = 0;
  const { http } = await openTestDoor(t, {
    throttle: { unitsPerMinute: 5 },
    now: () => now,
    graph: ({ url }) =>
      Promise.resolve({
        status: 200,
        body: JSON.stringify({
          uploadUrl: `https://127.0.0.1:1${url.pathname.replace(':/c.txt:/createUploadSession', '/uploadSession')}?guid=1`,
        }),
      }),
  });
  const token = (app: string) => ({
    authorization: `Bearer e30.${Buffer.from(JSON.stringify({ appid: app })).toString('base64url')}.x`,
  });
  const call = async (path: string, app?: string, method: 'GET' | 'POST' | 'PUT' = 'GET') => {
    const headers = app === undefined ? {} : token(app);
    const { status, headers: got, text } = await ask(http + path, { method, headers });
    return { status, left: got['ratelimit-remaining'], wait: got['retry-after'], text };
  };
  for (let i = 0; i < 10; i += 1) {
    t.is((await call('/common/oauth2/v2.0/token', 'a', 'POST')).status, 200);
    t.is((await call('/_emulator/stats', 'a')).status, 200);
  }
  t.like(await call('/v1.0/me', 'a'), { status: 200, left: undefined });
  const session = '/v1.0/drives/d/items/i:/c.txt:/createUploadSession';
  t.like(await call(session, 'a', 'POST'), { status: 200, left: undefined });
  // The session belongs to the application that opened it.
  t.like(await call('/v1.0/drives/d/items/i/uploadSession?guid=1', undefined, 'PUT'), {
    status: 200,
    left: '0',
  });
  now = 20_500;
  const refused = await call('/v1.0/me', 'a');
  t.like(refused, { status: 429, left: '0', wait: '40' });
  t.like(JSON.parse(refused.text), {
    error: { code: 'activityLimitReached', innerError: { code: 'throttledRequest' } },
  });
  t.like(await call('/v1.0/me', 'b'), { status: 200, left: undefined });
  t.like(await call('/v1.0/drives/d/items/other/uploadSession?guid=2', undefined, 'PUT'), {
    status: 200,
  });
  now = 60_000;
  t.like(await call('/v1.0/me', 'a'), { status: 200, left: undefined });
});

test('a batch is paid for by the calls within it, each by itself', async (t) => {
  const door = await openTestDoor(t, {
    throttle: { unitsPerMinute: 3 },
    graph: async ({ url }) => {
      if (!url.pathname.endsWith('$batch')) return { status: 200 };
      const calls = Array.from({ length: 3 }, () => door.answerInner(innerCall));
      const statuses = (await Promise.all(calls)).map(({ status }) => status);
      return { status: 200, body: JSON.stringify(statuses) };
    },
  });
  const answer = await ask(`${door.http}/v1.0/$batch`, { method: 'POST', body: '{}' });
  t.is(answer.text, '[200,429,429]');
});

const innerCall: Exchange = {
  method: 'PATCH',
  target: '/v1.0/drives/d/items/i',
  url: new URL('https://graph.microsoft.com/v1.0/drives/d/items/i'),
  headers: {},
  body: Readable.from([]),
  effects: {},
};

function rateLimit(limit: number, remaining: number, reset: number) {
  return {
    'RateLimit-Limit': String(limit),
    'RateLimit-Remaining': String(remaining),
    'RateLimit-Reset': String(reset),
  };
}
