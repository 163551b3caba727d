// A coordinator whose name leads nowhere but through a proxy: real TLS, gRPC and CONNECT.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { create } from '@bufbuild/protobuf';
import test from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { AttachRequestSchema } from '../../gen/drover/v1/session_pb.ts';
import type { DroverError } from '../../lib/error.ts';
import { createClient } from './client.ts';
import { readCoordinatorFacts } from './coordinator-facts.ts';
import { wayTo } from './coordinator-way.ts';
import { join, renew } from './enroll.ts';
import { openFrameStream } from './frame-stream.ts';
import { PlayedCoordinator, playedName } from './played-coordinator.ts';

test('an agent joins, renews, asks and attaches through the proxy of the environment, and says so when it refuses', async (t) => {
  await using coordinator = await PlayedCoordinator.start();
  const { port } = coordinator.address;
  const asked: string[] = [];
  const credentials: (string | undefined)[] = [];
  let isOpen = true;
  const sockets: Socket[] = [];
  const proxy = createServer();
  proxy.on('connect', (request, socket: Socket) => {
    asked.push(request.url!);
    credentials.push(request.headers['proxy-authorization']);
    socket.on('error', () => undefined);
    if (!isOpen) return socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    const onward = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(onward).pipe(socket);
    });
    onward.on('error', () => socket.destroy());
    sockets.push(socket, onward);
    return undefined;
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });
  const proof = { joinToken: coordinator.joinToken };
  const direct = wayTo({ host: playedName, port }, {});
  const unheard = await t.throwsAsync<DroverError>(join({ address: direct, proof, displayName: 'one' })); // oxfmt-ignore
  t.is(unheard.reason, ErrorReason.UNAVAILABLE);
  t.deepEqual(asked, []);
  const HTTPS_PROXY = `http://ann:a%20b@127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const address = wayTo({ host: playedName, port }, { HTTPS_PROXY });
  const options = { address, proof, displayName: 'one' };
  const identity = await join(options);
  t.is(identity.agent, 'agents/one');
  t.is((await renew(identity, address)).agent, 'agents/one');
  const facts = await readCoordinatorFacts(address, identity.authority);
  t.true(Math.abs(facts.timeMs - Date.now()) < 60_000);
  const before = asked.length;
  const client = createClient(address, identity);
  t.teardown(() => client.close());
  const stream = openFrameStream(client, address);
  await stream.send(create(AttachRequestSchema, { frame: { case: 'hello', value: { slots: 3 } } }));
  const session = await coordinator.session();
  t.is(session.agent, 'one');
  t.is((await session.expect('hello')).slots, 3);
  session.welcome();
  const frames = stream.frames[Symbol.asyncIterator]();
  t.is((await frames.next()).value?.frame.case, 'welcome');
  t.is(asked.length, before + 1, 'a connection of its own');
  t.deepEqual([...new Set(asked)], [`${playedName}:${port}`]);
  t.deepEqual([...new Set(credentials)], [`Basic ${btoa('ann:a b')}`]);
  isOpen = false;
  // What goes through the proxy ends with it.
  for (const socket of sockets) socket.destroy();
  await t.throwsAsync<DroverError>(frames.next(), { message: new RegExp(playedName, 'v') });
  const refused = await t.throwsAsync<DroverError>(join(options));
  t.is(refused.reason, ErrorReason.UNAVAILABLE);
  t.regex(
    refused.message,
    /the proxy 127\.0\.0\.1:\d+, which HTTPS_PROXY names, .* does not connect/,
  );
});
