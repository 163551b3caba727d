// How an agent joins: with a join token, or because an administrator of the tenant vouches for it.
import test, { type ExecutionContext } from 'ava';
import { AgentService, JoinTokenService } from '../../gen/drover/v1/agent_pb.ts';
import { Role } from '../../gen/drover/v1/annotations_pb.ts';
import { AuditService } from '../../gen/drover/v1/audit_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { EnrollmentService } from '../../gen/drover/v1/session_pb.ts';
import { ManualClock } from '../dispatch/testing/manual-clock.ts';
import { PlayedEntra } from '../trust/testing/played-entra.ts';
import { attach } from './testing/attached-agent.ts';
import { refusalOf } from './testing/refusal.ts';
import { createRequest, runCoordinator, temporaryFolder, type RunningCoordinator } from './testing/running-coordinator.ts'; // oxfmt-ignore

let entra: PlayedEntra;
test.before(async () => (entra = await PlayedEntra.start()));
test.after.always(() => entra[Symbol.asyncDispose]());

interface Proof {
  token?: string;
  entraToken?: string;
}

/** Joins with a request that is good but for what it proves itself with. */
async function join({ client }: RunningCoordinator, proof: Proof) {
  const { key, certificateRequest } = await createRequest();
  const enrollment = client(EnrollmentService, { token: '' });
  const answer = await enrollment.join({ certificateRequest, displayName: 'one', ...proof });
  return { name: answer.agent, identity: { cert: answer.certificate, key } };
}

/** The newest entry about joining. */
async function lastJoin({ client }: RunningCoordinator) {
  const { entries } = await client(AuditService).listAuditEntries({});
  return entries.find(({ method }) => method.endsWith('/Join'))!;
}

function withTenant(t: ExecutionContext) {
  return runCoordinator(t, undefined, undefined, { entra: entra.options });
}

test('an administrator of the tenant lets an agent join, and is entered with it', async (t) => {
  const running = await withTenant(t);
  const { accessToken: entraToken } = await entra.signIn('ann');
  const { name, identity } = await join(running, { entraToken });
  const entry = await lastJoin(running);
  t.like(entry, { caller: 'ann@contoso.com', role: Role.ADMIN, resource: name, reason: 0 });
  t.false(JSON.stringify(entry.changes).includes(entraToken));
  await (await attach(running, identity)).leave();
});

test('nobody else of the tenant does, and each try is entered under its name', async (t) => {
  const running = await withTenant(t);
  for (const [person, role] of [
    ['ben', Role.OPERATOR],
    ['dan', Role.UNSPECIFIED],
  ] as const) {
    // oxfmt-ignore
    const { accessToken: entraToken } = await entra.signIn(person);
    const { reasons } = await refusalOf(join(running, { entraToken }));
    t.deepEqual(reasons, ['PERMISSION_DENIED']);
    const entry = await lastJoin(running);
    t.like(entry, { caller: `${person}@contoso.com`, role, reason: ErrorReason.PERMISSION_DENIED });
  }
  const { accessToken, idToken } = await entra.signIn('ann');
  const forged = `${accessToken.slice(0, -8)}AAAAAAAA`;
  for (const entraToken of [forged, idToken, 'x', 'a.b.c']) {
    const { reasons } = await refusalOf(join(running, { entraToken }));
    t.deepEqual(reasons, ['UNAUTHENTICATED']);
    t.like(await lastJoin(running), { caller: '', reason: ErrorReason.UNAUTHENTICATED });
  }
  const both = await refusalOf(join(running, { entraToken: accessToken, token: 'x' }));
  t.deepEqual(both.fields, ['entra_token']);
  t.deepEqual((await running.client(AgentService).listAgents({})).agents, []);
});

test('a coordinator without a tenant says that it has none', async (t) => {
  const running = await runCoordinator(t);
  const { accessToken: entraToken } = await entra.signIn('ann');
  const refused = await refusalOf(join(running, { entraToken }));
  t.deepEqual(refused.reasons, ['UNAUTHENTICATED']);
  t.regex(refused.message, /knows no tenant.*drover agents invite/);
});

test('join tokens that are expired, used, cut off or unknown let nobody in, and no entry holds one', async (t) => {
  const clock = new ManualClock(Date.now() - 3_600_000);
  const running = await runCoordinator(t, temporaryFolder(t), clock);
  const tokens = running.client(JoinTokenService);
  const { token: used } = await tokens.createJoinToken({});
  const { token: expired } = await tokens.createJoinToken({ ttl: { seconds: 60n } });
  await join(running, { token: used });
  clock.advance(60_000);
  const refused = [
    [used, 'JOIN_TOKEN_USED'],
    [expired, 'JOIN_TOKEN_EXPIRED'],
    [used.slice(0, -1), 'JOIN_TOKEN_INVALID'],
    [used.slice(-43).slice(0, 42), 'JOIN_TOKEN_INVALID'],
    [`${used.slice(0, -1)}~`, 'JOIN_TOKEN_INVALID'],
    ['', 'JOIN_TOKEN_INVALID'],
    ['z'.repeat(43), 'JOIN_TOKEN_INVALID'],
    ['z'.repeat(10_000), 'JOIN_TOKEN_INVALID'],
  ];
  for (const [token, reason] of refused) {
    const { reasons } = await refusalOf(join(running, { token: token! }));
    t.deepEqual(reasons, [reason]);
    t.like(await lastJoin(running), { caller: '', reason: ErrorReason[reason as keyof typeof ErrorReason] }); // oxfmt-ignore
  }
  const entries = await Array.fromAsync(running.client(AuditService).exportAudit({}));
  const text = JSON.stringify(entries, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value)); // oxfmt-ignore
  for (const token of [used, expired]) t.false(text.includes(token.slice(-43, -3)));
  t.is((await running.client(AgentService).listAgents({})).agents.length, 1);
});
