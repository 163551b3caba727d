// An agent whose secret is taken away and replaced while it works, and by a certificate afterwards; and that no secret of all of them
// stands in anything that was written meanwhile.
import { spawn } from 'node:child_process';
import { hash, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import { AccessTokenService } from '../gen/drover/v1/access_token_pb.ts';
import { AgentState, type Agent } from '../gen/drover/v1/agent_pb.ts';
import { Role } from '../gen/drover/v1/annotations_pb.ts';
import { ErrorReason } from '../gen/drover/v1/error_pb.ts';
import { makeSmallFiles } from '../scripts/bench-trees.ts';
import { signInArguments } from '../scripts/local-sign-in.ts';
import { createJoinToken, startAgent } from '../scripts/local-stack.ts';
import { projectRoot } from './harness/folders.ts';
import { filesBelow, PlantedSecrets, rowsBelow, seenOf, type Written } from './harness/planted-secrets.ts'; // oxfmt-ignore
import { assertSucceeded } from './harness/stack.ts';
import { Tenant } from './harness/tenant.ts';
import { PemConverter, X509CertificateGenerator } from '../lib/x509.ts';

const test = anyTest as TestFn;
const stops: (() => Promise<unknown>)[] = [];
const files = 100;
/** Of several chunks, so that an upload is open for a while. */
const largeBytes = 12_000_000;
const secrets = { first: planted('first'), second: planted('second'), wrong: planted('wrong') };
const windowsPassword = planted('windows');
let tenant: Tenant;
let certificate: { certificatePem: string; privateKeyPem: string };

function planted(what: string): string {
  return `${what}~${randomBytes(18).toString('base64url')}`;
}

test.before(async () => {
  certificate = await makeCertificate();
  tenant = await Tenant.start(
    {
      emulatorArguments: ['--latency', '10'],
      coordinatorArguments: ['--log-level', 'debug'],
    },
    (stop) => stops.push(stop),
  );
  await tenant.graph('POST', `${tenant.ready.control}certificates`, Buffer.from(certificate.certificatePem)); // oxfmt-ignore
});

test.after.always(async () => {
  for (const stop of stops.toReversed()) await stop();
});

async function makeCertificate() {
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) }; // oxfmt-ignore
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const times = { notBefore: new Date(0), notAfter: new Date('2100-01-01') };
  const own = await X509CertificateGenerator.createSelfSigned({ name: 'CN=Drover', ...times, keys, signingAlgorithm: algorithm }); // oxfmt-ignore
  const pkcs8 = await crypto.subtle.exportKey('pkcs8', keys.privateKey);
  return {
    certificatePem: own.toString('pem'),
    privateKeyPem: PemConverter.encode(pkcs8, 'PRIVATE KEY'),
  };
}

/** `drover-agent credentials …`, with the secret on standard input, as another person on the computer would see it and its output. */
async function credentials(args: readonly string[], secret: string, written: Written[]) {
  const program = path.join(projectRoot, 'agent', 'main.ts');
  const child = spawn(process.execPath, [program, 'credentials', ...args], { stdio: 'pipe' });
  child.stdin.end(`${secret}\n`);
  written.push(...seenOf(child.pid!, `credentials ${args[1]}`));
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve));
  const [out, err, status] = await Promise.all([buffer(child.stdout), buffer(child.stderr), exited]); // oxfmt-ignore
  const bytes = Buffer.concat([out, err]);
  written.push({ where: `what credentials ${args[1]} said`, bytes });
  return { status, text: bytes.toString('utf8') };
}

async function untilAgent(name: string, isWanted: (agent: Agent) => boolean): Promise<Agent> {
  for await (const { agent } of tenant.stack.api.agents.watchAgents({}))
    if (agent!.name === name && isWanted(agent!)) return agent!;
  throw new Error('the watch has ended');
}

/** Tells the agent that its token has ended, once for each file, so that it needs another one. */
async function endTokens(): Promise<void> {
  const told = Array.from({ length: files }, (_, number) => ({
    method: 'POST',
    path: `/file%20${number}\\.bin:`,
    times: 1,
    fault: { kind: 'expiredToken' },
  }));
  await tenant.faults(...told);
}

async function assertArrived(t: ExecutionContext, source: string, destination: string) {
  const there = await tenant.tree(destination);
  t.is([...there.values()].filter(({ isFolder }) => !isFolder).length, files + 1);
  for (const name of there.keys())
    if (name.includes('.')) {
      const content = readFileSync(path.join(source, name));
      t.is(hash('sha256', readFileSync(tenant.localCopy(destination, name))), hash('sha256', content), name); // oxfmt-ignore
    }
}

test('secrets are replaced while the agent works, and are found nowhere', async (t) => {
  t.timeout(180_000);
  const { stack } = tenant;
  const data = path.join(tenant.folder, 'stack', 'agent');
  const { clientSecret: _, ...signIn } = tenant.signIn();
  const set = (what: string, ...more: string[]) => ['set', what, '--data', data, ...signInArguments(signIn), ...more]; // oxfmt-ignore
  const written: Written[] = [];
  const hidden = new PlantedSecrets();
  for (const [what, secret] of Object.entries(secrets)) hidden.plant(`the ${what} secret`, secret);
  hidden.plant('the Windows password', windowsPassword);
  hidden.plant("the certificate's key", certificate.privateKeyPem.split('\n')[5]!);
  hidden.plantKind('a token of Entra ID', /eyJ[\w-]{20,}\.eyJ[\w-]{20,}/);
  hidden.plantKind('the address of an upload', /tempauth=/);

  // Before the agent is there.
  await tenant.setSecret(secrets.first, true);
  const early = await credentials(set('client-secret'), secrets.first, written);
  t.is(early.status, 0, early.text);
  const joinToken = await createJoinToken(stack.api);
  hidden.plant('the join token', joinToken);
  const joinTokenFile = path.join(tenant.folder, 'join-token');
  writeFileSync(joinTokenFile, joinToken, { mode: 0o600 });
  const agent = await startAgent({
    data,
    signIn,
    threads: 1,
    coordinator: stack.coordinator.ready,
    logFolder: path.join(tenant.folder, 'stack', 'logs'),
    arguments: ['--join-token-file', joinTokenFile, '--requests', '2', '--log-level', 'debug'],
  });
  t.teardown(() => agent.stop(5000));
  const { address, authorityFile, tokenFile } = stack.coordinator.ready;
  const adminToken = readFileSync(tokenFile, 'utf8').trim();
  hidden.plant('the admin token', adminToken);
  const transport = createGrpcTransport({ baseUrl: address, nodeOptions: { ca: readFileSync(authorityFile) } }); // oxfmt-ignore
  const accessToken = await createClient(AccessTokenService, transport).createAccessToken(
    { displayName: 'another system', role: Role.VIEWER },
    { headers: { authorization: `Bearer ${adminToken}` } },
  );
  hidden.plant('the access token', accessToken.token);
  for (const [name, { pid }] of Object.entries({ agent, coordinator: stack.coordinator }))
    written.push(...seenOf(pid, name));

  // While it works, its secret is taken away.
  const { ready } = agent;
  const source = path.join(tenant.folder, 'source');
  makeSmallFiles(source, files, 3000);
  writeFileSync(path.join(source, 'large.bin'), randomBytes(largeBytes));
  const destination = tenant.place();
  const task = await stack.createTask({ source, destination });
  await stack.run(task);
  await stack.until(task, ({ progress }) => progress!.succeededItems + progress!.inFlightItems > files / 10); // oxfmt-ignore
  await tenant.setSecret(secrets.first, false);
  await endTokens();
  const ailing = await untilAgent(ready.agent, ({ state }) => state === AgentState.NEEDS_ATTENTION);
  t.is(ailing.attentionReason, ErrorReason.SIGN_IN_FAILED);
  t.regex(ailing.attentionMessage, /AADSTS7000215/);
  await tenant.faults();

  // One that does not work changes nothing; one that does ends it, and what was given back comes again.
  const refused = await credentials(set('client-secret'), secrets.wrong, written);
  t.is(refused.status, 2);
  t.regex(refused.text, /AADSTS7000215.*SIGN_IN_FAILED/);
  await tenant.setSecret(secrets.second, true);
  const replaced = await credentials(set('client-secret'), secrets.second, written);
  t.is(replaced.status, 0, replaced.text);
  const well = await untilAgent(ready.agent, ({ state }) => state === AgentState.ONLINE);
  t.is(well.attentionMessage, '');
  assertSucceeded(t, await stack.untilEnded(task));
  await assertArrived(t, source, destination);

  // A certificate in place of a secret, for the next token.
  const pem = path.join(tenant.folder, 'certificate.pem');
  writeFileSync(pem, `${certificate.certificatePem}\n${certificate.privateKeyPem}\n`);
  const moved = await credentials(set('client-certificate', '--from-file', pem), '', written);
  t.is(moved.status, 0, moved.text);
  await tenant.setSecret(secrets.second, false);
  await endTokens();
  const again = tenant.place();
  const next = await stack.createTask({ source, destination: again });
  assertSucceeded(t, await stack.runToEnd(next));
  await tenant.faults();
  const list = await credentials(['list', '--data', data], '', written);
  t.regex(list.text, /^client-certificate {2}set .*Z\n$/);
  const windows = await credentials(['set', 'windows-account', '--data', data, '--user', 'a@b', '--no-check'], windowsPassword, written); // oxfmt-ignore
  t.is(windows.status, process.platform === 'win32' ? 0 : 2);

  await agent.stop(5000);
  await stack.coordinator.stop(5000);
  hidden.plant('the key of the vault', readFileSync(path.join(data, 'seal-key')));
  written.push(...filesBelow(path.join(tenant.folder, 'stack')));
  const rows = await rowsBelow(path.join(tenant.folder, 'stack'));
  // Both the coordinator's and the agent's, and as they were before they were compressed.
  t.true(rows.some(({ where, bytes }) => where.includes('coordinator') && bytes.includes(source)));
  t.true(written.some(({ where }) => where.startsWith(path.join('agent', 'journal'))));
  t.deepEqual(hidden.foundIn([...written, ...rows]), [
    'the admin token in coordinator/admin-token',
    'the key of the vault in agent/seal-key',
  ]);
  // The search finds what is there to be found.
  const known = filesBelow(tenant.folder).filter(({ where }) => !where.startsWith('stack'));
  const found = hidden.foundIn(known).join('\n');
  t.regex(found, /the join token in join-token/);
  t.regex(found, /the certificate's key in certificate\.pem/);
});
