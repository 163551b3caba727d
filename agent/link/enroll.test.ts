import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { X509Certificate } from 'node:crypto';
import test from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { formatJoinToken } from '../../lib/join-token.ts';
import { askIdentity, join, renew } from './enroll.ts';
import { certificateLife, readIdentity, writeIdentity } from './identity.ts';
import { PlayedCoordinator } from './played-coordinator.ts';

const displayName = 'file server "7", Zürich';

test('an agent joins with the right token, and its identity is kept for its owner only', async (t) => {
  await using coordinator = await PlayedCoordinator.start();
  const { address, joinToken } = coordinator;
  const identity = await join({ address, proof: { joinToken: `${joinToken}\n` }, displayName });
  t.is(identity.agent, 'agents/one');
  t.is(coordinator.joins[0]?.token, coordinator.secret);
  t.is(coordinator.joins[0]?.displayName, displayName);
  const certificate = new X509Certificate(identity.certificate);
  t.true(certificate.verify(new X509Certificate(identity.authority).publicKey));

  const folder = mkdtempSync(path.join(tmpdir(), 'drover-identity-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  t.is(readIdentity(folder), undefined);
  writeIdentity(folder, identity);
  t.deepEqual(readIdentity(folder), identity);
  const file = path.join(folder, 'identity', 'identity.json');
  t.is(statSync(file).mode & 0o777, 0o600);

  const renewed = await renew(identity, address);
  t.is(coordinator.renewals, 1);
  t.not(renewed.privateKey, identity.privateKey);
  writeIdentity(folder, renewed);
  t.deepEqual(readIdentity(folder), renewed);

  writeFileSync(file, JSON.stringify({ ...renewed, privateKey: identity.privateKey }));
  const error = t.throws(() => readIdentity(folder), { instanceOf: DroverError });
  t.regex(error.message, /identity\.json is damaged; remove it/);
});

test('in place of a token somebody with the role may vouch, where the authority is the one that was named', async (t) => {
  await using coordinator = await PlayedCoordinator.start();
  const { address, fingerprint, secret } = coordinator;
  coordinator.entraToken = 'somebody';
  const proof = { entraToken: 'somebody', authorityFingerprint: fingerprint };
  t.is((await join({ address, proof, displayName })).agent, 'agents/one');
  t.like(coordinator.joins[0], { token: '', entraToken: 'somebody' });
  const elsewhere = { ...proof, authorityFingerprint: 'a'.repeat(64) };
  await t.throwsAsync(join({ address, proof: elsewhere, displayName }), {
    message: /another coordinator/,
  });
  t.is(coordinator.joins.length, 1);
  t.false(JSON.stringify(coordinator.joins).includes(secret));
});

test('an agent asks who it is, and what the coordinator runs', async (t) => {
  await using coordinator = await PlayedCoordinator.start();
  const { address, joinToken } = coordinator;
  const identity = await join({ address, proof: { joinToken }, displayName });
  coordinator.version = '9.8.7';
  coordinator.clockAheadMs = 3_600_000;
  const { agent, version, timeMs } = await askIdentity(identity, address);
  t.deepEqual([agent, version], ['agents/one', '9.8.7']);
  t.true(Math.abs(timeMs - Date.now() - 3_600_000) < 60_000);
  t.is(coordinator.renewals, 0);
});

test('the secret is not sent to a coordinator with another authority', async (t) => {
  await using coordinator = await PlayedCoordinator.start();
  const expected = 'a'.repeat(64);
  const joinToken = formatJoinToken({ authorityFingerprint: expected, secret: coordinator.secret });
  const { address } = coordinator;
  const error = await t.throwsAsync(join({ address, proof: { joinToken }, displayName }), {
    instanceOf: DroverError,
  });
  t.is(error.reason, ErrorReason.COORDINATOR_MISMATCH);
  t.true(error.message.includes(expected) && error.message.includes(coordinator.fingerprint));
  t.deepEqual(coordinator.joins, []);
});

test('the reason of a refusal is the one the coordinator gave', async (t) => {
  await using coordinator = await PlayedCoordinator.start();
  const secret = 'b'.repeat(43);
  const joinToken = formatJoinToken({ authorityFingerprint: coordinator.fingerprint, secret });
  const { address } = coordinator;
  const error = await t.throwsAsync(join({ address, proof: { joinToken }, displayName }), {
    instanceOf: DroverError,
  });
  t.is(error.reason, ErrorReason.JOIN_TOKEN_USED);
  t.is(error.message, 'the join token was used up: 100%');
  t.deepEqual(error.metadata, { maxUses: '1' });
});

test('garbage on the port and a closed port are told apart', async (t) => {
  const garbage = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.resume();
    socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
  });
  await new Promise<void>((resolve) => garbage.listen(0, '127.0.0.1', resolve));
  const { port } = garbage.address() as AddressInfo;
  const address = { host: '127.0.0.1', port, proxy: undefined };
  const joinToken = formatJoinToken({
    authorityFingerprint: 'a'.repeat(64),
    secret: 'b'.repeat(43),
  });
  const attempt = () =>
    t.throwsAsync(join({ address, proof: { joinToken }, displayName }), {
      instanceOf: DroverError,
    });
  const first = await attempt();
  t.is(first.reason, ErrorReason.UNAVAILABLE);
  t.regex(first.message, /does not speak TLS/);
  await new Promise((resolve) => garbage.close(resolve));
  const second = await attempt();
  t.is(second.reason, ErrorReason.UNAVAILABLE);
  t.regex(second.message, /nothing listens there/);
});

test('two thirds into its life a certificate is to be renewed', async (t) => {
  await using coordinator = await PlayedCoordinator.start();
  coordinator.certificateLifeMs = 90_000;
  const { address, joinToken } = coordinator;
  const identity = await join({ address, proof: { joinToken }, displayName });
  const { beginMs, endMs, renewMs } = certificateLife(identity.certificate);
  t.is(endMs - beginMs, 90_000);
  t.is(renewMs - beginMs, 60_000);
});
