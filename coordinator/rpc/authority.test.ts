// A coordinator with an authority of the operator's own, over real TLS.
import test, { type ExecutionContext } from 'ava';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { connect } from 'node:tls';
import { AgentService, JoinTokenService } from '../../gen/drover/v1/agent_pb.ts';
import { AuditService } from '../../gen/drover/v1/audit_pb.ts';
import { EnrollmentService } from '../../gen/drover/v1/session_pb.ts';
import { parseJoinToken } from '../../lib/join-token.ts';
import { systemClock } from '../../lib/time.ts';
import { runMaintenance } from '../backup/commands.ts';
import { restoreBackup } from '../backup/restore-backup.ts';
import { createBackup } from '../backup/create-backup.ts';
import { openLevelStore } from '../store/level-store.ts';
import { readAuthorityFingerprint } from '../trust/authority-fingerprint.ts';
import { makeCertificate } from '../trust/testing/certificates.ts';
import { attach } from './testing/attached-agent.ts';
import { refusalOf } from './testing/refusal.ts';
import {
  runCoordinator,
  temporaryFolder,
  type RunningCoordinator,
} from './testing/running-coordinator.ts';

function start(t: ExecutionContext, dataFolder: string, authorityFile?: string) {
  return runCoordinator(t, dataFolder, systemClock, authorityFile === undefined ? {} : { authorityFile }); // oxfmt-ignore
}

/** Whether a client that trusts this certificate alone trusts the coordinator. */
async function isTrusted({ address }: RunningCoordinator, ca: string): Promise<boolean> {
  const { hostname: host, port } = new URL(address);
  const socket = connect({ host, port: Number(port), ca, ALPNProtocols: ['h2'] });
  try {
    await once(socket, 'secureConnect');
    return socket.authorized;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** An authority below a root, and a file with both. */
async function makeAuthority(folder: string, name: string) {
  const root = await makeCertificate({ name: `${name} root` });
  const signing = await makeCertificate({ name, issuer: root, algorithm: 'P-384' });
  const file = path.join(folder, `${name}.pem`);
  writeFileSync(file, signing.text + root.text + signing.key, { mode: 0o600 });
  return { root, signing, file };
}

test('agents and administrators trust the root of an authority that was given, and agents are known by it', async (t) => {
  const folder = temporaryFolder(t);
  const { root, signing, file } = await makeAuthority(folder, 'Own');
  const running = await start(t, path.join(folder, 'data'), file);
  t.true(await isTrusted(running, root.text), 'whoever has the root alone trusts it');
  t.false(await isTrusted(running, (await makeCertificate()).text));
  const { token } = await running.client(JoinTokenService).createJoinToken({});
  t.is(parseJoinToken(token).authorityFingerprint, fingerprintOf(root.certificate.rawData));
  const { name, identity } = await running.join('one');
  const session = await attach(running, identity);
  await session.leave();
  // What somebody else lets the same root sign for is no agent's.
  const stranger = await makeCertificate({ name: name.slice('agents/'.length), issuer: root, ca: false, purposes: ['1.3.6.1.5.5.7.3.2'] }); // oxfmt-ignore
  const refused = await refusalOf(running.client(EnrollmentService, { token: '', identity: { cert: stranger.text, key: stranger.key } }).renewCertificate({})); // oxfmt-ignore
  t.regex(refused.message, /was not issued by this coordinator/);
  t.false(readFileSync(path.join(running.dataFolder, 'authority.pem'), 'utf8').includes('PRIVATE'));
  t.false(running.authority.includes(signing.key.slice(40, 80)));
});

function fingerprintOf(der: ArrayBuffer): string {
  return createHash('sha256').update(Buffer.from(der)).digest('hex');
}

test('another authority than before is told of, and agents of the one before are refused', async (t) => {
  const folder = temporaryFolder(t);
  const data = path.join(folder, 'data');
  const first = await start(t, data);
  const { identity } = await first.join('one');
  await first.coordinator.close();
  const { file } = await makeAuthority(folder, 'Own');
  const second = await start(t, data, file);
  const answer = await refusalOf(attach(second, identity));
  t.regex(answer.message, /not issued by this coordinator/);
  const { entries } = await second.client(AuditService).listAuditEntries({ caller: 'coordinator' });
  t.regex(entries[0]!.message, /^the certificate authority is another one than before: [0-9a-f]{64} in place of [0-9a-f]{64}/); // oxfmt-ignore
  await second.coordinator.close();
  const third = await start(t, data, file);
  const after = await third.client(AuditService).listAuditEntries({ caller: 'coordinator' });
  t.is(after.entries.length, 1, 'once');
  t.is((await third.client(AgentService).listAgents({})).agents.length, 1);
});

test('a backup goes without the key of an authority that was given', async (t) => {
  const folder = temporaryFolder(t);
  const data = path.join(folder, 'data');
  const { file } = await makeAuthority(folder, 'Own');
  const running = await start(t, data, file);
  await running.join('one');
  await running.coordinator.close();
  const store = await openLevelStore(path.join(data, 'store'));
  const to = path.join(folder, 'backup');
  await createBackup({ store, dataFolder: data, to, nowMs: Date.now() });
  await store.close();
  const restored = path.join(folder, 'restored');
  await restoreBackup({ from: to, dataFolder: restored, nowMs: Date.now() });
  const again = await start(t, restored, file);
  t.is((await again.client(AgentService).listAgents({})).agents.length, 1);
  const verdict = await again.client(AuditService).verifyAudit({});
  t.is(verdict.brokenNumber, 0n);
});

test('the fingerprint that `drover-coordinator fingerprint` prints is that of join tokens, also of a chain', async (t) => {
  const { file } = await makeAuthority(temporaryFolder(t), 'Own');
  for (const authorityFile of [undefined, file]) {
    const running = await start(t, temporaryFolder(t), authorityFile);
    const { token } = await running.client(JoinTokenService).createJoinToken({});
    const lines: string[] = [];
    const { dataFolder } = running;
    const signal = new AbortController().signal;
    const print = (line: string) => void lines.push(line);
    t.is(await runMaintenance({ kind: 'fingerprint', dataFolder, json: false }, print, signal), 0);
    t.deepEqual(lines, [parseJoinToken(token).authorityFingerprint]);
  }
  t.throws(() => readAuthorityFingerprint('/no/such/folder'), { message: /authority.pem cannot be read \(ENOENT\); a coordinator writes it when it starts/ }); // oxfmt-ignore
});
