// The three addresses, through real sockets.
import test from 'ava';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { request } from 'undici';
import type { Exchange, Handler } from '../http/exchange.ts';
import { ask, createClient, openTestDoor } from './test-door.ts';

const echo: Handler = async ({ method, url, target, headers, body }) => ({
  status: 200,
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({
    method,
    url: url.href,
    target,
    host: headers.host,
    body: await text(body),
  }),
});

/** Everything that a raw connection answers. */
async function exchangeRaw(port: number, sent: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(sent);
  return text(socket);
}

test('one certificate stands for localhost and for the real host names', async (t) => {
  const { url, ca, proxy, door } = await openTestDoor(t, { graph: echo, entra: echo });
  const direct = createClient(t, ca);
  const local = await ask(`${url}/v1.0/me?a=%20b`, { dispatcher: direct });
  t.like(JSON.parse(local.text), { url: `${url}/v1.0/me?a=%20b`, target: '/v1.0/me?a=%20b' });
  t.is(
    (await ask(`https://127.0.0.1:${door.tlsPort}/v1.0/me`, { dispatcher: direct })).status,
    200,
  );
  const proxied = createClient(t, ca, proxy);
  for (const host of [
    'graph.microsoft.com',
    'login.microsoftonline.com',
    'login.windows.net',
    'sts.windows.net',
    'contoso.sharepoint.com',
    'contoso-my.sharepoint.com',
  ]) {
    const answer = await ask(`https://${host}/x/y`, {
      dispatcher: proxied,
      method: 'PUT',
      body: host,
    });
    t.like(JSON.parse(answer.text), {
      url: `https://${host}/x/y`,
      host,
      body: host,
      method: 'PUT',
    });
  }
  const self = await ask(`${url}/v1.0/me`, { dispatcher: proxied });
  t.like(JSON.parse(self.text), { url: `${url}/v1.0/me` });
});

test('a client that does not know the authority is not served', async (t) => {
  const { url } = await openTestDoor(t);
  const error = await t.throwsAsync(ask(`${url}/v1.0/me`));
  t.regex((error as NodeJS.ErrnoException).code ?? '', /SELF_SIGNED|UNABLE_TO/);
});

test('the twin without TLS answers the same', async (t) => {
  const { http } = await openTestDoor(t, { graph: echo });
  const answer = await ask(`${http}/v1.0/drives`, { method: 'POST', body: 'a body' });
  t.like(JSON.parse(answer.text), { url: `${http}/v1.0/drives`, body: 'a body' });
  t.is(answer.headers['content-length'], String(Buffer.byteLength(answer.text)));
});

test('the proxy never leads out of the emulator', async (t) => {
  const { ca, proxy, door } = await openTestDoor(t);
  const proxied = createClient(t, ca, proxy);
  for (const address of [
    'https://example.com/',
    'https://sharepoint.com.example.com/',
    'https://a.b.sharepoint.com/',
    'https://graph.microsoft.com:8443/',
    'https://localhost:1/',
  ])
    await t.throwsAsync(ask(address, { dispatcher: proxied }), { message: /403/ }, address);
  const refusal = await exchangeRaw(
    door.proxyPort,
    'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n',
  );
  t.regex(refusal, /^HTTP\/1.1 403 .*leads to the emulator only: example.com:443/s);
  const plain = await exchangeRaw(
    door.proxyPort,
    'GET http://example.com/ HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n',
  );
  t.regex(plain, /^HTTP\/1.1 403 .*CONNECT only/s);
});

test('bytes that come right behind a CONNECT are not lost', async (t) => {
  const { door } = await openTestDoor(t, { graph: echo });
  const answer = await exchangeRaw(
    door.proxyPort,
    [
      `CONNECT graph.microsoft.com:80 HTTP/1.1\r\nHost: graph.microsoft.com:80\r\n\r\n`,
      'GET /v1.0/me HTTP/1.1\r\nHost: graph.microsoft.com\r\nConnection: close\r\n\r\n',
    ].join(''),
  );
  t.regex(answer, /200 Connection Established.*HTTP\/1.1 200 OK.*\/v1.0\/me/s);
});

test('garbage on a port hurts nobody', async (t) => {
  const { door, http, url, ca } = await openTestDoor(t);
  const garbage = Buffer.from(Array.from({ length: 4000 }, (_, i) => (i * 7919) % 256));
  for (const port of [door.tlsPort, door.httpPort, door.proxyPort]) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(garbage);
    await once(socket.resume(), 'close');
  }
  t.regex(await exchangeRaw(door.httpPort, 'HELO\r\n\r\n'), /^HTTP\/1.1 400/);
  t.regex(
    await exchangeRaw(door.httpPort, 'GET /a HTTP/1.1\r\nHost: [\r\nConnection: close\r\n\r\n'),
    /^HTTP\/1.1 400.*invalidRequest/s,
  );
  t.is((await ask(`${http}/v1.0/me`)).status, 200);
  t.is((await ask(`${url}/v1.0/me`, { dispatcher: createClient(t, ca) })).status, 200);
});

test('a handler that fails is a 500, and the connection goes on', async (t) => {
  const { http } = await openTestDoor(t, {
    graph: ({ target }) =>
      target === '/fail' ? Promise.reject(new Error('broken')) : Promise.resolve({ status: 204 }),
  });
  const failed = await ask(`${http}/fail`);
  t.is(failed.status, 500);
  t.like(JSON.parse(failed.text), { error: { code: 'generalException' } });
  t.notRegex(failed.text, /broken/);
  t.is((await ask(`${http}/well`)).status, 204);
});

test('a body that the handler does not want does not stop the connection', async (t) => {
  const { door } = await openTestDoor(t, {
    graph: async ({ target, body }) => {
      // The second stops in the middle, as a handler does that has seen enough.
      if (target === '/some') for await (const _chunk of body) break;
      return { status: 413, body: 'no' };
    },
  });
  const socket = connect(door.httpPort, '127.0.0.1');
  const size = 2 * 1024 * 1024;
  for (const [target, last] of [
    ['/none', ''],
    ['/some', ''],
    ['/end', 'Connection: close\r\n'],
  ] as const)
    socket.write(
      Buffer.concat([
        Buffer.from(
          `PUT ${target} HTTP/1.1\r\nHost: localhost\r\n${last}Content-Length: ${size}\r\n\r\n`,
        ),
        Buffer.alloc(size),
      ]),
    );
  const answers = await text(socket);
  t.is(answers.match(/HTTP\/1.1 413/g)?.length, 3);
});

test('a small body that nobody reads is out of the way of the next request', async (t) => {
  const { door } = await openTestDoor(t, { graph: () => Promise.resolve({ status: 204 }) });
  const put = (last: string) =>
    `PUT /a HTTP/1.1\r\nHost: localhost\r\n${last}Content-Length: 5\r\n\r\n12345`;
  const answers = await exchangeRaw(
    door.httpPort,
    put('') + put('') + put('Connection: close\r\n'),
  );
  t.is(answers.match(/HTTP\/1.1 204/g)?.length, 3);
});

test('a client that sends without end after it was refused is cut', async (t) => {
  const { door } = await openTestDoor(t, { graph: () => Promise.resolve({ status: 413 }) });
  const socket = connect(door.httpPort, '127.0.0.1');
  socket.on('error', () => {});
  socket.write('PUT /a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n');
  const [head] = (await once(socket, 'data')) as [Buffer];
  t.regex(head.toString(), /^HTTP\/1.1 413/);
  const size = 1024 * 1024;
  const chunk = Buffer.from(`${size.toString(16)}\r\n${'x'.repeat(size)}\r\n`);
  let sent = 0;
  while (!socket.closed && sent < 200) {
    sent += 1;
    await new Promise<void>((resolve) => socket.write(chunk, () => resolve()));
  }
  t.true(sent < 200, `${sent} MiB`);
});

test('a client that goes away in the middle of its body fails the reading of it', async (t) => {
  const failed = Promise.withResolvers<unknown>();
  const { door } = await openTestDoor(t, {
    graph: async ({ body }) => {
      await text(body).catch(failed.resolve);
      return { status: 200 };
    },
  });
  const socket = connect(door.httpPort, '127.0.0.1');
  socket.write('PUT /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nten bytes.', () =>
    socket.destroy(),
  );
  t.like(await failed.promise, { code: 'ECONNRESET' });
});

test('a reply is streamed, and its source let go when the client goes away', async (t) => {
  const released = Promise.withResolvers<void>();
  const { http, stats } = await openTestDoor(t, {
    graph: ({ target }) => {
      const endless = new Readable({
        read() {
          this.push(Buffer.alloc(64 * 1024));
        },
        destroy(error, callback) {
          released.resolve();
          callback(error);
        },
      });
      const short = Readable.from([Buffer.from('a'), 'b']);
      return Promise.resolve({ status: 200, body: target === '/endless' ? endless : short });
    },
  });
  t.is((await ask(`${http}/short`)).text, 'ab');
  t.is(stats.snapshot().bytesOut, 2);
  const { statusCode, body } = await request(`${http}/endless`);
  t.is(statusCode, 200);
  body.on('error', () => {}).destroy();
  await released.promise;
});

test('HEAD and bodiless statuses carry no body', async (t) => {
  const { http } = await openTestDoor(t, {
    graph: ({ target }) => Promise.resolve({ status: Number(target.slice(1)), body: 'text' }),
  });
  const head = await ask(`${http}/200`, { method: 'HEAD' });
  t.is(head.text, '');
  t.is(head.headers['content-length'], '4');
  const unchanged = await ask(`${http}/304`);
  t.deepEqual([unchanged.status, unchanged.text], [304, '']);
});

test('no reply comes sooner than the latency, and none blocks another', async (t) => {
  const { http } = await openTestDoor(t, { latencyMs: 200 });
  const started = performance.now();
  await Promise.all(Array.from({ length: 20 }, () => ask(`${http}/v1.0/me`)));
  const together = performance.now() - started;
  t.true(together >= 200, `${together} ms`);
  t.true(together < 20 * 200, `${together} ms`);
});

test('the control address is not delayed', async (t) => {
  const { http } = await openTestDoor(t, { latencyMs: 20_000 });
  t.is((await ask(`${http}/_emulator/stats`)).status, 200);
});

test('bandwidth holds in both directions', async (t) => {
  const { http } = await openTestDoor(t, {
    bandwidthBytesPerSecond: 1_000_000,
    graph: async ({ body }: Exchange) => ({ status: 200, body: await text(body) }),
  });
  const started = performance.now();
  const sent = 'x'.repeat(100_000);
  const answer = await ask(`${http}/v1.0/echo`, { method: 'PUT', body: sent });
  const took = performance.now() - started;
  t.is(answer.text.length, sent.length);
  t.true(took >= 195, `${took} ms`);
});

test('it ends with connections open: idle, busy, proxied and silent ones', async (t) => {
  const arrived = Promise.withResolvers<void>();
  const never: Handler = () => {
    arrived.resolve();
    return new Promise(() => {});
  };
  const { door, http, url, ca, proxy } = await openTestDoor(t, {
    graph: (exchange) => (exchange.target === '/never' ? never(exchange) : echo(exchange)),
  });
  const proxied = createClient(t, ca, proxy);
  await ask(`${url}/v1.0/me`, { dispatcher: createClient(t, ca) });
  await ask('https://graph.microsoft.com/v1.0/me', { dispatcher: proxied });
  const silent: Socket[] = [door.tlsPort, door.httpPort, door.proxyPort].map((port) =>
    connect(port, '127.0.0.1').on('error', () => {}),
  );
  await Promise.all(silent.map((socket) => once(socket, 'connect')));
  const busy = t.throwsAsync(ask(`${http}/never`));
  await arrived.promise;
  await door[Symbol.asyncDispose]();
  await busy;
  t.is(door.openConnections(), 0);
  await t.throwsAsync(ask(`${http}/v1.0/me`), { code: 'ECONNREFUSED' });
});

test('requests are counted by kind', async (t) => {
  const { http, stats } = await openTestDoor(t, { graph: echo });
  await ask(`${http}/v1.0/drives/d/items/i:/a:/createUploadSession`, {
    method: 'POST',
    body: '12345',
  });
  await ask(`${http}/_api/v2.0/drives/d/items/i/uploadSession?guid='x'`, {
    method: 'PUT',
    body: '1',
  });
  await ask(`${http}/common/oauth2/v2.0/token`, { method: 'POST', body: 'a=b' });
  t.like(stats.snapshot(), {
    requests: 3,
    methods: { POST: 2, PUT: 1 },
    classes: { createUploadSession: 1, uploadSession: 1, token: 1 },
    statuses: { 200: 3 },
  });
  t.true(stats.snapshot().bytesIn >= 6);
  stats.reset();
  t.is(stats.snapshot().requests, 0);
});
