import test from 'ava';
import type { LookupAddress } from 'node:dns';
import { ManualClock } from '../dispatch/testing/manual-clock.ts';
import { checkUrl, type Resolve } from './allowed-address.ts';
import { Sender } from './sender.ts';
import { Endpoint } from './testing/endpoint.ts';

const direct = { proxyUrl: undefined, noProxy: undefined, authorities: [] };
const request = { headers: {}, body: '{}' };

for (const url of [
  'https://169.254.169.254/latest/meta-data',
  'https://2852039166/',
  'https://0xa9.0xfe.169.254/',
  'https://[fe80::1]/',
  'https://[::ffff:169.254.169.254]/',
  'https://[64:ff9b::a9fe:a9fe]/',
  'https://[fd00:ec2::254]/',
  'http://169.254.169.254/',
  'http://example.com/',
  'http://10.0.0.1/',
  'http://0.0.0.0/',
])
  test(`no webhook goes to ${url}`, (t) => {
    t.throws(() => checkUrl(url, 'url'), { message: /^url: (leads to|goes to another machine)/ });
  });

for (const url of [
  'https://example.com/a?b',
  'https://10.0.0.1/',
  'https://localhost:8443',
  'http://localhost:1/',
  'http://127.0.0.2:80/',
  'http://[::1]:80/',
])
  // oxfmt-ignore
  test(`a webhook may go to ${url}`, (t) => {
    t.notThrows(() => checkUrl(url, 'url'));
  });

/** Names resolve to these addresses. */
const resolving =
  (...addresses: LookupAddress[]): Resolve =>
  (_, __, callback) =>
    callback(null, addresses);

const metadata = { address: '169.254.169.254', family: 4 };
const local = { address: '127.0.0.1', family: 4 };

for (const [what, addresses] of [
  ['that of a metadata service', [metadata]],
  ['one of several', [local, metadata]],
  ['a mapped one', [{ address: '::ffff:169.254.169.254', family: 6 }]],
] as const)
  test(`a name that resolves to a link-local address is not connected to: ${what}`, async (t) => {
    const endpoint = await Endpoint.open(t);
    const resolve = resolving(...addresses);
    await using sender = new Sender({ clock: new ManualClock(), route: direct, resolve });
    const { port } = new URL(endpoint.url);
    const signal = new AbortController().signal;
    for (const url of [`https://meta.example:${port}/`, `http://localhost:${port}/`]) {
      const { kind, message } = await sender.send(url, request, signal);
      t.is(kind, 'failed');
      t.regex(
        message,
        /leads to (::ffff:)?169\.254\.169\.254, where services hand out credentials/,
      );
    }
    t.is(endpoint.received.length, 0);
  });

test('http to a name of this machine that resolves to another one is not connected to', async (t) => {
  const resolve = resolving({ address: '192.0.2.1', family: 4 });
  await using sender = new Sender({ clock: new ManualClock(), route: direct, resolve });
  const signal = new AbortController().signal;
  t.regex((await sender.send('http://localhost:9/', request, signal)).message, /goes to another machine without TLS/); // oxfmt-ignore
});

test('an address that was stored before it was forbidden is not connected to either', async (t) => {
  await using sender = new Sender({ clock: new ManualClock(), route: direct });
  const signal = new AbortController().signal;
  t.regex((await sender.send('https://169.254.169.254/', request, signal)).message, /^not sent: /);
});
