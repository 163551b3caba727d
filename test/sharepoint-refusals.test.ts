// Sign-ins and destinations that cannot be used: each is refused when the task is created, with its reason, in words that say what was
// tried and what to do, and once for each exit status of the command line with that.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import { ErrorReason } from '../gen/drover/v1/error_pb.ts';
import { DroverError, reasonName } from '../lib/error.ts';
import { PemConverter, X509CertificateGenerator } from '../lib/x509.ts';
import { projectRoot, temporaryFolder } from './harness/folders.ts';
import { assertSucceeded } from './harness/stack.ts';
import { Tenant, type SignIn, type TenantAgentPlan } from './harness/tenant.ts';
import { makeTree } from './harness/tree.ts';

const test = anyTest as TestFn;
const stops: (() => Promise<unknown>)[] = [];
const commandLine = path.join(projectRoot, 'admin', 'cli', 'main.ts');
const sites = 'https://contoso.sharepoint.com/sites';
const good = `${sites}/migration/Shared Documents/Place`;
const expiredSecret = 'this-secret-has-expired-long-ago';
let tenant: Tenant;

test.before(async () => {
  tenant = await Tenant.start(
    {
      edit: ({ apps, sites: known }) => {
        apps[0]!.expiredSecrets = [expiredSecret];
        const full = { title: 'Full', urlName: 'Full', quotaBytes: 10 };
        known.push({ path: '/sites/small', title: 'Small', libraries: [full] });
      },
    },
    (stop) => stops.push(stop),
  );
});

test.after.always(async () => {
  for (const stop of stops.toReversed()) await stop();
});

interface Ended {
  status: number;
  stderr: string;
}

/** Runs the command line and waits for its end. */
function drover(...words: string[]): Promise<Ended> {
  const env = { ...process.env, DROVER_DATA: tenant.stack.coordinator.ready.data };
  return new Promise((resolve) =>
    execFile(process.execPath, [commandLine, ...words], { env }, (failure, _output, stderr) =>
      resolve({ status: failure === null ? 0 : Number(failure.code), stderr }),
    ),
  );
}

/** An agent for one test: while it is there, it is the one that is asked. */
async function startAgent(t: ExecutionContext, plan: TenantAgentPlan) {
  const agent = await tenant.startAgent({ threads: 1, ...plan });
  t.teardown(() => agent.stop());
  return agent;
}

interface Refusal {
  destination: string;
  reason: ErrorReason;
  /** What has to be said. */
  says: RegExp;
  /** The exit status of the command line, which is tried, too, where this is given. */
  status?: number;
}

/** Asserts that a task is refused, and is not kept. */
async function assertRefused(t: ExecutionContext, { destination, reason, says, status }: Refusal) {
  const { stack } = tenant;
  const source = await temporaryFolder(t);
  if (status !== undefined) {
    const ended = await drover('tasks', 'create', '--source', source, '--destination', destination);
    t.is(ended.status, status, ended.stderr);
    t.true(ended.stderr.includes(reasonName(reason)), ended.stderr);
    t.regex(ended.stderr.replaceAll(/\s+/g, ' '), says);
    t.notRegex(ended.stderr, /^\s+at /m);
  }
  const thrown = await t.throwsAsync(stack.createTask({ source, destination }));
  const error = DroverError.from(thrown);
  t.log(error.message);
  t.is(reasonName(error.reason), reasonName(reason), error.message);
  t.regex(`${error.message} ${error.advice}`.replaceAll(/\s+/g, ' '), says);
  t.deepEqual((await stack.api.tasks.listTasks({})).tasks, []);
  t.is((await tenant.stats()).graph.openSessions, 0);
}

const { DESTINATION_NOT_FOUND, DESTINATION_ACCESS_DENIED, DESTINATION_READ_ONLY } = ErrorReason;
const { DESTINATION_FULL, DESTINATION_UNSUPPORTED, SIGN_IN_FAILED, SIGN_IN_UNREACHABLE } = ErrorReason; // oxfmt-ignore

test.serial('without an agent that can sign in', async (t) => {
  const says = /no connected agent has a sign-in for SharePoint; start one with drover-agent --tenant/; // oxfmt-ignore
  const refusal = { destination: good, reason: DESTINATION_UNSUPPORTED, says };
  await assertRefused(t, { ...refusal, status: 5 });
  const folders = await tenant.stack.startAgent({ name: 'folders' });
  t.teardown(() => folders.stop());
  await assertRefused(t, refusal);
});

test.serial('destinations that are not there, or take nothing', async (t) => {
  await startAgent(t, {});
  await tenant.put(`${sites}/small/Full/a file`, '0123456789');
  const refusals: Refusal[] = [
    {
      destination: `${sites}/nowhere/Shared Documents`,
      reason: DESTINATION_NOT_FOUND,
      says: /sites\/nowhere.* names no site|sites\/nowhere.*not found/,
      status: 3,
    },
    {
      destination: `${sites}/hr/No Such Library/x`,
      reason: DESTINATION_NOT_FOUND,
      says: /there are: .*Shared%20Documents.*Records.*HRPolicies/,
    },
    {
      destination: 'nobody@contoso.com',
      reason: DESTINATION_NOT_FOUND,
      says: /nobody@contoso\.com/,
    },
    {
      // The service says of a site without access and of one that is read-only often the same.
      destination: `${sites}/readonly/Shared Documents`,
      reason: DESTINATION_ACCESS_DENIED,
      says: /sites\/readonly.*"Access denied" \(403 accessDenied, request [\da-f-]{36}\)/,
      status: 6,
    },
    {
      destination: `${sites}/small/Full/x`,
      reason: DESTINATION_FULL,
      says: /small\/Full.* no room left: its quota is used up/,
      status: 8,
    },
  ];
  for (const refusal of refusals) await assertRefused(t, refusal);
  const readOnly = {
    kind: 'status',
    status: 403,
    code: 'accessDenied',
    innerCode: 'serviceReadOnly',
  };
  await tenant.faults({ path: 'createUploadSession', fault: readOnly });
  t.teardown(() => tenant.faults());
  await assertRefused(t, {
    destination: good,
    reason: DESTINATION_READ_ONLY,
    says: /it takes no changes.*Have the site unlocked/,
  });
});

/** A certificate that was valid once, as an agent is given it. */
async function expiredCertificate(t: ExecutionContext): Promise<string> {
  const algorithm = {
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
  };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const times = { notBefore: new Date('2020-01-01'), notAfter: new Date('2021-01-01') };
  const own = { name: 'CN=Drover', ...times, keys, signingAlgorithm: algorithm };
  const certificate = (await X509CertificateGenerator.createSelfSigned(own)).toString('pem');
  const key = PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY'); // oxfmt-ignore
  const registered = await tenant.graph('POST', `${tenant.ready.control}certificates`, Buffer.from(certificate)); // oxfmt-ignore
  t.is(registered.status, 200);
  const file = path.join(await temporaryFolder(t), 'certificate.pem');
  await writeFile(file, `${certificate}\n${key}\n`, { mode: 0o600 });
  return file;
}

// What Entra ID says of tenants and applications that it does not know is tested beside the credential.
const signIns: {
  name: string;
  signIn: (t: ExecutionContext, usual: SignIn) => SignIn | Promise<SignIn>;
  says: RegExp;
}[] = [
  {
    name: 'a wrong secret',
    signIn: (_t, usual) => ({ ...usual, clientSecret: 'nobody-knows-this-secret' }),
    says: /AADSTS7000215.*give the secret's value, not its id/,
  },
  {
    name: 'an expired secret',
    signIn: (_t, usual) => ({ ...usual, clientSecret: expiredSecret }),
    says: /AADSTS7000222.*make a new secret/,
  },
  {
    name: 'an expired certificate',
    signIn: async (t, usual) => {
      const { clientSecret, ...others } = usual;
      t.truthy(clientSecret);
      return { ...others, clientCertificateFile: await expiredCertificate(t) };
    },
    says: /certificate.*expired/i,
  },
];

for (const { name, signIn, says } of signIns)
  test.serial(`a sign-in with ${name}`, async (t) => {
    const agent = await startAgent(t, {
      name: name.replaceAll(' ', '-'),
      signIn: await signIn(t, tenant.signIn()),
    });
    await assertRefused(t, { destination: good, reason: SIGN_IN_FAILED, says });
    t.notRegex(readFileSync(agent.logFile, 'utf8'), /nobody-knows|this-secret-has-expired/);
  });

test.serial('an application without permission', async (t) => {
  const other = tenant.apps()[1]!;
  const signIn = { ...tenant.signIn(), clientId: other.clientId, clientSecret: other.secrets[0]! };
  await startAgent(t, { name: 'without-permission', signIn });
  const says = /account or application that the agent signs in with has no access/;
  await assertRefused(t, { destination: good, reason: DESTINATION_ACCESS_DENIED, says });
});

test.serial('a sign-in service that is down is no final answer', async (t) => {
  const { port } = new URL(tenant.ready.url);
  await tenant.faults({ path: '/token', fault: { kind: 'unavailable' } });
  t.teardown(() => tenant.faults());
  await startAgent(t, { name: 'down' });
  const says = new RegExp(`sign-in service localhost(:${port})? does not work at the moment.*503`);
  await assertRefused(t, { destination: good, reason: SIGN_IN_UNREACHABLE, says, status: 7 });
  await tenant.faults();
  // The agent needs no new start.
  const source = path.join(await temporaryFolder(t), 'source');
  await makeTree(source, { file: 'content' });
  assertSucceeded(t, (await tenant.stack.migrate(source, good)).run);
});
