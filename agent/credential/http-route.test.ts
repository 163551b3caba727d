import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import path from 'node:path';
import test from 'ava';
import { pino } from 'pino';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { systemClock } from '../../lib/time.ts';
import { createCredential } from './credential.ts';
import { sealedBox } from '../../lib/sealed-box.ts';
import { createDispatcher, type HttpRoute } from './http-route.ts';
import { clientId, PlayedEntra, rightSecret, tenantId } from './played-entra.ts';

const entra = PlayedEntra.start();
test.after.always(async () => (await entra)[Symbol.asyncDispose]());

const { signal } = new AbortController();

async function signIn(authorityUrl: string, http: HttpRoute): Promise<string> {
  await using credential = createCredential(
    {
      tenant: tenantId,
      clientId,
      credential: { kind: 'secret', secret: rightSecret },
      authorityUrl,
      graphUrl: 'https://graph.microsoft.com',
      cacheFile: undefined,
      http,
    },
    {
      log: pino({ level: 'silent' }),
      clock: systemClock,
      box: sealedBox(randomBytes(32)),
      showDeviceCode: () => {},
    },
  );
  return (await credential.accessToken('graph', { signal })).token;
}

/** A proxy that wants a name and password, and remembers where it was asked to go. */
async function startProxy() {
  const asked: string[] = [];
  const wanted = `Basic ${Buffer.from('ann:s3cret/').toString('base64')}`;
  const server: Server = createServer();
  server.on('connect', (request, socket, head) => {
    asked.push(request.url ?? '');
    if (request.headers['proxy-authorization'] !== wanted) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
      return;
    }
    const [host, port] = (request.url ?? '').split(':');
    const onward = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      onward.write(head);
      onward.pipe(socket).pipe(onward);
    });
    const end = () => {
      onward.destroy();
      socket.destroy();
    };
    onward.on('error', end).on('close', end);
    socket.on('error', end).on('close', end);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    asked,
    port,
    [Symbol.asyncDispose]: async () => {
      server.close();
      await once(server, 'close');
    },
  };
}

async function unreachable(authorityUrl: string, http: HttpRoute): Promise<string> {
  try {
    await signIn(authorityUrl, http);
  } catch (error) {
    if (error instanceof DroverError && error.reason === ErrorReason.SIGN_IN_UNREACHABLE)
      return error.message;
    throw error;
  }
  return 'it signed in';
}

test('the way leads through the proxy, except to hosts that are left out', async (t) => {
  const { authorityUrl, caFile, port } = await entra;
  await using proxy = await startProxy();
  const proxyUrl = `http://ann:s3cret%2F@127.0.0.1:${proxy.port}`;
  const through = { proxyUrl, caFile, noProxy: 'example.org' };
  t.truthy(await signIn(authorityUrl, through));
  t.deepEqual(new Set(proxy.asked), new Set([`localhost:${port}`]));
  const before = proxy.asked.length;
  t.truthy(await signIn(authorityUrl, { ...through, noProxy: 'example.org,localhost' }));
  t.is(proxy.asked.length, before);
});

test('a proxy that refuses or is not there is named, its password is not', async (t) => {
  const { authorityUrl, caFile } = await entra;
  await using proxy = await startProxy();
  const wrong = `http://ann:wr0ng@127.0.0.1:${proxy.port}`;
  const refused = await unreachable(authorityUrl, { proxyUrl: wrong, caFile, noProxy: undefined });
  t.regex(refused, /cannot be reached through the proxy 127\.0\.0\.1:\d+: .*407/);
  t.false(refused.includes('wr0ng'));
  const proxyUrl = 'http://ann:wr0ng@127.0.0.1:1';
  const gone = await unreachable(authorityUrl, { proxyUrl, caFile, noProxy: undefined });
  t.regex(gone, /through the proxy 127\.0\.0\.1:1: nothing listens there/);
});

const direct = { proxyUrl: undefined, caFile: undefined, noProxy: undefined };

test('a certificate authority that nobody trusts is said to be one', async (t) => {
  const { authorityUrl, port } = await entra;
  const said = await unreachable(authorityUrl, direct);
  t.regex(
    said,
    new RegExp(`localhost:${port} cannot be reached: its certificate comes from .*--ca-file`),
  );
});

test('no host, no listener, and no Entra ID are told apart', async (t) => {
  t.regex(await unreachable('https://nowhere.invalid', direct), /host name cannot be resolved/);
  t.regex(await unreachable('https://localhost:1', direct), /nothing listens there/);
});

test('a file without certificates is refused by name', async (t) => {
  const { folder } = await entra;
  for (const content of ['', '-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n']) {
    const caFile = path.join(folder, 'wrong.pem');
    writeFileSync(caFile, content);
    t.throws(() => createDispatcher({ ...direct, caFile }), { message: /--ca-file: .*wrong\.pem/ });
  }
  const caFile = path.join(folder, 'none.pem');
  t.throws(() => createDispatcher({ ...direct, caFile }), { message: /--ca-file: .*ENOENT/ });
});
