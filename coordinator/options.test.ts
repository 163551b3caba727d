import test from 'ava';
import { CommanderError } from 'commander';
import { DroverError } from '../lib/error.ts';
import { compileCoordinatorOptions, parseCoordinatorOptions } from './options.ts';

const quiet = () => {};

function serve(...args: string[]) {
  const options = parseCoordinatorOptions(args, quiet);
  if (options.kind !== 'serve')
    throw new Error(`the coordinator was not to be run: ${options.kind}`);
  return options;
}

test('defaults are complete', (t) => {
  const { coordinator, ...process } = serve('--data', '/d');
  t.deepEqual(process, { kind: 'serve', logLevel: 'info', json: false });
  const complete = {
    dataFolder: '/d',
    listen: { host: '127.0.0.1', port: 7443 },
    advertise: [],
    leaseTtlMs: 30_000,
    heartbeatIntervalMs: 5000,
    authorityFile: undefined,
    callsPerSecond: 100,
    metricsListen: undefined,
    metricsTokenFile: undefined,
    webhookRoute: { proxyUrl: undefined, noProxy: undefined, authorities: [] },
    entra: undefined,
  };
  t.deepEqual(compileCoordinatorOptions(coordinator), complete);
  t.deepEqual(compileCoordinatorOptions({ dataFolder: '/d' }), complete);
});

test('options are taken as they are given', (t) => {
  const args =
    '--data x/y --listen [::1]:0 --advertise a.example,10.0.0.1 --advertise b --lease-ttl 2 --calls-per-second 0 --authority-file /ca.pem --metrics-listen [::1]:0 --metrics-token-file /token --json';
  const { coordinator, json } = serve(...args.split(' '));
  t.true(json);
  const { dataFolder, ...rest } = compileCoordinatorOptions(coordinator);
  t.true(dataFolder.startsWith('/') && dataFolder.endsWith('/x/y'));
  t.deepEqual(rest, {
    listen: { host: '::1', port: 0 },
    advertise: ['a.example', '10.0.0.1', 'b'],
    leaseTtlMs: 2000,
    // The default follows where the lease is short.
    heartbeatIntervalMs: 666,
    authorityFile: '/ca.pem',
    callsPerSecond: 0,
    metricsListen: { host: '::1', port: 0 },
    metricsTokenFile: '/token',
    webhookRoute: { proxyUrl: undefined, noProxy: undefined, authorities: [] },
    entra: undefined,
  });
});

const refused = [
  ['--lease-ttl', '1'],
  ['--lease-ttl', '3601'],
  ['--lease-ttl', '2.5'],
  ['--heartbeat-interval', '0'],
  ['--heartbeat-interval', '1801'],
  ['--listen', '7443'],
  ['--listen', '127.0.0.1:70000'],
  ['--listen', '::1:1'],
  ['--advertise', 'a:1'],
  ['--advertise', ''],
  ['--calls-per-second', '-1'],
  ['--log-level', 'loud'],
  ['--data', ''],
  ['--authority-file', ''],
  ['--nonsense', 'x'],
];

for (const [flag, value] of refused)
  test(`refused by name: ${flag} "${value}"`, (t) => {
    let written = '';
    const write = (text: string) => (written += text);
    t.throws(() => parseCoordinatorOptions([flag!, value!], write), { instanceOf: CommanderError });
    t.true(written.includes(flag!));
  });

test('surplus arguments, and heartbeats that are too rare for the lease, are refused', (t) => {
  t.throws(() => parseCoordinatorOptions(['x'], quiet), { instanceOf: CommanderError });
  const rare = { leaseTtlMs: 10_000, heartbeatIntervalMs: 5001 };
  t.throws(() => compileCoordinatorOptions(rare), { instanceOf: DroverError });
});

test('what is to be done to the data takes its folders from anywhere on the line', (t) => {
  const parse = (line: string) => parseCoordinatorOptions(line.split(' '), quiet);
  const backup = { kind: 'backup', dataFolder: '/d', to: '/b', json: false };
  t.deepEqual(parse('backup --data /d --to /b'), backup as never);
  t.deepEqual(parse('--data /d backup --to /b'), backup as never);
  const restore = { kind: 'restore', dataFolder: '/d', from: '/b', json: true };
  t.deepEqual(parse('restore --json --from /b --data /d'), restore as never);
  t.deepEqual(parse('check --data /d'), { kind: 'check', dataFolder: '/d', json: false } as never);
});

test('what is to be done to the data without what it needs is refused by name', (t) => {
  for (const [line, name] of [
    ['backup', '--to'],
    ['restore', '--from'],
    ['backup --to', '--to'],
    ['check x', 'x'],
  ]) {
    // oxfmt-ignore
    let written = '';
    const write = (text: string) => (written += text);
    t.throws(() => parseCoordinatorOptions(line!.split(' '), write), {
      instanceOf: CommanderError,
    });
    t.true(name === 'x' || written.includes(name!), written);
  }
});

const clientId = '11111111-2222-3333-4444-555555555555';

test('the tenant whose people may sign in is taken with the way to it', (t) => {
  const given = parseCoordinatorOptions(
    ['--entra-tenant', 'Contoso.com', '--entra-client-id', clientId.toUpperCase()],
    quiet,
    { HTTPS_PROXY: 'proxy.example:3128', NO_PROXY: 'localhost' },
  );
  t.is(given.kind, 'serve');
  const { entra } = compileCoordinatorOptions((given as { coordinator: object }).coordinator);
  t.deepEqual(entra, {
    tenant: 'contoso.com',
    clientId,
    authorityUrl: 'https://login.microsoftonline.com',
    authorities: [],
    proxy: { url: 'http://proxy.example:3128/', except: 'localhost' },
  });
});

const tenantRefusals: [words: string, name: string][] = [
  ['--entra-tenant contoso.com', '--entra-client-id'],
  [`--entra-client-id ${clientId}`, '--entra-tenant'],
  ['--entra-authority https://localhost', '--entra-tenant'],
  ['--entra-tenant contoso.com --entra-client-id 5', '--entra-client-id'],
  [`--entra-tenant common --entra-client-id ${clientId}`, '--entra-tenant'],
  [`--entra-tenant a/b --entra-client-id ${clientId}`, '--entra-tenant'],
  [`--entra-tenant a --entra-client-id ${clientId} --entra-authority http://x`, '--entra-authority'], // oxfmt-ignore
  [`--entra-tenant a --entra-client-id ${clientId} --entra-authority https://x/y`, '--entra-authority'], // oxfmt-ignore
  [`--entra-tenant a --entra-client-id ${clientId} --entra-ca-file /nowhere`, '--entra-ca-file'],
];

for (const [words, name] of tenantRefusals)
  test(`a tenant is refused by the name of the option: ${words}`, (t) => {
    const error = t.throws(() => compileCoordinatorOptions(serve(...words.split(' ')).coordinator));
    t.true(error instanceof DroverError && error.message.startsWith(name), String(error));
  });
