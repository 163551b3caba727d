// Under which names and addresses a coordinator can be reached, for its certificate.
import { hostname, networkInterfaces } from 'node:os';
import { isIP } from 'node:net';

/** Names and addresses of this machine, and those that were given; each once, those that fit no certificate left out. */
export function serverNames(given: readonly string[]): string[] {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const names = [
    'localhost',
    hostname(),
    '127.0.0.1',
    '::1',
    ...given,
    ...addresses.map(({ address }) => address),
  ];
  // A link-local address carries the name of an interface, which means nothing to others.
  return [...new Set(names.map((name) => name.replace(/%.*$/, '').toLowerCase()))].filter(
    (name) => isIP(name) !== 0 || isHostName(name),
  );
}

/**
 * Under which hosts other machines are told to look for the coordinator: those that it was told to advertise, else the one it listens on,
 * and where it listens on all, the machine's name.
 */
export function advertisedHosts(advertise: readonly string[], listenHost: string): string[] {
  if (advertise.length > 0) return [...advertise];
  return ['0.0.0.0', '::'].includes(listenHost) ? [hostname()] : [listenHost];
}

/** Whether the text can be a DNS name. */
export function isHostName(text: string): boolean {
  return (
    text.length <= 253 &&
    text.split('.').every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i.test(label))
  );
}
