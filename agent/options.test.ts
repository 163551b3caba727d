import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, hostname, tmpdir, availableParallelism } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { formatHostPort } from '../lib/option-values.ts';
import { compileCacheVariable } from '../lib/compile-cache-variable.ts';
import { parseAgentOptions } from './options.ts';

const main = fileURLToPath(new URL('main.ts', import.meta.url));

test('what is not given has its default', (t) => {
  t.deepEqual(parseAgentOptions(['--coordinator', 'hub:7443'], {}), {
    coordinators: [{ host: 'hub', port: 7443, proxy: undefined }],
    dataFolder: path.join(homedir(), '.drover', 'agent'),
    joinToken: undefined,
    displayName: hostname().slice(0, 100),
    group: 'default',
    sourceRoots: [],
    threads: Math.min(64, availableParallelism()),
    logLevel: 'info',
    requests: 16,
    signIn: undefined,
    vaultKeyFile: undefined,
    credentialsFolder: undefined,
    json: false,
  });
});

test('coordinators are given with commas or one by one; the token comes from the environment or a file', (t) => {
  const coordinators = ['--coordinator', 'a:1, [::1]:2', '--coordinator', 'b:3'];
  const given = parseAgentOptions(coordinators, { DROVER_JOIN_TOKEN: 'from the environment' });
  t.deepEqual(given.coordinators, [
    { host: 'a', port: 1, proxy: undefined },
    { host: '::1', port: 2, proxy: undefined },
    { host: 'b', port: 3, proxy: undefined },
  ]);
  t.is(given.joinToken, 'from the environment');
  const folder = mkdtempSync(path.join(tmpdir(), 'drover-options-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'token');
  writeFileSync(file, 'from the file\n');
  const args = [...coordinators, '--join-token-file', file];
  t.is(parseAgentOptions(args, { DROVER_JOIN_TOKEN: 'x' }).joinToken, 'from the file\n');
  t.throws(() => parseAgentOptions([...args, '--join-token-file', `${file}.no`], {}), {
    message: /--join-token-file: .*token\.no cannot be read \(ENOENT\)/,
  });
});

test('source roots are given one by one, or in the environment with commas', (t) => {
  const coordinator = ['--coordinator', 'a:1', '--group', 'north.1'];
  const environment = { DROVER_AGENT_SOURCE_ROOT: '/srv/a, file:///srv/b%2Cc' };
  const given = parseAgentOptions([...coordinator, '--source-root', '/srv/x,y', '--source-root', '\\\\files\\hr'], environment); // oxfmt-ignore
  t.deepEqual(given.sourceRoots, ['/srv/x,y', '\\\\files\\hr']);
  t.is(given.group, 'north.1');
  t.deepEqual(parseAgentOptions(coordinator, environment).sourceRoots, ['/srv/a', 'file:///srv/b%2Cc']); // oxfmt-ignore
  const wrong = { DROVER_AGENT_SOURCE_ROOT: '/srv/a,share' };
  t.throws(() => parseAgentOptions(coordinator, wrong), { message: /DROVER_AGENT_SOURCE_ROOT.*not an absolute path/ }); // oxfmt-ignore
});

const joined = [
  ...['--coordinator', 'hub:1', '--tenant', 'contoso.com'],
  ...['--client-id', '00001111-aaaa-2222-bbbb-3333cccc4444'],
];
const refusals: [args: string[], environment: Record<string, string>, said: RegExp][] = [
  [
    ['--data', '/no/such/folder'],
    {},
    /--coordinator: is missing, and no agent was set up in \/no\/such\/folder; run `drover-agent setup`/,
  ],
  [['--coordinator', 'hub'], {}, /--coordinator.*'hub' is invalid\. It must be host:port/],
  [['--coordinator', 'hub:0'], {}, /--coordinator.*port must be from 1/],
  [['--coordinator', 'hub:1', '--threads', '65'], {}, /--threads.*from 1 to 64/],
  [['--coordinator', 'hub:1'], { DROVER_AGENT_THREADS: 'x' }, /DROVER_AGENT_THREADS.*from 1 to 64/],
  [['--coordinator', 'hub:1', '--name', ' '], {}, /--name.*1 to 100 characters/],
  [['--coordinator', 'hub:1', '--group', 'a b'], {}, /--group.*1 to 63 letters/],
  [['--coordinator', 'hub:1'], { DROVER_AGENT_GROUP: 'x'.repeat(64) }, /--group.*1 to 63 letters|DROVER_AGENT_GROUP.*1 to 63 letters/], // oxfmt-ignore
  [['--coordinator', 'hub:1', '--source-root', 'share'], {}, /--source-root.*not an absolute path/],
  [['--coordinator', 'hub:1', '--source-root', 'https://a.sharepoint.com/b'], {}, /--source-root.*a folder or a share/], // oxfmt-ignore
  [['--coordinator', 'hub:1', '--colour'], {}, /unknown option '--colour'/],
  [['run', '--colours'], {}, /unknown option '--colours'/],
  [['--threads', '2', 'run'], {}, /write --threads after 'run', not before it/],
  [
    ['--coordinator', 'hub:1', '--tenant', 'contoso.com'],
    {},
    /--client-id: is missing; --tenant alone cannot sign in/,
  ],
  [
    [...joined, '--client-secret-file', '/no/such/secret'],
    {},
    /--client-secret-file: \/no\/such\/secret cannot be read \(ENOENT\)/,
  ],
  [
    ['--coordinator', 'hub:1', '--data', main],
    {},
    /--data: the folder .* cannot be made \(EEXIST\)/,
  ],
];

for (const [args, environment, said] of refusals)
  test(`refused by name, without a stack: ${said.source}`, async (t) => {
    const { status, error } = await run(args, environment);
    t.is(status, 2);
    t.regex(error, said);
    t.notRegex(error, /^\s+at /m);
  });

test('what is not given comes from the settings file; flags and environment count more', (t) => {
  const data = mkdtempSync(path.join(tmpdir(), 'drover-options-'));
  t.teardown(() => rmSync(data, { recursive: true }));
  const settings = {
    ...{ version: 1, coordinators: ['a:1', '[::1]:2'], name: 'one', group: 'north', threads: 3 },
    ...{ requests: 8, sourceRoots: ['/srv/a'], signIn: 'person', tenant: 'contoso.com' },
    ...{ clientId: '00001111-aaaa-2222-bbbb-3333cccc4444', proxy: 'http://proxy:3128' },
  };
  writeFileSync(path.join(data, 'agent.json'), JSON.stringify(settings));
  const told = parseAgentOptions(['--data', data], {});
  t.like(told, { displayName: 'one', group: 'north', threads: 3, requests: 8, sourceRoots: ['/srv/a'] }); // oxfmt-ignore
  t.deepEqual(told.coordinators.map(formatHostPort), ['a:1', '[::1]:2']);
  t.like(told.signIn, { tenant: 'contoso.com', http: { proxyUrl: 'http://proxy:3128/' } });
  const args = ['--coordinator', 'b:1', '--threads', '4', '--tenant', 'other.com'];
  const other = parseAgentOptions(['--data', data, ...args], {
    DROVER_AGENT_SOURCE_ROOT: '/srv/b',
  });
  t.like(other, { displayName: 'one', threads: 4, sourceRoots: ['/srv/b'] });
  t.deepEqual(other.coordinators.map(formatHostPort), ['b:1']);
  t.like(other.signIn, { tenant: 'other.com', clientId: settings.clientId });
});

test('help names every environment variable, and ends well', async (t) => {
  const { status, output } = await run(['--help'], {});
  t.is(status, 0);
  for (const name of [
    'COORDINATOR',
    'DATA',
    'JOIN_TOKEN_FILE',
    'NAME',
    'THREADS',
    'LOG_LEVEL',
    'JSON',
  ])
    t.regex(output.replaceAll(/\s+/g, ' '), new RegExp(`env: DROVER_AGENT_${name}\\b`));
  t.true(output.includes('DROVER_JOIN_TOKEN '));
});

function run(
  args: string[],
  environment: Record<string, string>,
): Promise<{ status: number | string; output: string; error: string }> {
  return new Promise((resolve) => {
    const options = { env: { HOME: tmpdir(), ...compileCacheVariable(), ...environment } };
    execFile(process.execPath, [main, ...args], options, (failure, output, error) =>
      resolve({ status: failure?.code ?? 0, output, error }),
    );
  });
}
