// Inviting agents: what is answered is enough to join with, and nothing gets into a line for a shell that does not belong there.
import test from 'ava';
import { AgentService } from '../../gen/drover/v1/agent_pb.ts';
import { EnrollmentService } from '../../gen/drover/v1/session_pb.ts';
import { parseInvitation } from '../../lib/invitation.ts';
import { parseJoinToken } from '../../lib/join-token.ts';
import { advertisedHosts } from '../trust/server-names.ts';
import { refusalOf } from './testing/refusal.ts';
import { createRequest, runCoordinator } from './testing/running-coordinator.ts';

test('as many agents as were invited join with what the invitation holds', async (t) => {
  const running = await runCoordinator(t);
  const invited = await running.client(AgentService).inviteAgents({ group: 'building-7', uses: 2 });
  const { coordinators, joinToken, group } = parseInvitation(invited.invitation);
  const [{ host, port } = { host: '', port: 0 }] = coordinators;
  t.is(`https://${host}:${port}`, running.address);
  t.is(group, 'building-7');
  t.is(invited.command, `DROVER_INVITATION='${invited.invitation}' drover-agent setup`);
  t.is(
    invited.powershellCommand,
    `$env:DROVER_INVITATION='${invited.invitation}'; drover-agent setup`,
  );
  const enrollment = running.client(EnrollmentService, { token: '' });
  const token = parseJoinToken(joinToken).secret;
  const join = async () => {
    const { certificateRequest } = await createRequest();
    return enrollment.join({ token, certificateRequest, displayName: 'one' });
  };
  t.not((await join()).agent, (await join()).agent);
  t.deepEqual((await refusalOf(join())).reasons, ['JOIN_TOKEN_USED']);
});

test('the addresses that were asked for stand in the invitation', async (t) => {
  const { client } = await runCoordinator(t);
  const given = ['files.example:7443', '[2001:db8::1]:7443'];
  const { invitation } = await client(AgentService).inviteAgents({ coordinators: given });
  t.deepEqual(parseInvitation(invitation).coordinators, [
    { host: 'files.example', port: 7443 },
    { host: '2001:db8::1', port: 7443 },
  ]);
});

const bad: [field: string, request: object][] = [
  ['group', { group: "a'; rm -rf /" }],
  ['uses', { uses: 1001 }],
  ['uses', { uses: -1 }],
  ['expires', { expires: { seconds: 31n * 86_400n } }],
  ['expires', { expires: { seconds: 0n } }],
  ['coordinators', { coordinators: ['files.example'] }],
  ['coordinators', { coordinators: ["x';id;':1"] }],
  ['coordinators', { coordinators: ['a:0'] }],
  ['coordinators', { coordinators: Array.from({ length: 17 }, () => 'a:1') }],
];

test('what cannot be is refused by its field', async (t) => {
  const { client } = await runCoordinator(t);
  for (const [field, request] of bad) {
    const refusal = await refusalOf(client(AgentService).inviteAgents(request));
    t.deepEqual([refusal.code, refusal.fields], ['InvalidArgument', [field]]);
  }
});

test('the hosts that are advertised come before the one that is listened on', (t) => {
  t.deepEqual(advertisedHosts(['a.example', 'b.example'], '0.0.0.0'), ['a.example', 'b.example']);
  t.deepEqual(advertisedHosts([], '10.0.0.1'), ['10.0.0.1']);
  t.notDeepEqual(advertisedHosts([], '0.0.0.0'), ['0.0.0.0']);
});
