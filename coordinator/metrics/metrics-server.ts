// Where Prometheus reads the metrics: plain HTTP on an address of its own, so that it can be shut off from everybody else.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DroverError } from '../../lib/error.ts';
import type { Logger } from '../../lib/log.ts';
import { formatHostPort, type HostPort } from '../../lib/option-values.ts';
import { hashSecret, isSameHash } from '../trust/secret-hash.ts';
import type { Metrics } from './metrics.ts';

export interface MetricsServerOptions {
  listen: HostPort;
  /** Who asks has to show it as a bearer token; undefined: everybody who reaches the address may ask. */
  token: string | undefined;
  metrics: Metrics;
  log: Logger;
}

/** A request that is no more than a line and some headers is here within this time, or is cut off. */
const requestTimeoutMs = 10_000;
const connectionsMax = 32;

export interface MetricsServer {
  /** Such as http://127.0.0.1:9464/metrics. */
  readonly address: string;
  close(): Promise<void>;
}

/** Throws INVALID_ARGUMENT when it cannot listen there. */
export async function startMetricsServer(options: MetricsServerOptions): Promise<MetricsServer> {
  const { listen, log } = options;
  const server = createServer(
    { requestTimeout: requestTimeoutMs, headersTimeout: requestTimeoutMs, keepAliveTimeout: requestTimeoutMs },
    (request, response) => void answer(options, request, response),
  ); // oxfmt-ignore
  server.maxConnections = connectionsMax;
  await listenOn(server, listen);
  server.on('error', (error) => log.error({ err: error }, 'the server of metrics has an error'));
  const { port } = server.address() as AddressInfo;
  return {
    address: `http://${formatHostPort({ host: listen.host, port })}/metrics`,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function listenOn(server: Server, { host, port }: HostPort): Promise<void> {
  server.listen({ host, port });
  try {
    await once(server, 'listening');
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw DroverError.invalid('--metrics-listen', `cannot listen on ${formatHostPort({ host, port })}: ${detail}`, cause); // oxfmt-ignore
  }
}

async function answer(
  { token, metrics, log }: MetricsServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    if (token !== undefined && !shows(request, token)) {
      response.writeHead(401, { 'www-authenticate': 'Bearer' }).end();
      return;
    }
    if (new URL(request.url ?? '/', 'http://localhost').pathname !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end();
      return;
    }
    const { text, contentType } = await metrics.text();
    response.writeHead(200, { 'content-type': contentType }).end(text);
  } catch (error) {
    log.warn({ err: error }, 'metrics could not be answered');
    if (!response.headersSent) response.writeHead(500);
    response.end();
  }
}

/** Takes the same time whatever is shown. */
function shows({ headers }: IncomingMessage, token: string): boolean {
  const shown = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1] ?? '';
  return isSameHash(hashSecret(shown), hashSecret(token));
}
