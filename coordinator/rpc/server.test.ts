// The port as strangers meet it: garbage, half-open connections, requests that are none, and the end.
import test from 'ava';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { pino } from 'pino';
import { AuditService } from '../../gen/drover/v1/audit_pb.ts';
import { TaskService } from '../../gen/drover/v1/task_pb.ts';
import { Health } from '../../gen/health/v1/health_pb.ts';
import { requestIdHeader } from './call-log.ts';
import { refusalOf } from './testing/refusal.ts';
import { runCoordinator, type RunningCoordinator } from './testing/running-coordinator.ts';

const port = ({ address }: RunningCoordinator) => Number(new URL(address).port);

/** Sends bytes and answers with all that comes back until the other end closes. */
async function exchange(socket: Socket, bytes: Uint8Array | string): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  // A connection that is reset has ended too.
  socket.on('error', () => {});
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.write(bytes);
  await closed;
  return Buffer.concat(chunks).toString('latin1');
}

async function openTls(running: RunningCoordinator, more: ConnectionOptions = {}) {
  const socket = connectTls({ port: port(running), ca: running.authority, servername: 'localhost', ...more }); // oxfmt-ignore
  await once(socket, 'secureConnect');
  return socket;
}

async function isServing({ client }: RunningCoordinator): Promise<boolean> {
  return (await client(Health, { token: '' }).check({})).status === 1;
}

test('bytes that are not TLS end their connection, and nothing else', async (t) => {
  const running = await runCoordinator(t);
  const garbage = [
    'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    randomBytes(100_000),
    Buffer.from([0x16, 0x03, 0x01, 0xff, 0xff, ...randomBytes(500)]),
  ];
  for (const bytes of garbage) {
    const socket = connectPlain(port(running));
    await once(socket, 'connect');
    await exchange(socket, bytes);
    t.true(await isServing(running));
  }
});

test('bytes that are not HTTP end their connection, and nothing else', async (t) => {
  const running = await runCoordinator(t);
  const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
  const frames = Buffer.concat([Buffer.from(preface), Buffer.alloc(9, 0xff), randomBytes(5000)]);
  const strangers: [bytes: Uint8Array | string, protocols: string[]][] = [
    [Buffer.concat([Buffer.from('\r\n\0'), randomBytes(1000)]), ['http/1.1']],
    [`GET / HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(200_000)}\r\n\r\n`, ['http/1.1']],
    [randomBytes(1000), ['h2']],
    [frames, ['h2']],
  ];
  for (const [bytes, ALPNProtocols] of strangers) {
    await exchange(await openTls(running, { ALPNProtocols }), bytes);
    t.true(await isServing(running));
  }
});

test('requests without a host, or with one that is none, are answered', async (t) => {
  const running = await runCoordinator(t);
  const path = '/drover.v1.TaskService/ListTasks';
  const body = 'Content-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}';
  for (const head of [`POST ${path} HTTP/1.0\r\n`, `POST ${path} HTTP/1.1\r\nHost: a b\r\n`])
    t.regex(await exchange(await openTls(running), `${head}${body}`), /^HTTP\/1.1 400 /);
  const unknown = 'GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
  t.regex(await exchange(await openTls(running), unknown), /^HTTP\/1.1 404 /);
  t.true(await isServing(running));
});

test('a message over the limit is refused, and so is a request that cannot be read', async (t) => {
  const running = await runCoordinator(t);
  const tasks = running.client(TaskService, { protocol: 'http1' });
  const large = tasks.getTask({ name: 'x'.repeat(16 * 1024 * 1024) });
  t.is((await refusalOf(large)).code, 'ResourceExhausted');
  const call = (body: string) =>
    `POST /drover.v1.TaskService/GetTask HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n` +
    `Authorization: Bearer ${running.adminToken}\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;
  for (const body of ['{', '[]', '{"name":5}', '{"name":"a","name":{}}']) {
    const answer = await exchange(await openTls(running), call(body));
    t.regex(answer, /^HTTP\/1.1 400 /);
    t.regex(answer, /invalid_argument/);
  }
  const long = running.client(TaskService).getTask({ name: 'x'.repeat(1024 * 1024) });
  t.deepEqual((await refusalOf(long)).fields, ['name']);
  t.true(await isServing(running));
});

test('JSON that holds half of a character is refused in each protocol, and no call stays without an answer', async (t) => {
  const running = await runCoordinator(t);
  const { adminToken, address, authority } = running;
  const call = async (method: string, type: string, body: Buffer): Promise<string> => {
    const session = connectHttp2(address, { ca: authority });
    t.teardown(() => session.destroy());
    const stream = session.request({ ':method': 'POST', ':path': method, 'content-type': type, te: 'trailers', authorization: `Bearer ${adminToken}` }); // oxfmt-ignore
    let answer = '';
    const take = (headers: object) => (answer += JSON.stringify(headers));
    stream.on('response', take).on('trailers', take).on('data', take);
    stream.setEncoding('utf8');
    stream.end(body);
    await once(stream, 'end');
    return answer;
  };
  const framed = (text: string) => {
    const body = Buffer.from(text);
    return Buffer.concat([Buffer.from([0, 0, 0, body.length >> 8, body.length & 255]), body]);
  };
  const [list, exported] = ['/drover.v1.TaskService/ListTasks', '/drover.v1.AuditService/ExportAudit']; // oxfmt-ignore
  const broken = [
    '😀',
    `{"pageSize": ${'😀'.repeat(20)}`,
    '{"pageSize":"\\ud83d"}',
    '{"\\uDE00":1}',
  ];
  for (const text of broken) {
    t.regex(await call(list, 'application/json', Buffer.from(text)), /"?:status"?:400/, text);
    for (const type of ['application/grpc+json', 'application/grpc-web+json'])
      for (const method of [list, exported])
        t.regex(
          await call(method, type, framed(text)),
          /grpc-status"?:\s*"?3/,
          `${method} ${text}`,
        );
  }
  const whole = '{"filter":"tags:\\ud83d\\ude00 OR tags:😀"}';
  t.regex(await call(list, 'application/grpc+json', framed(whole)), /grpc-status":"0/);
  t.true(await isServing(running));
});

test('the id of a call is in the header of its answer, in its line of the log and in its entry of the audit log', async (t) => {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>);
  const log = pino({ level: 'debug' }, { write });
  const { client } = await runCoordinator(t, undefined, undefined, {}, log);
  const ids: string[] = [];
  const onHeader = (header: Headers) => void ids.push(header.get(requestIdHeader)!);
  await client(Health, { token: '' }).check({}, { onHeader });
  const task = { source: '/from', destination: 'file:///to' };
  await client(TaskService).createTask({ task, taskId: 'a' }, { onHeader });
  const idOf = (rpc: string) => lines.find((line) => String(line['rpc']).endsWith(rpc))!['requestId']; // oxfmt-ignore
  t.deepEqual(ids, [idOf('Health/Check'), idOf('TaskService/CreateTask')]);
  const { entries } = await client(AuditService).listAuditEntries({});
  const made = entries.find(({ resource }) => resource === 'tasks/a');
  t.is(made!.requestId, ids[1]!);
  t.regex(ids[1]!, /^[0-9a-f]{16}$/);
});

test('closing does not wait for connections on which nothing is going on', async (t) => {
  const running = await runCoordinator(t);
  const half = connectPlain(port(running));
  await once(half, 'connect');
  const idle = connectHttp2(running.address, { ca: running.authority });
  await once(idle, 'remoteSettings');
  const http1 = await openTls(running);
  for (const end of [half, idle, http1]) end.on('error', () => {});
  const ends = [half, idle, http1].map(
    (end) => new Promise((resolve) => end.once('close', resolve)),
  );
  const startMs = performance.now();
  await running.coordinator.close();
  t.true(performance.now() - startMs < 2000);
  await Promise.all(ends);
  await t.throwsAsync(isServing(running));
});
