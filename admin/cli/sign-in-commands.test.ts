// A person signs in on the command line: by the code, then without it, until that is over.
import test, { type ExecutionContext } from 'ava';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Code, ConnectError, type Interceptor } from '@connectrpc/connect';
import { decodeJwt } from 'jose';
import { Role } from '../../gen/drover/v1/annotations_pb.ts';
import { CallerService } from '../../gen/drover/v1/caller_pb.ts';
import { clientId, PlayedEntra } from '../sign-in/played-entra.ts';
import type { CommandLineOptions } from './command-line.ts';
import type { Output } from './output.ts';
import { startTestCoordinator, testToken } from './test-coordinator.ts';
import { runWords } from './test-command-line.ts';

/** Its tokens are good for an hour. */
let tenant: PlayedEntra;
/** Its tokens are over as soon as they are there. */
let hasty: PlayedEntra;
test.before(async () => {
  [tenant, hasty] = await Promise.all([PlayedEntra.start(3600), PlayedEntra.start(5)]);
});
test.after.always(() => Promise.all([tenant, hasty].map((one) => one[Symbol.asyncDispose]())));

interface Stage {
  place?: PlayedEntra;
  /** Whether a token is taken. */
  takes?: (token: string, calls: number) => boolean;
}

/** A coordinator that knows the tenant, and a command line with a home of its own. */
async function start(t: ExecutionContext, { place = tenant, takes = () => true }: Stage = {}) {
  const seen: string[] = [];
  const recognise: Interceptor = (next) => (request) => {
    if (request.method.name === CallerService.method.getSignIn.name) return next(request);
    const token = (request.header.get('authorization') ?? '').replace('Bearer ', '');
    seen.push(token);
    if (takes(token, seen.length)) return next(request);
    throw new ConnectError('the sign-in is refused', Code.Unauthenticated);
  };
  const coordinator = await startTestCoordinator(
    (router) =>
      router.service(CallerService, {
        getSignIn: () => ({
          tenant: 'contoso.com',
          clientId,
          authority: place.authorityUrl,
          scope: `${clientId}/.default`,
        }),
        getCaller: (_request, { requestHeader }) => {
          const token = requestHeader.get('authorization')!.replace('Bearer ', '');
          if (token === testToken) return { caller: 'admin-token', role: Role.ADMIN };
          const { preferred_username: caller } = decodeJwt(token) as Record<string, string>;
          return { caller: caller!, role: Role.VIEWER };
        },
      }),
    [recognise],
  );
  t.teardown(() => coordinator[Symbol.asyncDispose]());
  const signInFolder = mkdtempSync(path.join(tmpdir(), 'drover-home-'));
  t.teardown(() => rmSync(signInFolder, { recursive: true }));
  const authorityFile = path.join(coordinator.dataFolder, 'authority.pem');
  const drover = (words: string, more: Partial<CommandLineOptions> = {}) =>
    runWords([...words.split(' '), '--coordinator', coordinator.address], { environment: {}, signInFolder, ...more }); // oxfmt-ignore
  const login = (action: 'approve' | 'decline' = 'approve') => {
    let shown = '';
    const stderr: Output = {
      isTerminal: false,
      columns: 80,
      write: async (text: string) => {
        shown += text;
        if (text.includes('enter the code')) await place.decide(text, action);
      },
    };
    const words = `login --authority-file ${authorityFile} --ca-file ${place.caFile}`;
    return drover(words, { stderr }).then((result) => ({ ...result, stderr: shown }));
  };
  return { coordinator, signInFolder, authorityFile, drover, login, seen };
}

const filesOf = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));

test('a person signs in once; every later command is called as that person, until logout', async (t) => {
  const { coordinator, drover, login, signInFolder } = await start(t);
  const { status, stdout, stderr } = await login();
  t.is(status, 0, stderr);
  t.regex(stderr, /^To sign in, use a web browser to open the page .* and enter the code /);
  t.is(stdout, `Signed in to ${coordinator.address} as ann@contoso.com, with the role viewer.\n`);
  const who = await drover('whoami');
  t.is(who.stdout, 'caller   ann@contoso.com\nrole     viewer\nexpires  never\n');
  t.like(JSON.parse((await drover('whoami --output json')).stdout), { caller: 'ann@contoso.com', role: 'ROLE_VIEWER' }); // oxfmt-ignore
  t.regex((await drover('callers get')).stdout, /ann@contoso\.com/);
  t.is((await drover('logout')).stdout, `Signed out of ${coordinator.address}.\n`);
  t.deepEqual(filesOf(signInFolder), []);
  t.is((await drover('logout')).stdout, `Nobody was signed in to ${coordinator.address}.\n`);
});

test('what is kept is readable by its owner only, and goes to no other coordinator', async (t) => {
  const { coordinator, login, signInFolder } = await start(t);
  await login();
  const files = filesOf(signInFolder);
  t.is(files.length, 2);
  for (const file of files) {
    t.is(statSync(file).mode & 0o777, 0o600);
    t.is(statSync(path.dirname(file)).mode & 0o777, 0o700);
  }
  const other = await start(t);
  const seen = await runWords(
    ['whoami', '--coordinator', other.coordinator.address, '--authority-file', other.authorityFile],
    { environment: {}, signInFolder },
  );
  t.deepEqual(other.seen, [''], seen.stderr);
  const folder = path.dirname(files[0]!);
  t.is(path.basename(folder), new URL(coordinator.address).host.replace(':', '_'));
});

test('a token that was given counts more than the sign-in', async (t) => {
  const { coordinator, drover, login } = await start(t);
  await login();
  const tokenFile = path.join(coordinator.dataFolder, 'token');
  t.regex((await drover(`whoami --token-file ${tokenFile}`)).stdout, /^caller {3}admin-token\n/);
  const environment = { DROVER_DATA: coordinator.dataFolder };
  const { stdout } = await runWords(['whoami'], { environment });
  t.regex(stdout, /^caller {3}admin-token\n/);
});

test('a token that is over is renewed, without the person', async (t) => {
  const { drover, login, seen } = await start(t, { place: hasty });
  await login();
  t.regex((await drover('whoami')).stdout, /ann@contoso\.com/);
  t.regex((await drover('whoami')).stdout, /ann@contoso\.com/);
  const hashes = new Set(seen.map((token) => createHash('sha256').update(token).digest('hex')));
  t.is(hashes.size, 3);
});

test('a token that the coordinator refuses is renewed once', async (t) => {
  const good = await start(t, { takes: (_token, calls) => calls !== 2 });
  await good.login();
  t.regex((await good.drover('whoami')).stdout, /ann@contoso\.com/);
  t.is(good.seen.length, 3);
  t.not(good.seen[1], good.seen[2]);
  const bad = await start(t, { takes: (_token, calls) => calls === 1 });
  await bad.login();
  t.is((await bad.drover('whoami')).status, 6);
  t.is(bad.seen.length, 3);
});

test('a sign-in that cannot be renewed says what to do', async (t) => {
  const { drover, login, signInFolder } = await start(t, { place: hasty });
  await login();
  const file = filesOf(signInFolder).find((one) => one.endsWith('cache.json'))!;
  const cache = readFileSync(file, 'utf8');
  for (const content of ['', '{}', cache.replaceAll(/"secret": ?"ey[^"]*"/g, '"secret":"x"')]) {
    writeFileSync(file, content);
    const { status, stderr } = await drover('whoami');
    t.is(status, 6);
    t.regex(stderr, /the sign-in of ann@contoso\.com cannot be renewed.*; run drover login/s);
  }
});

test('a sign-in that is damaged is none', async (t) => {
  const { authorityFile, drover, login, seen, signInFolder } = await start(t);
  await login();
  writeFileSync(
    filesOf(signInFolder).find((one) => one.endsWith('sign-in.json'))!,
    '{"address":',
  );
  await drover(`whoami --authority-file ${authorityFile}`);
  t.is(seen.at(-1), '');
});

test('a sign-in that is declined, or that the coordinator refuses, keeps nothing', async (t) => {
  const declined = await start(t);
  const first = await declined.login('decline');
  t.is(first.status, 6);
  t.regex(first.stderr, /the sign-in failed: AADSTS700171?: /);
  t.deepEqual(filesOf(declined.signInFolder), []);
  const refused = await start(t, { takes: () => false });
  t.is((await refused.login()).status, 6);
  t.deepEqual(filesOf(refused.signInFolder), []);
});

test('without a tenant, or without a way to it, it is said', async (t) => {
  await using coordinator = await startTestCoordinator(
    (router) => router.service(CallerService, { getSignIn: () => ({}) }),
    [],
  );
  const without = await coordinator.drover(['login']);
  t.is(without.status, 5);
  t.regex(
    without.stderr,
    /knows no tenant to sign in with \(WRONG_STATE\)\n {2}Use a token \(--token-file\), or start [^\n]+\n$/,
  );
  const { drover, authorityFile } = await start(t);
  const words = `login --authority-file ${authorityFile}`;
  const mistrusting = await drover(words);
  t.is(mistrusting.status, 7);
  t.regex(mistrusting.stderr, /from an authority that this computer does not trust; give that with --ca-file/); // oxfmt-ignore
  const missing = await drover(`${words} --ca-file /nowhere.pem`);
  t.regex(missing.stderr, /--ca-file: \/nowhere\.pem cannot be used: ENOENT/);
  const proxied = await drover(words, { environment: { HTTPS_PROXY: 'http://127.0.0.1:1' } });
  t.regex(proxied.stderr, /localhost:\d+ cannot be reached: .*ECONNREFUSED/);
});
