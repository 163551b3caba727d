// Who may call what: every method of the schema, called by everyone.
import test, { type ExecutionContext } from 'ava';
import type { DescMethod, DescService } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { connect as connectHttp2 } from 'node:http2';
import { apiFiles } from '../../gen/api.ts';
import { AccessTokenService } from '../../gen/drover/v1/access_token_pb.ts';
import { Role } from '../../gen/drover/v1/annotations_pb.ts';
import { EnrollmentService } from '../../gen/drover/v1/session_pb.ts';
import { TaskService } from '../../gen/drover/v1/task_pb.ts';
import { ErrorInfoSchema } from '../../gen/google/rpc/error_details_pb.ts';
import { Health } from '../../gen/health/v1/health_pb.ts';
import { accessOf } from './caller.ts';
import { refusalOf } from './testing/refusal.ts';
import {
  createRequest,
  runCoordinator,
  type ClientOptions,
  type RunningCoordinator,
} from './testing/running-coordinator.ts';

const methods = apiFiles.flatMap(({ services }) => services).flatMap((service) => service.methods);
const protocols = ['grpc', 'connect', 'http1'] as const;

type Who = 'nobody' | 'viewer' | 'operator' | 'admin' | 'agent';
const roles: Partial<Record<Who, Role>> = {
  viewer: Role.VIEWER,
  operator: Role.OPERATOR,
  admin: Role.ADMIN,
};

/** What the annotation says of a call: the reason that it is refused with, or undefined when it is let through. */
function refusalByAnnotation(method: DescMethod, who: Who): string | undefined {
  const allowed = accessOf(method);
  if (allowed.case === 'anyone') return undefined;
  if (who === 'nobody') return 'UNAUTHENTICATED';
  if (allowed.case === 'agent') return who === 'agent' ? undefined : 'PERMISSION_DENIED';
  const mayCall = allowed.case === 'role' && (roles[who] ?? Role.UNSPECIFIED) >= allowed.value;
  return mayCall ? undefined : 'PERMISSION_DENIED';
}

async function credentials(running: RunningCoordinator): Promise<Record<Who, ClientOptions>> {
  const tokens = running.client(AccessTokenService);
  const withRole = async (role: Role): Promise<ClientOptions> => {
    const { token } = await tokens.createAccessToken({ displayName: 'test', role });
    return { token };
  };
  return {
    nobody: { token: '' },
    viewer: await withRole(Role.VIEWER),
    operator: await withRole(Role.OPERATOR),
    admin: {},
    agent: { token: '', identity: (await running.join('a')).identity },
  };
}

type AnyClient = Record<string, (request: unknown) => Promise<unknown> & AsyncIterable<unknown>>;

/** How the call of a method without anything in its request ended: a reason, a code where there is none, or OK. */
async function call(
  clientOf: (service: DescService) => AnyClient,
  method: DescMethod,
): Promise<{ code: Code | undefined; reason: string }> {
  const invoke = clientOf(method.parent)[method.localName]!;
  try {
    if (method.methodKind === 'unary') await invoke({});
    // Every stream that is open to somebody has something to say, since there is an agent.
    else for await (const _ of invoke(request(method))) break;
    return { code: undefined, reason: 'OK' };
  } catch (thrown) {
    if (!(thrown instanceof ConnectError)) throw thrown;
    const reason = thrown.findDetails(ErrorInfoSchema)[0]?.reason ?? Code[thrown.code];
    return { code: thrown.code, reason };
  }
}

function request({ methodKind }: DescMethod): unknown {
  return methodKind === 'server_streaming' ? {} : (async function* () {})();
}

for (const protocol of protocols)
  test(`every method is open to those its annotation names, and to nobody else, over ${protocol}`, async (t) => {
    t.timeout(120_000);
    const running = await runCoordinator(t, undefined, undefined, { callsPerSecond: 0 });
    const everyone = Object.entries(await credentials(running)).map(([who, options]) => {
      const clients = new Map<DescService, AnyClient>();
      const clientOf = (service: DescService): AnyClient => {
        const given = { ...options, protocol };
        const client = clients.get(service) ?? (running.client(service, given) as unknown as AnyClient); // oxfmt-ignore
        clients.set(service, client);
        return client;
      };
      return [who as Who, clientOf] as const;
    });
    for (const method of methods)
      for (const [who, clientOf] of everyone) {
        // HTTP/1.1 carries no stream in both directions.
        if (protocol === 'http1' && method.methodKind === 'bidi_streaming') continue;
        const { code, reason } = await call(clientOf, method);
        const expected = refusalByAnnotation(method, who);
        const what = `${who} calls ${method.parent.typeName}/${method.name}: ${reason}`;
        if (expected !== undefined) t.is(reason, expected, what);
        else {
          t.false(['UNAUTHENTICATED', 'PERMISSION_DENIED'].includes(reason), what);
          t.false(code === Code.Internal || code === Code.Unknown || code === Code.Unimplemented, what); // oxfmt-ignore
        }
      }
  });

test('who has too little of a role is told the one it has and the one it needs', async (t) => {
  const running = await runCoordinator(t);
  const { viewer } = await credentials(running);
  const refusal = await refusalOf(running.client(TaskService, viewer).deleteTask({ name: 'tasks/a' })); // oxfmt-ignore
  t.is(refusal.code, 'PermissionDenied');
  t.regex(
    refusal.message,
    /^accessTokens\/[a-z0-9]{12} has the role viewer; drover\.v1\.TaskService\/DeleteTask needs the role operator$/,
  );
});

test('credentials that are not good are refused, and repeated in no message', async (t) => {
  const running = await runCoordinator(t);
  const right = running.adminToken;
  const secret = 'x'.repeat(43);
  const wrong = [
    'wrong',
    `${right}x`,
    right.slice(0, -1),
    right.toUpperCase(),
    `drover-token-aaaaaaaaaaaa-${secret}`,
    'drover-token-',
    'a.b.c',
  ];
  for (const token of wrong) {
    const refusal = await refusalOf(running.client(TaskService, { token }).listTasks({}));
    t.is(refusal.code, 'Unauthenticated', token);
    t.deepEqual(refusal.reasons, ['UNAUTHENTICATED']);
    for (const text of [right, secret]) t.false(refusal.message.includes(text));
  }
});

test('a certificate of another coordinator is none', async (t) => {
  const [running, other] = await Promise.all([runCoordinator(t), runCoordinator(t)]);
  const { identity } = await other.join('a');
  const enrollment = running.client(EnrollmentService, { token: '', identity });
  t.deepEqual((await refusalOf(enrollment.renewCertificate({}))).reasons, ['UNAUTHENTICATED']);
  const tasks = running.client(TaskService, { token: '', identity });
  t.deepEqual((await refusalOf(tasks.listTasks({}))).reasons, ['UNAUTHENTICATED']);
});

test('an agent renews its certificate with the one it has', async (t) => {
  const running = await runCoordinator(t);
  const { identity } = await running.join('a');
  const { key, certificateRequest } = await createRequest();
  const enrollment = running.client(EnrollmentService, { token: '', identity });
  const { certificate } = await enrollment.renewCertificate({ certificateRequest });
  const renewed = running.client(EnrollmentService, {
    token: '',
    identity: { cert: certificate, key },
  });
  t.truthy((await renewed.renewCertificate({ certificateRequest })).certificate);
});

test("agents' methods need TLS 1.3; administrators' take TLS 1.2, and none takes less", async (t) => {
  const running = await runCoordinator(t);
  const { identity } = await running.join('a');
  const old = await plainCall(t, running, '/drover.v1.EnrollmentService/RenewCertificate', {
    ...identity,
    maxVersion: 'TLSv1.2',
  });
  t.is(old.status, 403);
  t.regex(old.body, /agents speak TLSv1\.3, and this connection speaks TLSv1\.2/);
  const join = await plainCall(t, running, '/drover.v1.EnrollmentService/Join', { maxVersion: 'TLSv1.2' }); // oxfmt-ignore
  t.is(join.status, 403);
  t.regex(join.body, /agents speak TLSv1\.3/);
  const list = '/drover.v1.TaskService/ListTasks';
  const headers = { authorization: `Bearer ${running.adminToken}` };
  t.is((await plainCall(t, running, list, { maxVersion: 'TLSv1.2' }, headers)).status, 200);
  const oldest = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const; // oxfmt-ignore
  await t.throwsAsync(plainCall(t, running, list, oldest, headers));
});

/** A call as JSON, over a connection of one's own. */
async function plainCall(
  t: ExecutionContext,
  { address, authority }: RunningCoordinator,
  path: string,
  tls: Parameters<typeof connectHttp2>[1],
  headers: Record<string, string> = {},
): Promise<{ status: number; body: string }> {
  const session = connectHttp2(address, { ca: authority, ...tls });
  t.teardown(() => session.destroy());
  await new Promise((resolve, reject) => session.once('connect', resolve).once('error', reject));
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/json',
    ...headers,
  });
  let status = 0;
  stream.on('response', (given) => (status = given[':status'] ?? 0));
  stream.end('{}');
  let body = '';
  for await (const chunk of stream) body += String(chunk);
  return { status, body };
}

test('health needs nothing', async (t) => {
  const running = await runCoordinator(t);
  for (const protocol of protocols)
    t.is((await running.client(Health, { token: '', protocol }).check({})).status, 1);
});
