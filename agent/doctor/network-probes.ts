// The way to another computer: its name, its port, and a proxy in between.
import { lookup } from 'node:dns/promises';
import { connect, isIP } from 'node:net';
import { formatHostPort, type HostPort } from '../../lib/option-values.ts';
import type { CoordinatorAddress } from '../link/coordinator-way.ts';
import { unreachableWords } from '../link/tls-probe.ts';
import { failed, ok, warning, type Outcome } from './outcome.ts';

const connectTimeoutMs = 10_000;

/** Whether a host name leads anywhere. */
export async function probeName({ host }: HostPort): Promise<Outcome> {
  if (isIP(host) !== 0) return ok(`${host} is an address itself`);
  try {
    const found = await lookup(host, { all: true });
    return ok(`${host} is ${found.map(({ address }) => address).join(', ')}`);
  } catch (cause) {
    const { code = String(cause) } = cause as NodeJS.ErrnoException;
    const why = code === 'EAI_AGAIN' ? 'the name service does not answer' : 'nobody knows it';
    return failed(
      `the name ${host} cannot be resolved: ${why} (${code})`,
      'Look for a mistake in the name, and at the DNS settings of this computer; an address in numbers works without.',
    );
  }
}

/** Whether something listens at an address; `what` is it for people, such as "the coordinator". */
export async function probePort(what: string, address: HostPort): Promise<Outcome> {
  const place = formatHostPort(address);
  const code = await connectCode(address);
  if (code === undefined) return ok(`${what} at ${place} can be connected to`);
  return failed(
    `${what} at ${place} cannot be connected to: ${unreachableWords(code) ?? code} (${code})`,
    portAdvice[code] ??
      `See whether ${what} runs there, and whether a firewall lets this computer through to port ${address.port}.`,
  );
}

const portAdvice: Record<string, string> = {
  ENETUNREACH: 'See whether this computer is connected to the network.',
  EHOSTUNREACH: 'See whether that computer is on, and whether its network can be reached from here.', // oxfmt-ignore
};

/** The code of the system's error; undefined when a connection was made. */
function connectCode({ host, port }: HostPort): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: connectTimeoutMs });
    const end = (code: string | undefined) => {
      socket.destroy();
      resolve(code);
    };
    socket.on('connect', () => end(undefined));
    socket.on('timeout', () => end('ETIMEDOUT'));
    socket.on('error', (error: NodeJS.ErrnoException) => end(codeOf(error)));
  });
}

/** A name with several addresses fails with an error for each. */
function codeOf(error: NodeJS.ErrnoException): string {
  const [first] = error instanceof AggregateError ? (error.errors as NodeJS.ErrnoException[]) : [];
  return first?.code ?? error.code ?? error.message;
}

/** Where a proxy listens. */
export function proxyAddress(proxyUrl: string): HostPort {
  const { hostname, port, protocol } = new URL(proxyUrl);
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port) || (protocol === 'https:' ? 443 : 80),
  };
}

/** What to know when the way to the coordinator is another one than the person may think; undefined when it is not. */
export function detourOf(address: CoordinatorAddress): Outcome | undefined {
  const { proxy } = address;
  if (proxy === undefined) return undefined;
  return warning(
    `the connection to the coordinator at ${formatHostPort(address)} goes through the proxy ${formatHostPort(proxy.address)}, because ${proxy.variable} says so`,
    'If the coordinator is reached without it, put its name into the environment variable no_proxy.',
  );
}
