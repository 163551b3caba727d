// Processes that belong together and are started wrongly, or spoken to wrongly: each says what is wrong in words, and harms nobody. What
// one of them refuses by itself is tested beside it.
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect as connectTls } from 'node:tls';
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import { StartError } from '../scripts/local-process.ts';
import { createJoinToken, startAgent } from '../scripts/local-stack.ts';
import { Stack } from './harness/stack.ts';

const test = anyTest as TestFn;
const stops: (() => Promise<unknown>)[] = [];
let folder: string;
let stack: Stack;

test.before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'drover-test-'));
  stops.push(() => rm(folder, { recursive: true, force: true }));
  stack = await Stack.start({ folder }, (stop) => stops.push(stop));
});

test.after.always(async () => {
  for (const stop of stops.toReversed()) await stop();
});

/** Asserts that a process ends by itself with status 2 and words that hold the reason and no stack trace. */
async function assertRefused(t: ExecutionContext, start: Promise<unknown>, reason: string) {
  const error = await t.throwsAsync(start, { instanceOf: StartError });
  t.is(error?.exit?.code, 2, error?.message);
  t.true(error?.words.includes(reason), error?.words);
  t.false(/^\s+at /m.test(error?.words ?? ''), error?.words);
}

test.serial('a data folder that another agent uses', async (t) => {
  await stack.startAgent();
  const data = path.join(folder, 'agent');
  const coordinator = stack.coordinator.ready;
  await assertRefused(t, startAgent({ data, coordinator, name: 'second' }), 'DATA_FOLDER_LOCKED');
  t.is((await stack.api.agents.listAgents({})).agents.length, 1);
});

test.serial('join tokens that are wrong, used up, or of another coordinator', async (t) => {
  let agents = 0;
  const join = (joinToken: string) =>
    startAgent({
      data: path.join(folder, `joining ${(agents += 1)}`),
      coordinator: stack.coordinator.ready,
      joinToken,
    });
  const token = await createJoinToken(stack.api);
  const wrong = `${token.slice(0, -43)}${randomBytes(32).toString('base64url')}`;
  await assertRefused(t, join(wrong), 'JOIN_TOKEN_INVALID');
  await assertRefused(t, join('not a token'), 'JOIN_TOKEN_INVALID');
  // The fingerprint of another authority.
  const elsewhere = token.replace(/drover-join-.{8}/, 'drover-join-00000000');
  await assertRefused(t, join(elsewhere), 'COORDINATOR_MISMATCH');
  const joined = await join(token);
  t.teardown(() => joined.stop());
  await assertRefused(t, join(token), 'JOIN_TOKEN_USED');
});

test.serial('garbage on the port', async (t) => {
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
    // oxfmt-ignore
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
  const { ready } = await stack.startAgent({ name: 'proper' });
  const { agents } = await stack.api.agents.listAgents({});
  t.true(agents.some(({ name }) => name === ready.agent));
  const log = await readFile(stack.coordinator.logFile, 'utf8');
  t.false(/^\s+at |"level":60|uncaught/im.test(log), log);
});
