// Clients that only take up room.
import { once } from 'node:events';
import { createSecureServer } from 'node:http2';
import { connect, type AddressInfo, type Socket } from 'node:net';
import test from 'ava';
import { createLog } from '../../lib/log.ts';
import { Connections } from './connections.ts';

test('one address has so many connections and no more, and has room again when some end', async (t) => {
  const server = createSecureServer();
  const connections = new Connections(server, createLog('test', 'silent'), 20);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sockets: Socket[] = [];
  t.teardown(() => {
    connections.cut();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const open = async () => {
    const socket = connect(port, '127.0.0.1');
    sockets.push(socket);
    socket.on('error', () => undefined);
    const accepted = once(server, 'connection');
    await accepted;
    return socket;
  };
  for (let count = 0; count < 20; count++) await open();
  const oneTooMany = await open();
  await once(oneTooMany, 'close');
  const first = sockets[0]!;
  t.false(first.destroyed);
  // The server hears of the end of the one before it takes the next.
  const ended = new Promise((resolve) => server.once('tlsClientError', resolve));
  first.destroy();
  await ended;
  const next = await open();
  next.write('not TLS');
  await once(server, 'tlsClientError');
  t.pass('it was listened to');
});
