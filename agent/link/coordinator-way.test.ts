import test from 'ava';
import type { DroverError } from '../../lib/error.ts';
import { wayTo } from './coordinator-way.ts';

const hub = { host: 'hub.corp', port: 7443 };

function variableFor(environment: Record<string, string>, address = hub): string | undefined {
  return wayTo(address, environment).proxy?.variable;
}

test('each variable counts in both forms, the lower case first, but HTTP_PROXY', (t) => {
  const inOrder = ['grpc_proxy', 'GRPC_PROXY', 'https_proxy', 'HTTPS_PROXY', 'http_proxy'];
  const url = 'http://proxy:3128';
  for (const [index, name] of inOrder.entries()) {
    t.is(variableFor({ [name]: url }), name);
    const later = inOrder.slice(index).map((other) => [other, url]);
    t.is(variableFor(Object.fromEntries(later.toReversed())), name);
  }
  t.is(variableFor({ HTTP_PROXY: url }), undefined);
  t.is(variableFor({ https_proxy: '', HTTPS_PROXY: url }), 'HTTPS_PROXY');
  t.is(variableFor({}), undefined);
});

test('the address of the proxy, and who asks there', (t) => {
  const of = (https_proxy: string) => {
    const { address, credentials } = wayTo(hub, { https_proxy }).proxy!;
    return [address.host, address.port, credentials];
  };
  t.deepEqual(of('http://proxy:3128'), ['proxy', 3128, undefined]);
  t.deepEqual(of('http://proxy/'), ['proxy', 80, undefined]);
  t.deepEqual(of('proxy:3128'), ['proxy', 3128, undefined]);
  t.deepEqual(of('http://[fd00::1]:8080'), ['fd00::1', 8080, undefined]);
  t.deepEqual(of('http://ann:a%40b%25@proxy:1'), ['proxy', 1, 'ann:a@b%']);
  t.deepEqual(of('http://ann@proxy:1'), ['proxy', 1, 'ann:']);
});

test('what cannot be a proxy is refused by the name of its variable, and what stands there is not repeated', (t) => {
  for (const [text, why] of [
    ['http://', /^HTTPS_PROXY: must be/],
    ['http://ann:hunter2@', /^HTTPS_PROXY: must be/],
    ['socks5://ann:hunter2@proxy:1080', /^HTTPS_PROXY: must be/],
    ['https://ann:hunter2@proxy:443', /^HTTPS_PROXY: names a proxy that is spoken to by TLS/],
    ['http://ann:hunter2%@proxy:1', /^HTTPS_PROXY: has a %/],
  ] as const) {
    const error = t.throws<DroverError>(() => wayTo(hub, { HTTPS_PROXY: text }), { message: why });
    t.notRegex(error.message, /hunter2/);
    // What is reached directly asks for no proxy.
    t.is(wayTo(hub, { HTTPS_PROXY: text, NO_PROXY: 'corp' }).proxy, undefined);
  }
});

test('this computer, and what is excepted, is reached directly', (t) => {
  const https_proxy = 'http://proxy:3128';
  const isDirect = (host: string, more: Record<string, string> = {}) =>
    wayTo({ host, port: 7443 }, { https_proxy, ...more }).proxy === undefined;
  for (const host of ['localhost', '127.0.0.1', '127.9.9.9', '::1']) t.true(isDirect(host), host);
  for (const [entry, host, expected] of [
    ['hub.corp', 'hub.corp', true],
    ['HUB.corp', 'hub.CORP', true],
    ['corp', 'hub.corp', true],
    ['.corp', 'hub.corp', true],
    ['*.corp', 'hub.corp', true],
    ['orp', 'hub.corp', false],
    ['b.corp', 'hub.corp', false],
    ['other, hub.corp', 'hub.corp', true],
    ['other  hub.corp', 'hub.corp', true],
    ['hub.corp:7443', 'hub.corp', true],
    ['hub.corp:443', 'hub.corp', false],
    ['*', 'hub.corp', true],
    ['', 'hub.corp', false],
    ['.', 'hub.corp', false],
    ['10.0.0.1', '10.0.0.1', true],
    ['0.0.1', '10.0.0.1', false],
    ['10.0.0.0/8', '10.9.9.9', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['10.0.0.0/33', '10.0.0.1', false],
    ['10.0.0.0/x', '10.0.0.0', false],
    ['10.0.0.0/8', 'hub.corp', false],
    ['fd00::/8', 'fd12::1', true],
    ['fd00::1', 'fd00:0::1', true],
    ['[fd00::1]:7443', 'fd00::1', true],
    ['[fd00::1]:1', 'fd00::1', false],
    ['fe80::/10', 'fe80::1%eth0', true],
  ] as const)
    t.is(isDirect(host, { no_proxy: entry }), expected, `${entry} and ${host}`);
  t.true(isDirect('hub.corp', { NO_PROXY: 'corp' }));
  t.false(isDirect('hub.corp', { no_proxy: 'other', NO_PROXY: 'corp' }), 'the lower case first');
  t.true(isDirect('hub.corp', { NO_GRPC_PROXY: 'corp', no_proxy: 'other' }));
});
