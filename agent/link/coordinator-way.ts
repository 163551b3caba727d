// Which way leads to a coordinator: a direct one, or through the proxy that the environment names. This is the one place that says it: the
// stream, the joining, the renewal and every look at who answers are given an address that has its way in it. grpc-js would read the
// environment by itself (client.ts tells it not to): it knows the variables in lower case only, and where one cannot be used it goes
// directly. PURE.
import { BlockList, isIP } from 'node:net';
import { DroverError } from '../../lib/error.ts';
import { formatHostPort, type HostPort } from '../../lib/option-values.ts';

/** A coordinator's address, and the way there. */
export interface CoordinatorAddress extends HostPort {
  /** The proxy on the way; undefined: it is reached directly. */
  proxy: CoordinatorProxy | undefined;
}

/** An HTTP proxy that is asked to CONNECT; TLS goes through it end to end. */
export interface CoordinatorProxy {
  address: HostPort;
  /** user:password, when the proxy asks for them. It is a secret. */
  credentials: string | undefined;
  /** The environment variable that named it. */
  variable: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The first that is set counts. HTTP_PROXY is none of them, as with curl: a web server that starts a program hands over a header of a request
 * as that variable. Windows does not tell capitals apart.
 */
const proxyVariables = ['grpc_proxy', 'GRPC_PROXY', 'https_proxy', 'HTTPS_PROXY', 'http_proxy'];
const exceptionVariables = ['no_grpc_proxy', 'NO_GRPC_PROXY', 'no_proxy', 'NO_PROXY'];

/**
 * The address with the way that the environment says. What the variables for exceptions name, and this computer itself, is reached directly.
 * Throws INVALID_ARGUMENT when the variable with the proxy cannot be used; what stands in it is not repeated, as it may be a password.
 */
export function wayTo({ host, port }: HostPort, environment: Environment): CoordinatorAddress {
  const address = { host, port };
  const variable = firstOf(proxyVariables, environment);
  if (variable === undefined || isLoopback(host)) return { ...address, proxy: undefined };
  const exceptions = environment[firstOf(exceptionVariables, environment) ?? ''] ?? '';
  const isExcepted = exceptions.split(/[\s,]+/).some((entry) => covers(entry, address));
  return { ...address, proxy: isExcepted ? undefined : readProxy(address, variable, environment) };
}

/** Whether a host is this computer itself: a proxy for the world outside cannot reach that. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d+){3}$/.test(host);
}

function firstOf(names: readonly string[], environment: Environment): string | undefined {
  return names.find((name) => environment[name]);
}

function readProxy(
  address: HostPort,
  variable: string,
  environment: Environment,
): CoordinatorProxy {
  const text = environment[variable] ?? '';
  const url = URL.parse(text.includes('://') ? text : `http://${text}`);
  const coordinator = formatHostPort(address);
  if (url === null || url.hostname === '' || !['http:', 'https:'].includes(url.protocol))
    throw DroverError.invalid(
      variable,
      'must be http://host:port, with user:password@ when the proxy asks for them',
    );
  if (url.protocol === 'https:')
    throw DroverError.invalid(
      variable,
      `names a proxy that is spoken to by TLS, and the coordinator at ${coordinator} can be reached through one for plain HTTP only; ` +
        'name such a one in grpc_proxy, or name the coordinator in no_proxy when it is reached directly',
    );
  return {
    address: { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port) || 80 },
    credentials: readCredentials(url, variable),
    variable,
  };
}

function readCredentials({ username, password }: URL, variable: string): string | undefined {
  if (username === '' && password === '') return undefined;
  try {
    return `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  } catch (cause) {
    throw DroverError.invalid(
      variable,
      'has a % in user or password that stands for nothing; write it as %25',
      cause,
    );
  }
}

/**
 * Whether an entry of the exceptions means the address: a name, with all below it, an address or a network such as 10.0.0.0/8, each with or
 * without a port, or * for all.
 */
function covers(entry: string, { host, port }: HostPort): boolean {
  if (entry === '*') return true;
  const [, bracketed, plain, onlyPort] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(entry) ?? [];
  if (onlyPort !== undefined && Number(onlyPort) !== port) return false;
  // An IPv6 address without brackets has no port.
  const name = (bracketed ?? plain ?? entry).toLowerCase();
  const [network = '', bits] = name.split('/');
  if (isIP(network) !== 0) return isInNetwork(host, network, bits);
  if (isIP(host) !== 0) return false;
  const domain = name.replace(/^\*?\./, '');
  const named = host.toLowerCase();
  return domain !== '' && (named === domain || named.endsWith(`.${domain}`));
}

function isInNetwork(host: string, network: string, bits: string | undefined): boolean {
  const [address = ''] = host.split('%');
  if (isIP(address) === 0) return false;
  const most = isIP(network) === 4 ? 32 : 128;
  const prefix = bits === undefined ? most : /^\d+$/.test(bits) ? Number(bits) : NaN;
  if (!(prefix <= most)) return false;
  const list = new BlockList();
  list.addSubnet(network, prefix, familyOf(network));
  return list.check(address, familyOf(address));
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 4 ? 'ipv4' : 'ipv6';
}
