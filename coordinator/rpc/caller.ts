// Who calls: what the connection proved, and what each service demands.
import { getOption } from '@bufbuild/protobuf';
import { createContextKey, type HandlerContext } from '@connectrpc/connect';
import type { X509Certificate } from 'node:crypto';
import { agents_only } from '../../gen/drover/v1/annotations_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { EnrollmentService } from '../../gen/drover/v1/session_pb.ts';
import { ServerReflection } from '../../gen/grpc/reflection/v1/reflection_pb.ts';
import { ServerReflection as ServerReflectionAlpha } from '../../gen/grpc/reflection/v1alpha/reflection_pb.ts';
import { Health } from '../../gen/health/v1/health_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { Trust } from '../trust/trust.ts';

/** What is known of the other end of the connection. */
export interface Peer {
  /** The certificate that it showed, not yet looked at; undefined when it showed none. */
  certificate: X509Certificate | undefined;
  /** Its address, for the log. */
  address: string;
}

export const peerKey = createContextKey<Peer>({ certificate: undefined, address: '' });
const agentKey = createContextKey<string | undefined>(undefined);

/** Services that show nothing that is worth protecting: whether the coordinator runs, and its public schema. */
const openServices = new Set(
  [Health, ServerReflection, ServerReflectionAlpha].map(({ typeName }) => typeName),
);

/**
 * Lets a call through, or throws UNAUTHENTICATED or PERMISSION_DENIED. It is asked before the request's body is read.
 * An agent proves itself with its certificate, an administrator with a bearer token, who joins with nothing: the join
 * token is in its request.
 */
export async function authenticate(trust: Trust, context: HandlerContext): Promise<void> {
  const { service, method, values } = context;
  if (openServices.has(service.typeName) || method === EnrollmentService.method.join) return;
  const { certificate } = values.get(peerKey);
  if (getOption(service, agents_only)) {
    if (certificate !== undefined) values.set(agentKey, await trust.identify(certificate));
    else if (isAdministrator(trust, context)) throw denied('agents alone may call it');
    else throw unauthenticated('the call needs the client certificate of an agent');
    return;
  }
  if (isAdministrator(trust, context)) return;
  if (context.requestHeader.has('authorization'))
    throw unauthenticated("the administrator's token is not the right one");
  if (certificate !== undefined) {
    await trust.identify(certificate);
    throw denied('administrators alone may call it');
  }
  throw unauthenticated("the call needs the administrator's token (authorization: Bearer …)");
}

/** The id of the agent that calls; only where `authenticate` has demanded one. */
export function requireAgent(context: HandlerContext): string {
  const agent = context.values.get(agentKey);
  if (agent === undefined) throw new Error('a call of an agent came without its identity');
  return agent;
}

function isAdministrator(trust: Trust, { requestHeader }: HandlerContext): boolean {
  const [, token] = /^Bearer +(\S+)\s*$/i.exec(requestHeader.get('authorization') ?? '') ?? [];
  return token !== undefined && trust.isAdminToken(token);
}

function unauthenticated(message: string): DroverError {
  return new DroverError(ErrorReason.UNAUTHENTICATED, message);
}

function denied(message: string): DroverError {
  return new DroverError(ErrorReason.PERMISSION_DENIED, message);
}
