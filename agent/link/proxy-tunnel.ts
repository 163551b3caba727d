// The way to a coordinator that only a proxy reaches, for what is not gRPC. It is found and made by the very functions of grpc-js that make it
// for the stream, so that a look at who answers goes where the stream will go: the variables grpc_proxy, https_proxy and http_proxy, no_grpc_proxy
// and no_proxy. TLS goes through it end to end.
import type { Socket } from 'node:net';
import { getProxiedConnection, mapProxyName } from '@grpc/grpc-js/build/src/http_proxy.js';
import { splitHostPort } from '@grpc/grpc-js/build/src/uri-parser.js';
import { formatHostPort, type HostPort } from '../../lib/option-values.ts';
import { isLoopback } from './client.ts';

const httpPort = 80;

/**
 * A connection to the address through the proxy that the environment names; undefined when there is no proxy on the way. Throws an error with
 * the code PROXY_REFUSED when the proxy cannot be reached or does not connect, ETIMEDOUT when it does not answer, ABORT_ERR after the signal.
 */
export async function openTunnel(
  address: HostPort,
  signal: AbortSignal | undefined,
  timeoutMs: number,
): Promise<Socket | undefined> {
  if (isLoopback(address.host)) return undefined;
  const { target, extraOptions } = mapProxyName(
    { scheme: 'dns', path: formatHostPort(address) },
    {},
  );
  const proxy = splitHostPort(target.path);
  if (extraOptions['grpc.http_connect_target'] === undefined || proxy === null) return undefined;
  const { promise: cut, reject } = Promise.withResolvers<never>();
  cut.catch(() => undefined);
  const fail = (code: string) => reject(Object.assign(new Error(code), { code }));
  const timer = setTimeout(() => fail('ETIMEDOUT'), timeoutMs);
  const onAbort = () => fail('ABORT_ERR');
  if (signal?.aborted) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  let isLate = false;
  // It rejects with nothing.
  const opened =
    getProxiedConnection({ host: proxy.host, port: proxy.port ?? httpPort }, extraOptions) // prettier-ignore
      .then(
        (socket) => {
          if (isLate) socket?.destroy();
          return socket ?? undefined;
        },
        () => Promise.reject(Object.assign(new Error('the proxy'), { code: 'PROXY_REFUSED' })),
      );
  try {
    return await Promise.race([opened, cut]);
  } finally {
    isLate = true;
    opened.catch(() => undefined);
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}
