// Who may call what.
import test from 'ava';
import { AgentService, JoinTokenService } from '../../gen/drover/v1/agent_pb.ts';
import { ItemService } from '../../gen/drover/v1/item_pb.ts';
import { RunService } from '../../gen/drover/v1/run_pb.ts';
import {
  AgentSessionService,
  EnrollmentService,
  type AttachRequest,
} from '../../gen/drover/v1/session_pb.ts';
import { SettingsService } from '../../gen/drover/v1/settings_pb.ts';
import { TaskService } from '../../gen/drover/v1/task_pb.ts';
import { Health } from '../../gen/health/v1/health_pb.ts';
import { refusalOf } from './testing/refusal.ts';
import {
  createRequest,
  runCoordinator,
  type ClientOptions,
  type RunningCoordinator,
} from './testing/running-coordinator.ts';

/** One call of each service that administrators alone may call. */
function administratorCalls({ client }: RunningCoordinator, options: ClientOptions) {
  return [
    client(TaskService, options).listTasks({}),
    client(RunService, options).getRun({ name: 'tasks/a/runs/1' }),
    client(ItemService, options).listItems({ parent: 'tasks/a/runs/1' }),
    client(AgentService, options).listAgents({}),
    client(JoinTokenService, options).createJoinToken({}),
    client(SettingsService, options).getSettings({}),
    firstOf(client(TaskService, options).watchTask({ name: 'tasks/a' })),
    firstOf(client(AgentService, options).watchAgents({})),
  ];
}

function agentCalls({ client }: RunningCoordinator, options: ClientOptions) {
  return [
    client(EnrollmentService, options).renewCertificate({}),
    firstOf(client(AgentSessionService, options).attach(noFrames())),
  ];
}

async function* noFrames(): AsyncGenerator<AttachRequest> {}

async function firstOf<T>(messages: AsyncIterable<T>): Promise<T | undefined> {
  for await (const message of messages) return message;
  return undefined;
}

const protocols = ['grpc', 'connect', 'http1'] as const;

for (const protocol of protocols)
  test(`without the token nothing is shown, over ${protocol}`, async (t) => {
    const running = await runCoordinator(t);
    for (const token of ['', 'wrong', `${running.adminToken}x`])
      for (const call of administratorCalls(running, { token, protocol })) {
        const { code, reasons, message } = await refusalOf(call);
        t.is(code, 'Unauthenticated');
        t.deepEqual(reasons, ['UNAUTHENTICATED']);
        t.false(message.includes(running.adminToken));
      }
  });

test("an agent's certificate opens no service of administrators", async (t) => {
  const running = await runCoordinator(t);
  const { identity } = await running.join('a');
  for (const call of administratorCalls(running, { token: '', identity }))
    t.deepEqual((await refusalOf(call)).reasons, ['PERMISSION_DENIED']);
});

test("the administrator's token opens no service of agents", async (t) => {
  const running = await runCoordinator(t);
  for (const call of agentCalls(running, {}))
    t.deepEqual((await refusalOf(call)).reasons, ['PERMISSION_DENIED']);
  for (const call of agentCalls(running, { token: '' }))
    t.deepEqual((await refusalOf(call)).reasons, ['UNAUTHENTICATED']);
});

test('a certificate of another coordinator is none', async (t) => {
  const [running, other] = await Promise.all([runCoordinator(t), runCoordinator(t)]);
  const { identity } = await other.join('a');
  for (const call of agentCalls(running, { token: '', identity }))
    t.deepEqual((await refusalOf(call)).reasons, ['UNAUTHENTICATED']);
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

test('health needs nothing', async (t) => {
  const running = await runCoordinator(t);
  for (const protocol of protocols)
    t.is((await running.client(Health, { token: '', protocol }).check({})).status, 1);
});
