// Every kind of fault, as a client meets it.
import test from 'ava';
import { text } from 'node:stream/consumers';
import { request } from 'undici';
import type { Exchange, Handler } from '../http/exchange.ts';
import { ask, openTestDoor } from '../front/test-door.ts';
import type { Fault } from './rule.ts';

const fragment = "/_api/v2.0/drives/d/items/i/uploadSession?guid='1'";

/** A handler that keeps what it got, and answers how much it was. */
function keeper() {
  const kept: { target: string; body: string; effects: Exchange['effects'] }[] = [];
  const handler: Handler = async ({ target, body, effects }) => {
    const whole = await text(body);
    kept.push({ target, body: whole, effects });
    return { status: 201, body: `got ${whole.length}` };
  };
  return { kept, handler };
}

const answered: [name: string, fault: Fault, status: number, error: object][] = [
  ['status', { kind: 'status', status: 502 }, 502, { code: 'UnknownError' }],
  [
    'status with codes',
    { kind: 'status', status: 409, code: 'resourceModified' },
    409,
    {
      code: 'resourceModified',
      message: 'The resource has changed since the caller last read it; usually an eTag mismatch',
    },
  ],
  [
    'throttle',
    { kind: 'throttle' },
    429,
    { code: 'activityLimitReached', innerError: { code: 'throttledRequest' } },
  ],
  ['unavailable', { kind: 'unavailable' }, 503, { code: 'serviceNotAvailable' }],
  [
    'locked',
    { kind: 'locked' },
    423,
    { code: 'notAllowed', innerError: { code: 'resourceLocked' } },
  ],
  [
    'etagMismatch',
    { kind: 'etagMismatch' },
    412,
    { code: 'resourceModified', innerError: { code: 'entityTagDoesNotMatch' } },
  ],
  [
    'quotaExceeded',
    { kind: 'quotaExceeded' },
    507,
    { code: 'quotaLimitReached', message: 'Insufficient Space Available' },
  ],
  [
    'expiredToken',
    { kind: 'expiredToken' },
    401,
    { code: 'unauthenticated', innerError: { code: 'expiredToken' } },
  ],
];

for (const [name, fault, status, error] of answered)
  test(`${name}: answered as Graph words it, and nothing is done`, async (t) => {
    const { kept, handler } = keeper();
    const { http, faults } = await openTestDoor(t, {
      graph: handler,
      rules: [{ name: 'it', times: 1, fault }],
    });
    const answer = await ask(http + fragment, { method: 'PUT', body: 'x'.repeat(100_000) });
    t.is(answer.status, status);
    t.like(JSON.parse(answer.text), { error });
    t.truthy(answer.headers['request-id']);
    t.is(answer.headers['retry-after'], undefined);
    t.is(kept.length, 0);
    t.is((await ask(http + fragment, { method: 'PUT', body: 'again' })).text, 'got 5');
    t.like(faults.list(), [{ name: 'it', matches: 2, hits: 1 }]);
  });

test('an expired token is worded by the service that refuses it', async (t) => {
  const { http } = await openTestDoor(t, { rules: [{ fault: { kind: 'expiredToken' } }] });
  t.like(JSON.parse((await ask(`${http}/v1.0/me`)).text), {
    error: { code: 'InvalidAuthenticationToken' },
  });
});

test('sign-in fails as Entra ID words it', async (t) => {
  const { http } = await openTestDoor(t, { rules: [{ fault: { kind: 'unavailable' } }] });
  const answer = await ask(`${http}/contoso.com/oauth2/v2.0/token`, { method: 'POST', body: '' });
  t.is(answer.status, 503);
  t.like(JSON.parse(answer.text), { error: 'temporarily_unavailable', error_codes: [90033] });
});

test('a status can have any body and headers', async (t) => {
  const headers = { 'X-Reason': 'test' };
  const { http } = await openTestDoor(t, {
    rules: [
      { nth: 1, fault: { kind: 'status', status: 503, body: '<html>busy</html>', headers } },
      { nth: 2, fault: { kind: 'status', status: 200, body: { id: 1 } } },
    ],
  });
  const first = await ask(`${http}/v1.0/me`);
  t.deepEqual(
    [first.status, first.text, first.headers['x-reason']],
    [503, '<html>busy</html>', 'test'],
  );
  t.is((await ask(`${http}/v1.0/me`)).text, '{"id":1}');
});

test('Retry-After comes as whole seconds, as a fraction, as a date, or not at all', async (t) => {
  const { http } = await openTestDoor(t, {
    rules: [
      { nth: 1, fault: { kind: 'throttle', retryAfter: 7 } },
      { nth: 2, fault: { kind: 'throttle', retryAfter: 2.128, status: 503 } },
      { nth: 3, fault: { kind: 'throttle', retryAfter: 30, retryAfterAs: 'http-date' } },
      { nth: 4, fault: { kind: 'unavailable', retryAfter: 3 } },
    ],
  });
  const next = async () => {
    const { status, headers } = await ask(`${http}/v1.0/me`);
    return [status, headers['retry-after']];
  };
  t.deepEqual(await next(), [429, '7']);
  t.deepEqual(await next(), [503, '2.128']);
  const [status, date] = await next();
  t.is(status, 429);
  const inMs = Date.parse(String(date)) - Date.now();
  t.true(inMs > 25_000 && inMs <= 31_000, String(date));
  t.deepEqual(await next(), [503, '3']);
});

test('gatewayTimeoutAfterStore: the request is carried out, the answer lost', async (t) => {
  const { kept, handler } = keeper();
  const { http } = await openTestDoor(t, {
    graph: handler,
    rules: [{ fault: { kind: 'gatewayTimeoutAfterStore' } }],
  });
  t.is((await ask(http + fragment, { method: 'PUT', body: 'stored' })).status, 504);
  t.like(kept, [{ body: 'stored' }]);
});

test('reset: the connection is cut in place of the reply, or in the body', async (t) => {
  const { kept, handler } = keeper();
  const seen = Promise.withResolvers<number>();
  const { http, stats } = await openTestDoor(t, {
    graph: async (exchange) => {
      if (exchange.target !== '/body') return handler(exchange);
      let bytes = 0;
      try {
        for await (const chunk of exchange.body as AsyncIterable<Buffer>) bytes += chunk.length;
      } finally {
        seen.resolve(bytes);
      }
      return { status: 200 };
    },
    rules: [
      { path: '^/reply', fault: { kind: 'reset' } },
      { path: '^/body', fault: { kind: 'reset', afterBytes: 300_000 } },
      { path: '^/short', fault: { kind: 'reset', afterBytes: 300_000 } },
    ],
  });
  const cut = { code: /ECONNRESET|UND_ERR_SOCKET|EPIPE/ };
  const failure = async (path: string, body: string) =>
    ((await t.throwsAsync(ask(http + path, { method: 'PUT', body }))) as NodeJS.ErrnoException)
      .code ?? '';
  t.regex(await failure('/reply', 'carried out'), cut.code);
  t.like(kept, [{ body: 'carried out' }]);
  t.regex(await failure('/body', 'x'.repeat(1_000_000)), cut.code);
  t.is(await seen.promise, 300_000);
  t.regex(await failure('/short', 'x'), cut.code);
  t.is(stats.snapshot().unanswered, 3);
  t.deepEqual(stats.snapshot().statuses, {});
});

test('slowDrip: the reply trickles, whole', async (t) => {
  const { http } = await openTestDoor(t, {
    graph: () => Promise.resolve({ status: 200, body: 'x'.repeat(30_000) }),
    rules: [{ fault: { kind: 'slowDrip', bytesPerSecond: 100_000, afterBytes: 10_000 } }],
  });
  const started = performance.now();
  const { body } = await request(`${http}/v1.0/me`);
  let pieces = 0;
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    pieces += 1;
    bytes += chunk.length;
  }
  const took = performance.now() - started;
  t.is(bytes, 30_000);
  t.true(took >= 195, `${took} ms`);
  t.true(pieces > 1);
});

test('slowDrip: the request is read slowly, whole', async (t) => {
  const { kept, handler } = keeper();
  const { http } = await openTestDoor(t, {
    graph: handler,
    rules: [{ fault: { kind: 'slowDrip', bytesPerSecond: 1_000_000, on: 'request' } }],
  });
  const started = performance.now();
  const body = 'x'.repeat(200_000);
  await ask(`${http}/v1.0/me`, { method: 'PUT', body });
  const took = performance.now() - started;
  t.is(kept[0]?.body.length, 200_000);
  t.true(took >= 195, `${took} ms`);
});

test('stall: nothing is done and nothing comes, until the client gives up', async (t) => {
  const { kept, handler } = keeper();
  const { http, stats, faults } = await openTestDoor(t, {
    graph: handler,
    rules: [{ times: 1, fault: { kind: 'stall' } }],
  });
  const error = await t.throwsAsync(
    ask(`${http}/v1.0/me`, { method: 'PUT', body: 'x', headersTimeout: 100 }),
  );
  t.is((error as NodeJS.ErrnoException).code, 'UND_ERR_HEADERS_TIMEOUT');
  t.is(kept.length, 0);
  t.is(faults.list()[0]?.hits, 1);
  t.is((await ask(`${http}/v1.0/me`, { method: 'PUT', body: 'x' })).status, 201);
  t.is(stats.snapshot().unanswered, 1);
});

test('notFoundOnce: each address is not there at first', async (t) => {
  const { handler } = keeper();
  const { http } = await openTestDoor(t, {
    graph: handler,
    rules: [{ path: 'uploadSession', fault: { kind: 'notFoundOnce', hits: 2 } }],
  });
  const put = async (guid: number) => {
    const address = `${http}/_api/v2.0/drives/d/items/i/uploadSession?guid='${guid}'`;
    const { status, text: body } = await ask(address, { method: 'PUT', body: 'x' });
    return status === 404 ? JSON.parse(body).error.innerError.code : status;
  };
  const missing = 'uploadSessionNotFound';
  t.deepEqual(
    [await put(1), await put(2), await put(1), await put(1), await put(2), await put(2)],
    [missing, missing, missing, 201, missing, 201],
  );
});

test('the faults that only the handler can play are handed to it, together', async (t) => {
  const { kept, handler } = keeper();
  const { http } = await openTestDoor(t, {
    graph: handler,
    rules: [
      { fault: { kind: 'rewriteOffice' } },
      { fault: { kind: 'lateListing', ms: 1500 } },
      { fault: { kind: 'missingHash' } },
      { fault: { kind: 'sessionLost' } },
    ],
  });
  await ask(http + fragment, { method: 'PUT', body: 'x' });
  t.deepEqual(kept[0]?.effects, {
    rewriteOffice: true,
    hideYoungerThanMs: 1500,
    omitHash: true,
    loseSession: true,
  });
});

test('control calls meet no faults', async (t) => {
  const { http } = await openTestDoor(t, { rules: [{ fault: { kind: 'locked' } }] });
  t.is((await ask(`${http}/_emulator/faults`)).status, 200);
  t.is((await ask(`${http}/v1.0/me`)).status, 423);
});
