// The three addresses at which the emulator is reached: TLS, plain HTTP and a proxy that leads to the other two.
import type { Server as HttpServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server, Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { Logger } from '../../lib/log.ts';
import { formatHostPort, type HostPort } from '../../lib/option-values.ts';
import { createHttpServer } from './create-http-server.ts';
import { createRequestListener, type AnswerParts } from './answer-request.ts';
import type { ServerCertificate } from './authority.ts';
import { createProxy } from './proxy.ts';

/** Clients keep connections for a while, and a closed one costs them a retry. */
const keepAliveTimeoutMs = 120_000;
/** Requests that are going when the emulator ends have so long to come to theirs. */
const closeGraceMs = 1000;

export interface FrontDoorOptions {
  certificate: ServerCertificate;
  listen: HostPort;
  httpListen: HostPort;
  proxyListen: HostPort;
}

export interface FrontDoor extends AsyncDisposable {
  readonly tlsPort: number;
  readonly httpPort: number;
  readonly proxyPort: number;
  openConnections(): number;
}

/** Opens all three, or none. Throws ADDRESS_IN_USE or INVALID_ARGUMENT that names the option. */
export async function openFrontDoor(
  { certificate, listen, httpListen, proxyListen }: FrontDoorOptions,
  answering: AnswerParts,
): Promise<FrontDoor> {
  const { log } = answering;
  const sockets = new Set<Socket>();
  const options = { keepAliveTimeout: keepAliveTimeoutMs, requestTimeout: 0, noDelay: true };
  const tls = createTlsServer(
    {
      ...options,
      cert: certificate.certificateChain,
      key: certificate.privateKey,
      ALPNProtocols: ['http/1.1'],
    },
    createRequestListener('https', answering),
  );
  const http = createHttpServer(options, createRequestListener('http', answering));
  tls.on('tlsClientError', (error, socket) => {
    log.debug({ message: error.message }, 'no TLS connection');
    socket.destroy();
  });
  const proxy = createProxy({ tls, http, log });
  for (const server of [tls, http, proxy]) watch(server, sockets, log);
  await using parts = new AsyncDisposableStack();
  parts.defer(() => closeAll([tls, http, proxy], sockets));
  await listenOn(tls, listen, '--listen');
  await listenOn(http, httpListen, '--http-listen');
  await listenOn(proxy, proxyListen, '--proxy-listen');
  const owned = parts.move();
  let closing: Promise<void> | undefined;
  return {
    tlsPort: portOf(tls),
    httpPort: portOf(http),
    proxyPort: portOf(proxy),
    openConnections: () => sockets.size,
    [Symbol.asyncDispose]: () => (closing ??= owned.disposeAsync()),
  };
}

/** Knows every connection, and lets what is not HTTP do no more than a line in the log. */
function watch(server: HttpServer, sockets: Set<Socket>, log: Logger): void {
  // A connection through the proxy is announced twice, as the proxy's and as the one it leads to.
  server.on('connection', (socket: Socket) => {
    if (sockets.has(socket)) return;
    sockets.add(socket);
    socket.on('error', (error) => log.debug({ message: error.message }, 'a connection broke'));
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('clientError', (error: Error, socket) => {
    log.debug({ message: error.message }, 'not HTTP');
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
    else socket.destroy();
  });
}

async function listenOn(server: Server, address: HostPort, option: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ host: address.host, port: address.port }, resolve);
  try {
    await promise;
  } catch (cause) {
    throw listenError(cause as NodeJS.ErrnoException, formatHostPort(address), option);
  } finally {
    server.off('error', reject);
  }
}

function listenError(cause: NodeJS.ErrnoException, address: string, option: string): DroverError {
  if (cause.code !== 'EADDRINUSE')
    return DroverError.invalid(option, `cannot listen on ${address}: ${cause.message}`, cause);
  return new DroverError(
    ErrorReason.ADDRESS_IN_USE,
    `${option}: the address ${address} is taken by another process`,
    { cause, metadata: { address, option } },
  );
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

async function closeAll(servers: readonly HttpServer[], sockets: Set<Socket>): Promise<void> {
  const closed = Promise.all(
    servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))),
  );
  for (const server of servers) server.closeIdleConnections();
  const all = async () => {
    await closed;
    // Those that came by the proxy belong to no server's own list.
    await Promise.all([...sockets].map(socketClosed));
  };
  const stop = new AbortController();
  await Promise.race([
    all(),
    wait(closeGraceMs, undefined, { signal: stop.signal }).catch(() => {}),
  ]);
  stop.abort();
  const left = [...sockets].map((socket) => socketClosed(socket.destroy()));
  await Promise.all([closed, ...left]);
}

/** Of a socket in the set, which has not said so yet. */
function socketClosed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}
