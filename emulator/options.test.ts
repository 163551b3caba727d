// Options as a person gives them.
import test from 'ava';
import { CommanderError } from 'commander';
import { homedir } from 'node:os';
import path from 'node:path';
import { compileEmulatorOptions, parseEmulatorOptions } from './options.ts';

const any = { host: '127.0.0.1', port: 0 };

test('defaults', (t) => {
  const defaults = {
    dataFolder: path.join(homedir(), '.drover', 'emulator'),
    listen: { host: '127.0.0.1', port: 7480 },
    httpListen: any,
    proxyListen: any,
    faultsFile: undefined,
    latencyMs: 0,
    bandwidthBytesPerSecond: undefined,
    resourceUnitsPerMinute: undefined,
    resourceUnitsPerDay: undefined,
    fragmentResourceUnits: 2,
    countThrottled: true,
    sessionExpiryMs: 900_000,
    tokenLifetimeMs: 3_599_000,
    strict: false,
  };
  t.deepEqual(compileEmulatorOptions({}), defaults);
  const parsed = parseEmulatorOptions([], () => {});
  t.deepEqual(compileEmulatorOptions(parsed.emulator), defaults);
  t.like(parsed, { json: false, logLevel: 'info' });
});

test('every flag', (t) => {
  const flags =
    '--data /d --listen [::1]:1 --http-listen h:2 --proxy-listen p:3 --faults f --latency 5 --bandwidth 6 ' +
    '--resource-units-per-minute 7 --resource-units-per-day 8 --fragment-resource-units 0 --no-count-throttled ' +
    '--session-expiry 9 --token-lifetime 10 --strict --log-level error --json';
  t.deepEqual(
    parseEmulatorOptions(flags.split(' '), () => {}),
    {
      emulator: {
        dataFolder: '/d',
        listen: { host: '::1', port: 1 },
        httpListen: { host: 'h', port: 2 },
        proxyListen: { host: 'p', port: 3 },
        faultsFile: 'f',
        latencyMs: 5,
        bandwidthBytesPerSecond: 6,
        resourceUnitsPerMinute: 7,
        resourceUnitsPerDay: 8,
        fragmentResourceUnits: 0,
        countThrottled: false,
        sessionExpiryMs: 9000,
        tokenLifetimeMs: 10_000,
        strict: true,
      },
      logLevel: 'error',
      json: true,
    },
  );
});

for (const args of [
  ['--listen', '7480'],
  ['--http-listen', '127.0.0.1:70000'],
  ['--proxy-listen', 'a'],
  ['--data', ''],
  ['--faults', ''],
  ['--latency', '-1'],
  ['--latency', '600001'],
  ['--bandwidth', '0'],
  ['--bandwidth', '1MB'],
  ['--resource-units-per-minute', '0'],
  ['--resource-units-per-day', 'x'],
  ['--fragment-resource-units', '1.5'],
  ['--session-expiry', '0'],
  ['--token-lifetime', '86401'],
  ['--log-level', 'loud'],
])
  test(`refused by name: ${args.join(' ')}`, (t) => {
    let written = '';
    t.throws(() => parseEmulatorOptions(args, (text) => (written += text)), {
      instanceOf: CommanderError,
    });
    t.regex(written, new RegExp(`${args[0]}.* is invalid`));
  });
