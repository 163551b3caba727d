// Where a webhook may go. A coordinator stands where other things listen that trust everybody near them: services that hand out a machine's
// credentials at a link-local address above all. What a name resolves to is looked at when it is connected to, because it may be another
// address by then than when the webhook was made.
import { lookup as systemLookup, type LookupAddress, type LookupAllOptions } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { DroverError } from '../../lib/error.ts';

const urlLengthMax = 2000;

const closed = new BlockList();
closed.addSubnet('169.254.0.0', 16, 'ipv4');
closed.addSubnet('fe80::', 10, 'ipv6');
// The same IPv4 addresses behind NAT64, and the one of Amazon's metadata service that is not link-local.
closed.addSubnet('64:ff9b::a9fe:0', 112, 'ipv6');
closed.addAddress('fd00:ec2::254', 'ipv6');

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Throws INVALID_ARGUMENT for an address that no webhook may have. */
export function checkUrl(text: string, field: string): void {
  if (text === '') throw DroverError.invalid(field, 'is missing');
  if (text.length > urlLengthMax) throw DroverError.invalid(field, `has more than ${urlLengthMax} characters`); // oxfmt-ignore
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw DroverError.invalid(field, 'is not an address such as https://example.com/hook');
  if (url.username !== '' || url.password !== '')
    throw DroverError.invalid(field, 'must not hold a user or a password; requests are signed');
  if (url.hash !== '') throw DroverError.invalid(field, 'must not have a part after #');
  const refusal = refusalOfHost(url);
  if (refusal !== undefined) throw DroverError.invalid(field, refusal);
}

/** Why a host that is an address, or http to another machine, is refused; undefined when it is not, as far as can be seen without resolving it. */
export function refusalOfHost({ hostname, protocol }: URL): string | undefined {
  const host = hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0) return refusalOfAddress(host, protocol === 'http:');
  return protocol === 'http:' && host !== 'localhost' ? onlyLoopback : undefined;
}

const onlyLoopback = 'goes to another machine without TLS; http is for this machine alone, give an https address'; // oxfmt-ignore

function refusalOfAddress(address: string, needsLoopback: boolean): string | undefined {
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  if (closed.check(address, family))
    return `leads to ${address}, where services hand out credentials of the machine`;
  return needsLoopback && !loopback.check(address, family) ? onlyLoopback : undefined;
}

/** Resolves a name to all of its addresses, as `dns.lookup` does. */
export type Resolve = (
  hostname: string,
  options: { all: true; family?: number | string | undefined; hints?: number | undefined },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

const resolveBySystem: Resolve = (hostname, options, callback) =>
  systemLookup(hostname, options as LookupAllOptions, callback);

/** Resolves names for connections, and refuses one any of whose addresses is not allowed. */
export function guardedLookup(needsLoopback: boolean, resolve = resolveBySystem): LookupFunction {
  return (hostname, { all, family, hints }, callback) =>
    resolve(hostname, { all: true, family, hints }, (error, addresses) => {
      if (error !== null) return callback(error, []);
      for (const { address } of addresses) {
        const refusal = refusalOfAddress(address, needsLoopback);
        if (refusal !== undefined) return callback(new Error(`${hostname} ${refusal}`), []);
      }
      const [first] = addresses;
      if (first === undefined) return callback(new Error(`${hostname} has no address`), []);
      if (all === true) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
}
