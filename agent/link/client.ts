// A grpc-js client for one coordinator address, with every limit and interval stated.
import { isIP } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import { Client, credentials, type ChannelOptions, type MethodDefinition } from '@grpc/grpc-js';
import { type CoordinatorAddress } from './coordinator-way.ts';
import { fromGrpc } from './grpc-error.ts';
import { grpcWay } from './proxy-tunnel.ts';

/** What a client shows and trusts, PEM. */
export interface ClientTrust {
  /** The only authority whose certificates are believed. */
  authority: string;
  /** What the client shows; without it, it can do nothing but join. */
  privateKey?: string;
  certificate?: string;
}

export const frameBytesMax = 16 * 1024 * 1024;
/** A peer that does not answer for keepAliveMs, and then once more for as long, is taken for gone. */
const keepAliveMs = 10_000;
const callTimeoutMs = 15_000;
/** Leases and pages are up to a few 100 KiB: a window that holds several keeps a distant link busy. */
const flowControlWindowBytes = 4 * 1024 * 1024;

/**
 * What is sent as the server's name where the address is a number: grpc-js would send the number, which TLS has no room for
 * and Node refuses. The certificate is checked against the address all the same.
 */
const namelessServer = 'coordinator.invalid';

/** A client of its own connection; whoever makes it closes it. */
export function createClient(address: CoordinatorAddress, trust: ClientTrust): Client {
  const { authority, privateKey, certificate } = trust;
  const shown = privateKey !== undefined && certificate !== undefined;
  const channelCredentials = credentials.createSsl(
    Buffer.from(authority),
    shown ? Buffer.from(privateKey) : null,
    shown ? Buffer.from(certificate) : null,
    { checkServerIdentity: (_name, peer) => checkServerIdentity(address.host, peer) },
  );
  const { target, options } = grpcWay(address);
  return new Client(target, channelCredentials, { ...channelOptions(address), ...options });
}

/** Makes one unary call; throws what the coordinator or the connection answered as a DroverError. */
export function callUnary<I, O>(
  client: Client,
  method: MethodDefinition<I, O>,
  request: I,
  address: CoordinatorAddress,
): Promise<O> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      { deadline: Date.now() + callTimeoutMs },
      (error, answer) => {
        if (error !== null || answer === undefined) reject(fromGrpc(error, address));
        else resolve(answer);
      },
    );
  });
}

function channelOptions({ host }: CoordinatorAddress): ChannelOptions {
  return {
    'grpc.keepalive_time_ms': keepAliveMs,
    'grpc.keepalive_timeout_ms': keepAliveMs,
    'grpc.max_receive_message_length': frameBytesMax,
    'grpc.max_send_message_length': frameBytesMax,
    'grpc-node.flow_control_window': flowControlWindowBytes,
    // Lost frames are sent again by the session, which knows which; retries inside the channel would keep them twice.
    'grpc.enable_retries': 0,
    'grpc.use_local_subchannel_pool': 1,
    ...(isIP(host) === 0 ? {} : { 'grpc.ssl_target_name_override': namelessServer }),
  };
}
