// An agent can act only as itself: who it is is what its certificate says, whatever else it sends.
import test from 'ava';
import { X509Certificate } from 'node:crypto';
import { AgentService } from '../../gen/drover/v1/agent_pb.ts';
import { AuditService } from '../../gen/drover/v1/audit_pb.ts';
import { EnrollmentService } from '../../gen/drover/v1/session_pb.ts';
import { TaskService } from '../../gen/drover/v1/task_pb.ts';
import { attach } from './testing/attached-agent.ts';
import { refusalOf } from './testing/refusal.ts';
import { runCoordinator } from './testing/running-coordinator.ts';
import { Pkcs10CertificateRequestGenerator } from '../../lib/x509.ts';

/** A certificate request in the name of somebody, which is signed as it has to be. */
async function requestInNameOf(name: string): Promise<Uint8Array> {
  const signingAlgorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await crypto.subtle.generateKey(signingAlgorithm, true, ['sign', 'verify']);
  const request = await Pkcs10CertificateRequestGenerator.create({ name, keys, signingAlgorithm });
  return new Uint8Array(request.rawData);
}

test('a renewal in the name of another agent renews the own one', async (t) => {
  const running = await runCoordinator(t);
  const one = await running.join('one');
  const two = await running.join('two');
  const enrollment = running.client(EnrollmentService, { token: '', identity: one.identity });
  const certificateRequest = await requestInNameOf(`CN=${two.name.slice('agents/'.length)}`);
  const { certificate } = await enrollment.renewCertificate({ certificateRequest });
  t.is(new X509Certificate(certificate).subject, `CN=${one.name.slice('agents/'.length)}`);
});

test("a certificate without its key, or with another's, opens nothing", async (t) => {
  const running = await runCoordinator(t);
  const one = await running.join('one');
  const two = await running.join('two');
  const mixed = { cert: one.identity.cert, key: two.identity.key };
  // The client itself refuses to make such a connection; nobody gets as far as the coordinator.
  await t.throwsAsync(attach(running, mixed));
  t.deepEqual((await running.client(AgentService).getAgent({ name: one.name })).agent!.attachTime, undefined); // oxfmt-ignore
});

test('a report on a lease of another agent changes nothing', async (t) => {
  const running = await runCoordinator(t);
  const one = await running.join('one');
  const two = await running.join('two');
  const first = await attach(running, one.identity);
  const tasks = running.client(TaskService);
  await tasks.createTask({ task: { source: '/srv/a', destination: '/b' }, taskId: 'a' });
  await tasks.runTask({ name: 'tasks/a' });
  const { key } = await first.next('scanLease');
  const second = await attach(running, two.identity);
  second.send({ case: 'scanDone', value: { key: key!, pages: 0n } });
  second.send({ case: 'leaseReturn', value: { keys: [key!] } });
  // What comes after is answered, so that what came before was read.
  first.send({ case: 'scanDone', value: { key: key!, pages: 0n } });
  t.is((await first.next('acknowledgement')).key!.lease, key!.lease);
  // What agents do is their work, and not entered: two tokens, two joins, a task and a run are.
  const { entries } = await running.client(AuditService).listAuditEntries({});
  t.is(entries.length, 6);
});

test('of two who use one certificate the newer one is served, the other is told, and it is entered', async (t) => {
  const running = await runCoordinator(t);
  const { name, identity } = await running.join('one');
  const first = await attach(running, identity);
  const second = await attach(running, identity);
  const ended = await refusalOf(first.next('scanLease'));
  t.deepEqual([ended.code, ended.reasons], ['Aborted', ['SESSION_REPLACED']]);
  t.regex(ended.message, /a newer session of agents\/one-\w+, from 127\.0\.0\.1, took the place/);
  const tasks = running.client(TaskService);
  await tasks.createTask({ task: { source: '/srv/a', destination: '/b' }, taskId: 'a' });
  await tasks.runTask({ name: 'tasks/a' });
  t.truthy(await second.next('scanLease'));
  const audit = running.client(AuditService);
  const { entries } = await audit.listAuditEntries({ caller: name });
  const [note] = entries.filter(({ method }) => method === 'a session took the place of another');
  t.like(note, { resource: name, address: '127.0.0.1' });
  t.regex(
    note!.message,
    /the session from 127\.0\.0\.1, which was heard of \d s before, was ended by one from 127\.0\.0\.1/,
  );
});
