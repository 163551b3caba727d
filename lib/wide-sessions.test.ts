import { once } from 'node:events';
import { createServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import { WideSessions, windowBytes } from './wide-sessions.ts';

test('a sender may go on for the whole window, on a stream and on the connection', async (t) => {
  const server = createServer();
  const heard = once(server, 'session') as Promise<[ServerHttp2Session]>;
  server.on('stream', (stream: ServerHttp2Stream) => stream.respond({ ':status': 200 }));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sessions = new WideSessions(
    `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    {},
  );
  t.teardown(async () => {
    (await heard)[0].destroy();
    server.close();
  });
  const answered = async () => {
    const stream = await sessions.request('GET', '/', {}, {});
    // At the end the connection is cut.
    stream.on('error', () => {});
    await once(stream, 'response');
  };
  await answered();
  const [session] = await heard;
  t.is(session.remoteSettings.initialWindowSize, windowBytes);
  // What comes after the first request is heard before the second one is answered.
  await answered();
  t.true(session.state.remoteWindowSize! >= windowBytes);
});
