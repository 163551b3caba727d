// Processes that are started wrongly, or spoken to wrongly: each says what is wrong in words, and harms nobody.
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import path from 'node:path';
import { connect as connectTls } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { StartError } from '../scripts/local-process.ts';
import {
  createJoinToken,
  startAgent,
  startCoordinator,
  startEmulator,
} from '../scripts/local-stack.ts';
import { temporaryFolder } from './harness/folders.ts';
import { stackOf } from './harness/stack.ts';

/** Asserts that a process ends by itself with status 2 and words that hold the reason and no stack trace. */
async function assertRefused(t: ExecutionContext, start: Promise<unknown>, reason: string) {
  const error = await t.throwsAsync(start, { instanceOf: StartError });
  t.is(error?.exit?.code, 2, error?.message);
  t.true(error?.words.includes(reason), error?.words);
  t.false(/^\s+at /m.test(error?.words ?? ''), error?.words);
}

test('a port that is taken', async (t) => {
  const data = await temporaryFolder(t);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const listen = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  await assertRefused(t, startCoordinator({ data, listen }), 'ADDRESS_IN_USE');
});

test('a data folder that another coordinator uses, and one that another agent uses', async (t) => {
  const folder = await temporaryFolder(t);
  const stack = await stackOf(t, { folder });
  const { data } = stack.coordinator.ready;
  await assertRefused(t, startCoordinator({ data, name: 'second' }), 'DATA_FOLDER_LOCKED');
  await stack.startAgent();
  const agentData = path.join(folder, 'agent');
  const coordinator = stack.coordinator.ready;
  const second = startAgent({ data: agentData, coordinator, name: 'second' });
  await assertRefused(t, second, 'DATA_FOLDER_LOCKED');
  t.is((await stack.api.agents.listAgents({})).agents.length, 1);
});

test('an emulator: a port that is taken, a data folder that another one uses, wrong options', async (t) => {
  const data = await temporaryFolder(t);
  const emulator = await startEmulator({ data });
  t.teardown(() => emulator.stop());
  const listen = new URL(emulator.ready.url).host.replace('localhost', '127.0.0.1');
  const other = path.join(data, 'other');
  await assertRefused(t, startEmulator({ data: other, listen, name: 'second' }), 'ADDRESS_IN_USE');
  await assertRefused(t, startEmulator({ data, name: 'second' }), 'DATA_FOLDER_LOCKED');
  for (const [option, value] of [
    ['--latency', 'slow'],
    ['--faults', path.join(data, 'missing.json')],
    ['--session-expiry', '0'],
  ] as const)
    await assertRefused(t, startEmulator({ data: other, arguments: [option, value] }), option);
});

test('a sign-in of which something is missing or wrong', async (t) => {
  const folder = await temporaryFolder(t);
  const stack = await stackOf(t, { folder });
  const clientId = '00001111-aaaa-2222-bbbb-3333cccc4444';
  const both = { tenant: 'contoso.com', clientId };
  for (const [signIn, option] of [
    [{ tenant: 'contoso.com' }, '--client-id'],
    [{ clientId }, '--tenant'],
    [{ clientSecret: 'a secret' }, '--tenant'],
    [{ ...both, clientId: 'drover' }, '--client-id'],
    [{ ...both, clientSecretFile: path.join(folder, 'missing') }, '--client-secret-file'],
    [{ ...both, caFile: path.join(folder, 'missing') }, '--ca-file'],
    [{ ...both, graph: 'http://graph.microsoft.com' }, '--graph'],
  ] as const)
    await assertRefused(t, stack.startAgent({ signIn }), option);
});

test('join tokens that are wrong, used up, or of another coordinator', async (t) => {
  const folder = await temporaryFolder(t);
  const one = await stackOf(t, { folder: path.join(folder, 'one') });
  const other = await stackOf(t, { folder: path.join(folder, 'other') });
  let agents = 0;
  const join = (joinToken?: string) =>
    startAgent({
      data: path.join(folder, `agent ${(agents += 1)}`),
      coordinator: one.coordinator.ready,
      ...(joinToken === undefined ? {} : { joinToken }),
    });
  const token = await createJoinToken(one.api);
  const wrong = `${token.slice(0, -43)}${randomBytes(32).toString('base64url')}`;
  await assertRefused(t, join(wrong), 'JOIN_TOKEN_INVALID');
  await assertRefused(t, join('not a token'), 'JOIN_TOKEN_INVALID');
  await assertRefused(t, join(await createJoinToken(other.api)), 'COORDINATOR_MISMATCH');
  const joined = await join(token);
  t.teardown(() => joined.stop());
  await assertRefused(t, join(token), 'JOIN_TOKEN_USED');
  await assertRefused(t, join(), 'token');
});

test('garbage on the port', async (t) => {
  const folder = await temporaryFolder(t);
  const stack = await stackOf(t, { folder });
  const { hostname: host, port } = new URL(stack.coordinator.ready.address);
  const address = { host, port: Number(port) };
  const untilClosed = (socket: ReturnType<typeof connect>) =>
    new Promise<void>((resolve) => {
      socket.on('error', () => {});
      socket.on('close', () => resolve());
      socket.resume();
    });
  for (const garbage of [
    randomBytes(4096),
    Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
    Buffer.alloc(0),
  ]) {
    // prettier-ignore
    const socket = connect(address);
    socket.end(garbage);
    await untilClosed(socket);
  }
  const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  for (const garbage of [randomBytes(4096), Buffer.concat([preface, randomBytes(4096)])]) {
    const ALPNProtocols = ['h2'];
    const socket = connectTls({ ...address, rejectUnauthorized: false, ALPNProtocols }, () =>
      socket.end(garbage),
    );
    await untilClosed(socket);
  }
  // Whoever speaks properly is served as before.
  await stack.startAgent();
  t.is((await stack.api.agents.listAgents({})).agents.length, 1);
  const log = await readFile(stack.coordinator.logFile, 'utf8');
  t.false(/^\s+at |"level":60|uncaught/im.test(log), log);
});

test('options that are wrong are refused by name', async (t) => {
  const folder = await temporaryFolder(t);
  const data = path.join(folder, 'data');
  for (const [option, value] of [
    ['--listen', 'nowhere'],
    ['--lease-ttl', 'soon'],
    ['--log-level', 'loud'],
    ['--unknown-option', 'x'],
  ] as const) {
    const start = startCoordinator({ data, arguments: [option, value] });
    await assertRefused(t, start, option);
  }
});
