// A network that passes on, holds back and cuts.
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { ChaosProxy } from './chaos-proxy.ts';

/** A server that says everything again, and a client that reaches it through the proxy. */
async function scene(t: ExecutionContext) {
  const server = createServer({ allowHalfOpen: true }, (socket) =>
    socket.on('error', () => {}).pipe(socket),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const target = { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
  const proxy = await ChaosProxy.listen(target);
  t.teardown(async () => {
    await proxy[Symbol.asyncDispose]();
    server.close();
  });
  const client = connect(proxy.port, '127.0.0.1');
  client.on('error', () => {});
  t.teardown(() => client.destroy());
  await once(client, 'connect');
  return { proxy, client };
}

async function said(client: Socket, text: string): Promise<string> {
  client.write(text);
  const [chunk] = (await once(client, 'data')) as [Buffer];
  return chunk.toString();
}

test('what is sent passes, in both directions', async (t) => {
  const { client } = await scene(t);
  t.is(await said(client, 'one'), 'one');
  const big = Buffer.alloc(4 * 1024 * 1024, 'x');
  client.end(big);
  const chunks: Buffer[] = [];
  for await (const chunk of client as AsyncIterable<Buffer>) chunks.push(chunk);
  t.is(Buffer.compare(Buffer.concat(chunks), big), 0);
});

test('what is held arrives when it is released, and not before', async (t) => {
  const { proxy, client } = await scene(t);
  t.is(await said(client, 'one'), 'one');
  proxy.hold();
  let isReleased = false;
  const answer = said(client, 'two').then((text) => ({ text, isReleased }));
  // A connection that begins meanwhile is held, too.
  const late = connect(proxy.port, '127.0.0.1');
  t.teardown(() => late.destroy());
  const lateAnswer = said(late, 'late').then((text) => ({ text, isReleased }));
  await new Promise((resolve) => setTimeout(resolve, 100));
  isReleased = true;
  proxy.release();
  t.deepEqual(await answer, { text: 'two', isReleased: true });
  t.deepEqual(await lateAnswer, { text: 'late', isReleased: true });
});

test('a cut ends connections, and new ones are taken', async (t) => {
  const { proxy, client } = await scene(t);
  t.is(await said(client, 'one'), 'one');
  const closed = new Promise((resolve) => client.once('close', resolve));
  t.is(proxy.cut(), 1);
  await closed;
  const next = connect(proxy.port, '127.0.0.1');
  t.teardown(() => next.destroy());
  t.is(await said(next, 'again'), 'again');
});
