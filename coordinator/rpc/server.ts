// The one port: TLS, and on it gRPC, gRPC-Web and Connect (plain HTTP and JSON) over HTTP/2 and HTTP/1.1.
import { Code, ConnectError, createContextValues } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import type { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type ServerHttp2Session,
} from 'node:http2';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { formatHostPort, type HostPort } from '../../lib/option-values.ts';
import type { ServerCertificate } from '../trust/trust.ts';
import { createAuditInterceptor, createReadingGate } from './audit-interceptor.ts';
import { createCallInterceptor, createGate } from './call-log.ts';
import { peerKey, type Peer } from './caller.ts';
import { Connections } from './connections.ts';
import { jsonText } from './json-text.ts';
import { administratorMessageBytesMax, createRoutes } from './routes.ts';
import type { TaskServiceParts } from './service-parts.ts';

/** The largest message that is sent, and that agents send: a page of 2000 items with long paths takes a quarter of it. */
const messageBytesMax = 16 * 1024 * 1024;
const headerBytesMax = 32 * 1024;
const headersMax = 100;
const handshakeTimeoutMs = 10_000;
const streamsPerConnectionMax = 256;
/**
 * What a peer may send ahead on a stream, which is held in memory for each of hundreds that report at once when the coordinator was away:
 * 7,500 items a second from each agent over 100 ms, and as many as there can be from one nearby.
 */
const streamWindowBytes = 64 * 1024;
const sessionMemoryMiB = 64;
/** The framework's types do not name the decoder, which its serialization takes; a test shows that it is used. */
const jsonOptions = { ignoreUnknownFields: true, textDecoder: jsonText };
/** How long calls that are going get to end when the server closes. */
const closeGraceMs = 5000;

export interface ServerParts extends TaskServiceParts {
  certificate: ServerCertificate;
  listen: HostPort;
}

export interface Server {
  /** The port that it listens on. */
  readonly port: number;
  /** Ends every call, takes no new ones. */
  stop(): void;
  /** Waits until all connections are closed; those that do not end within some seconds are cut. Idempotent. */
  close(): Promise<void>;
}

/** Starts to listen. Throws ADDRESS_IN_USE, or INVALID_ARGUMENT when the address is none of this machine. */
export async function startServer(parts: ServerParts): Promise<Server> {
  const { certificate, listen, log, trust } = parts;
  const stopping = new AbortController();
  const server = createSecureServer({
    key: certificate.privateKey,
    cert: certificate.certificateChain,
    ca: trust.authorityCertificate,
    // Administrators have no certificate, so one is asked for and checked where it is needed.
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: 'TLSv1.2',
    handshakeTimeout: handshakeTimeoutMs,
    allowHTTP1: true,
    maxHeaderListPairs: headersMax,
    maxSessionMemory: sessionMemoryMiB,
    settings: {
      maxConcurrentStreams: streamsPerConnectionMax,
      initialWindowSize: streamWindowBytes,
      maxHeaderListSize: headerBytesMax,
    },
  });
  server.on('request', createHandler(parts, stopping.signal));
  const connections = new Connections(server, log);
  await listenOn(server, listen);
  server.on('error', (error) => log.error({ err: error }, 'the server has an error'));
  return new ListeningServer(server, stopping, connections);
}

class ListeningServer implements Server {
  readonly port: number;
  readonly #server: Http2SecureServer;
  readonly #stopping: AbortController;
  readonly #connections: Connections;
  #closed: Promise<void> | undefined;

  constructor(server: Http2SecureServer, stopping: AbortController, connections: Connections) {
    this.port = (server.address() as AddressInfo).port;
    this.#server = server;
    this.#stopping = stopping;
    this.#connections = connections;
  }

  stop(): void {
    this.#stopping.abort(new ConnectError('the coordinator is stopping', Code.Unavailable));
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.stop();
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const session of this.#connections.sessions) session.close();
    const cut = () => this.#connections.cut();
    const timer = setTimeout(cut, closeGraceMs);
    // What is left then is connections that never became more, or on which nobody has asked for anything.
    void this.#connections.idle().then(cut);
    await closed;
    clearTimeout(timer);
  }
}

type Response = Parameters<ReturnType<typeof connectNodeAdapter>>[1];

function createHandler(parts: ServerParts, shutdownSignal: AbortSignal) {
  const peers = new WeakMap<Socket | ServerHttp2Session, Peer>();
  const handle = connectNodeAdapter({
    routes: createRoutes(parts),
    interceptors: [createCallInterceptor(parts), createAuditInterceptor(parts)],
    requestGate: createReadingGate(parts.audit, createGate(parts, shutdownSignal)),
    readMaxBytes: administratorMessageBytesMax,
    writeMaxBytes: messageBytesMax,
    jsonOptions,
    shutdownSignal,
    contextValues: (request) => createContextValues().set(peerKey, peerOf(request, peers)),
  });
  return (
    request: IncomingMessage | Http2ServerRequest,
    response: ServerResponse | Response,
  ): void => {
    try {
      handle(request, response as Response);
    } catch (error) {
      // A request without a host, or with one that is none, is the only thing that gets here.
      parts.log.debug({ err: error }, 'a request could not be read');
      (response as ServerResponse).writeHead(400).end();
    }
  };
}

/** What is known of the connection a request came over; read once a connection. */
function peerOf(request: IncomingMessage | Http2ServerRequest, peers: WeakMap<object, Peer>): Peer {
  const session = 'stream' in request ? request.stream.session : undefined;
  const connection = session ?? request.socket;
  const known = peers.get(connection);
  if (known !== undefined) return known;
  const socket = (session?.socket ?? request.socket) as TLSSocket;
  const certificate: X509Certificate | undefined = socket.getPeerX509Certificate();
  const peer = {
    certificate,
    address: socket.remoteAddress ?? '',
    protocol: socket.getProtocol() ?? '',
  };
  peers.set(connection, peer);
  return peer;
}

async function listenOn(server: Http2SecureServer, { host, port }: HostPort): Promise<void> {
  server.listen({ host, port });
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw listenError({ host, port }, cause as NodeJS.ErrnoException);
  }
}

function listenError(listen: HostPort, cause: NodeJS.ErrnoException): DroverError {
  const address = formatHostPort(listen);
  if (cause.code !== 'EADDRINUSE')
    return DroverError.invalid('--listen', `cannot listen on ${address}: ${cause.message}`, cause);
  return new DroverError(
    ErrorReason.ADDRESS_IN_USE,
    `the address ${address} is taken by another process`,
    { cause, metadata: { address } },
  );
}
