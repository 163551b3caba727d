// A coordinator that only a proxy reaches: how gRPC is told so, and the same way for what is not gRPC. Both are made by grpc-js, so that a look
// at who answers goes where the stream will go. TLS goes through the proxy end to end.
import type { Socket } from 'node:net';
import type { ChannelOptions } from '@grpc/grpc-js';
import { getProxiedConnection } from '@grpc/grpc-js/build/src/http_proxy.js';
import { formatHostPort } from '../../lib/option-values.ts';
import type { CoordinatorAddress } from './coordinator-way.ts';

/** What a channel connects to, and the options that say so. */
export function grpcWay(address: CoordinatorAddress): { target: string; options: ChannelOptions } {
  const coordinator = formatHostPort(address);
  // The way is known; what grpc-js would read in the environment is not asked for.
  const own = { 'grpc.enable_http_proxy': 0 };
  const { proxy } = address;
  if (proxy === undefined) return { target: `dns:${coordinator}`, options: own };
  return {
    target: `dns:${formatHostPort(proxy.address)}`,
    options: {
      ...own,
      'grpc.default_authority': coordinator,
      'grpc.http_connect_target': `dns:${coordinator}`,
      ...(proxy.credentials === undefined ? {} : { 'grpc.http_connect_creds': proxy.credentials }),
    },
  };
}

/**
 * A connection to the address through its proxy; undefined when there is none on the way. Throws an error with the code PROXY_REFUSED when the
 * proxy cannot be reached or does not connect, ETIMEDOUT when it does not answer, ABORT_ERR after the signal.
 */
export async function openTunnel(
  address: CoordinatorAddress,
  signal: AbortSignal | undefined,
  timeoutMs: number,
): Promise<Socket | undefined> {
  if (address.proxy === undefined) return undefined;
  const { promise: cut, reject } = Promise.withResolvers<never>();
  cut.catch(() => undefined);
  const fail = (code: string) => reject(Object.assign(new Error(code), { code }));
  const timer = setTimeout(() => fail('ETIMEDOUT'), timeoutMs);
  const onAbort = () => fail('ABORT_ERR');
  if (signal?.aborted) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  let isLate = false;
  // It rejects with nothing.
  const opened = getProxiedConnection(address.proxy.address, grpcWay(address).options).then(
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
