// An agent from the invitation to its first attachment, at the real command line: set up where nobody sits, examined while it runs, started
// with nothing but its folder; and what is said of each link that is broken.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { AgentState } from '../gen/drover/v1/agent_pb.ts';
import { startProcess } from '../scripts/local-process.ts';
import type { AgentReady } from '../scripts/local-stack.ts';
import { projectRoot } from './harness/folders.ts';
import { Tenant } from './harness/tenant.ts';

const main = path.join(projectRoot, 'agent', 'main.ts');
const secret = 'a secret of the set-up alone';

interface Finding {
  check: string;
  state: string;
  words: string;
  advice?: string;
}

interface Ended {
  status: number;
  stdout: string;
  stderr: string;
}

function run(args: readonly string[], environment: Record<string, string> = {}): Promise<Ended> {
  const env = { ...process.env, no_proxy: '*', ...environment };
  return new Promise((resolve) =>
    execFile(process.execPath, [main, ...args], { env }, (error, stdout, stderr) =>
      resolve({ status: error === null ? 0 : Number(error.code ?? 1), stdout, stderr }),
    ),
  );
}

async function examine(t: ExecutionContext, ...args: string[]) {
  const { status, stdout, stderr } = await run(['doctor', '--json', ...args]);
  t.is(stderr, '');
  const { findings } = JSON.parse(stdout) as { findings: Finding[] };
  return {
    status,
    findings,
    found: (check: string) => findings.filter((one) => one.check === check),
  };
}

test('an agent is set up from an answers file, runs with its folder alone, and is examined beside it', async (t) => {
  t.timeout(180_000);
  const tenant = await Tenant.start({}, (stop) => t.teardown(stop));
  const { api, coordinator } = tenant.stack;
  await tenant.setSecret(secret, true);
  const folder = path.join(tenant.folder, 'setup');
  const [data, share] = [path.join(folder, 'agent'), path.join(folder, 'share')];
  mkdirSync(share, { recursive: true });
  writeFileSync(path.join(share, 'file'), 'content');
  const { clientId, tenantDomain, authority, graph, ca: caFile } = tenant.ready;
  const answers = { signIn: 'application', tenant: tenantDomain, clientId, authority, graph, caFile, clientSecretFile: 'secret', sourceRoots: [share], threads: 1, name: 'files-1' }; // oxfmt-ignore
  const answersFile = path.join(folder, 'answers.json');
  writeFileSync(answersFile, JSON.stringify(answers));
  writeFileSync(path.join(folder, 'secret'), `${secret}\n`);
  const { invitation } = await api.agents.inviteAgents({ group: 'north' });
  const short = await api.agents.inviteAgents({ expires: { seconds: 1n } });
  const setup = ['setup', '--yes', '--data', data, '--answers', answersFile];

  // What does not work ends the set-up with words, and leaves nothing.
  const elsewhere = invitation.replace(/drover-join-.{8}/, 'drover-join-00000000');
  while (Date.now() < Number(short.expireTime!.seconds) * 1000 + 1000) await delay(50);
  const refused = await Promise.all([
    run(setup, { DROVER_INVITATION: elsewhere }),
    run(['setup', '--yes', '--data', `${data}-2`], { DROVER_INVITATION: invitation }),
  ]);
  t.deepEqual(refused.map(({ status }) => status), [2, 2]); // oxfmt-ignore
  t.regex(
    refused[0]!.stderr,
    /DROVER_INVITATION or --invitation-file: another coordinator than the one that was named/,
  );
  t.regex(refused[1]!.stderr, /--sign-in: is missing, and nobody is asked/);
  const late = await run(setup, { DROVER_INVITATION: short.invitation });
  t.is(late.status, 2);
  t.regex(late.stderr, /JOIN_TOKEN_EXPIRED/);
  t.deepEqual([existsSync(data), existsSync(`${data}-2`)], [false, false]);

  const done = await run(setup, { DROVER_INVITATION: invitation });
  t.is(done.status, 0, done.stderr);
  t.regex(done.stdout, /agents\/files-1-\w+ is set up, and works for 127\.0\.0\.1:\d+\. Written:/);
  t.regex(done.stdout, /drover-agent --data /);
  t.false(readFileSync(path.join(data, 'agent.json'), 'utf8').includes(secret));

  const agent = await startProcess<AgentReady>({
    name: 'set-up-agent',
    script: main,
    arguments: ['--data', data, '--json'],
    environment: { no_proxy: '*' },
    logFolder: path.join(folder, 'logs'),
  });
  t.teardown(() => agent.stop(5000));
  const shown = (await api.agents.getAgent({ name: agent.ready.agent })).agent!;
  t.like(shown, { displayName: 'files-1', group: 'north', sourceRoots: [share], state: AgentState.ONLINE }); // oxfmt-ignore
  t.true(shown.locationKinds.includes('sharepoint'));

  const destination = tenant.place();
  const whole = await examine(t, '--data', data, '--destination', destination);
  t.deepEqual(whole.findings.filter(({ state }) => state !== 'ok'), []); // oxfmt-ignore
  t.deepEqual(whole.findings.map(({ check }) => check), ['settings', 'data folder', 'owner only', 'certificate', 'name', 'connection', 'TLS', 'clock', 'accepted', 'version', 'vault', 'sign-in', 'Graph', 'destination', 'source']); // oxfmt-ignore
  t.is(whole.status, 0);

  // Every link broken at once that can be: each has its own line, with what to do.
  await tenant.setSecret(secret, false);
  const nowhere = '127.0.0.1:1';
  const [far, outdated] = await Promise.all([
    examine(t, '--data', data, '--coordinator', nowhere, '--proxy', `http://${nowhere}`, '--authority', 'https://login.microsoftonline.com', '--source', '/no/such/folder'), // oxfmt-ignore
    coordinator.stop().then(() => examine(t, '--data', data, '--destination', destination)),
  ]);
  t.deepEqual([far.status, outdated.status], [1, 1]);
  t.regex(far.found('connection')[0]!.words, /nothing listens there \(ECONNREFUSED\)/);
  t.like(far.found('accepted')[0], { state: 'skipped' });
  t.regex(far.found('proxy')[0]!.words, /the proxy at 127\.0\.0\.1:1 cannot be connected to/);
  t.regex(far.found('sign-in')[0]!.words, /cannot be reached through the proxy 127\.0\.0\.1:1/);
  t.like(far.found('Graph')[0], { state: 'skipped' });
  t.regex(far.found('source').at(-1)!.words, /\/no\/such\/folder cannot be read: it is not there/);
  t.like(outdated.found('connection')[0], { state: 'failed' });
  t.regex(outdated.found('sign-in')[0]!.words, /AADSTS7000215.*Invalid client secret/i);
  t.regex(outdated.found('destination')[0]!.words, /AADSTS7000215/);
  for (const finding of [...far.findings, ...outdated.findings]) {
    t.is(finding.state === 'failed', finding.advice !== undefined, JSON.stringify(finding));
    t.false(JSON.stringify(finding).includes(secret));
  }
});
