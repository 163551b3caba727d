// The way to another computer: its name, its port, and a proxy in between.
import { lookup } from 'node:dns/promises';
import { connect, isIP } from 'node:net';
import { formatHostPort, type HostPort } from '../../lib/option-values.ts';
import { isLoopback } from '../link/client.ts';
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
  EHOSTUNREACH: 'See whether that computer is on, and whether its network can be reached from here.', // prettier-ignore
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

/**
 * The proxy that gRPC takes to a coordinator because the environment says so, without a password that may stand in it; undefined when it
 * goes there directly. It is gRPC's rule, not Drover's.
 */
export function grpcProxyOf(
  { host }: HostPort,
  environment: Readonly<Record<string, string | undefined>>,
): { url: string; variable: string } | undefined {
  const variable = ['grpc_proxy', 'https_proxy', 'http_proxy'].find((name) => environment[name]);
  if (variable === undefined || isLoopback(host)) return undefined;
  const exceptions = environment['no_grpc_proxy'] || environment['no_proxy'] || '';
  const isExcepted = exceptions
    .split(',')
    .map((name) => name.trim())
    .some((name) => name !== '' && (host === name || host.endsWith(`.${name.replace(/^\./, '')}`)));
  if (isExcepted) return undefined;
  const url = URL.parse(environment[variable]!);
  return { url: url === null ? 'that it names' : url.host, variable };
}

/** What to know when the agent's stream takes another way than the person may think; undefined when it does not. */
export function detourOf(
  address: HostPort,
  environment: Readonly<Record<string, string | undefined>>,
): Outcome | undefined {
  const proxy = grpcProxyOf(address, environment);
  if (proxy === undefined) return undefined;
  return warning(
    `the connection to the coordinator at ${formatHostPort(address)} goes through the proxy ${proxy.url}, because ${proxy.variable} says so`,
    'If the coordinator is reached without it, put its name into the environment variable no_proxy.',
  );
}
