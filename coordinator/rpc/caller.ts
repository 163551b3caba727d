// Who calls, and who may: what the connection and the request prove, against what the schema demands of the method.
import { getOption, hasOption, type DescMethod, type DescService } from '@bufbuild/protobuf';
import { createContextKey, type ContextValues, type HandlerContext } from '@connectrpc/connect';
import type { X509Certificate } from 'node:crypto';
import { access, agents_only, Role, type Access } from '../../gen/drover/v1/annotations_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ServerReflection } from '../../gen/grpc/reflection/v1/reflection_pb.ts';
import { ServerReflection as ServerReflectionAlpha } from '../../gen/grpc/reflection/v1alpha/reflection_pb.ts';
import { Health } from '../../gen/health/v1/health_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { remembered } from '../../lib/remembered.ts';
import { agentName } from '../task/names.ts';
import { requireRole, type Caller } from '../trust/caller.ts';
import type { Trust } from '../trust/trust.ts';

/** What is known of the other end of the connection. */
export interface Peer {
  /** The certificate that it showed, not yet looked at; undefined when it showed none. */
  certificate: X509Certificate | undefined;
  /** Its address, for the log. */
  address: string;
  /** The version of TLS, such as TLSv1.3. */
  protocol: string;
}

export const peerKey = createContextKey<Peer>({
  certificate: undefined,
  address: '',
  protocol: '',
});
const callerKey = createContextKey<Caller | undefined>(undefined);
/** The agent's id, only where an agent was asked for. */
const agentKey = createContextKey<string | undefined>(undefined);

/** Services of others, which no annotation of ours can stand in, and which show nothing that is worth protecting. */
const openServices = new Set(
  [Health, ServerReflection, ServerReflectionAlpha].map(({ typeName }) => typeName),
);

/** Agents and what they carry are protected by nothing older. */
const agentProtocol = 'TLSv1.3';

/** Who calls; undefined where nobody was recognised, as in methods that anyone may call. */
export function callerOf({ values }: { values: ContextValues }): Caller | undefined {
  return values.get(callerKey);
}

/** Who calls; only in methods that need a role. */
export function requireCaller({ values }: HandlerContext): Caller {
  const caller = values.get(callerKey);
  if (caller === undefined) throw new Error('a call that needs a role came without its caller');
  return caller;
}

/** The id of the agent that calls; only in methods that agents alone may call. */
export function requireAgent({ values }: HandlerContext): string {
  const agent = values.get(agentKey);
  if (agent === undefined) throw new Error('a call of an agent came without its identity');
  return agent;
}

/** Who may call a method, as the schema says it. */
export const accessOf = remembered((method: DescMethod): Access['caller'] => {
  if (openServices.has(method.parent.typeName)) return { case: 'anyone', value: true };
  return hasOption(method, access) ? getOption(method, access).caller : { case: undefined };
});

const isAgentsOnly = remembered((service: DescService): boolean => getOption(service, agents_only));

export interface Recognition {
  trust: Trust;
  /** Called before something is checked that costs more than looking it up; it may throw. */
  beforeCheck: () => void;
}

/**
 * Finds out who calls, for `callerOf`, and refuses who shows nothing or what is not good: throws UNAUTHENTICATED, or UNAVAILABLE when
 * it cannot be checked. Nothing is asked of who calls what anyone may call. It runs before the request's body is read.
 */
export async function recognise(recognition: Recognition, context: HandlerContext): Promise<void> {
  const { values, method, requestHeader } = context;
  const { trust } = recognition;
  switch (accessOf(method).case) {
    case 'anyone':
      return;
    case 'agent': {
      const { certificate } = values.get(peerKey);
      if (certificate === undefined && !requestHeader.has('authorization'))
        throw unauthenticated('the call needs the client certificate of an agent');
      if (certificate === undefined)
        return void values.set(callerKey, await callerOfToken(recognition, context));
      const agent = await trust.identify(certificate);
      values.set(agentKey, agent);
      values.set(callerKey, agentCaller(agent));
      return;
    }
    case 'role': {
      const { certificate } = values.get(peerKey);
      const caller =
        certificate === undefined || requestHeader.has('authorization')
          ? await callerOfToken(recognition, context)
          : agentCaller(await trust.identify(certificate));
      values.set(callerKey, caller);
      return;
    }
    default:
      throw denied(`nobody may call ${nameOf(method)}: its schema does not say who`);
  }
}

/** Throws PERMISSION_DENIED unless the caller who was recognised may call the method, over a connection that is good enough for it. */
export function authorize({ method, values }: HandlerContext): void {
  const needed = accessOf(method);
  const caller = values.get(callerKey);
  if (needed.case === 'agent' && caller?.kind !== 'agent')
    throw denied(`agents alone may call ${nameOf(method)}`);
  // Also to join, when nobody is an agent yet.
  if (isAgentsOnly(method.parent)) requireAgentProtocol(values);
  if (needed.case === 'anyone' || needed.case === 'agent') return;
  if (caller === undefined) throw denied(`nobody was recognised who may call ${nameOf(method)}`);
  if (caller.kind === 'agent') throw denied(`administrators alone may call ${nameOf(method)}`);
  requireRole(caller, needed.value ?? Role.UNSPECIFIED, nameOf(method));
}

function requireAgentProtocol(values: ContextValues): void {
  const { protocol } = values.get(peerKey);
  if (protocol === agentProtocol) return;
  throw denied(
    `agents speak ${agentProtocol}, and this connection speaks ${protocol}; look at what stands between agent and coordinator`,
  );
}

function callerOfToken(
  { trust, beforeCheck }: Recognition,
  { requestHeader }: HandlerContext,
): Promise<Caller> {
  const header = requestHeader.get('authorization');
  if (header === null)
    throw unauthenticated('the call needs a credential: a token (authorization: Bearer …)');
  const token = /^Bearer +(\S+)\s*$/i.exec(header)?.[1];
  if (token === undefined)
    throw unauthenticated('the credential cannot be read; it has to be authorization: Bearer …');
  return trust.identifyToken(token, beforeCheck);
}

function agentCaller(agent: string): Caller {
  return { name: agentName(agent), role: Role.UNSPECIFIED, kind: 'agent', expiresMs: undefined };
}

function nameOf(method: DescMethod): string {
  return `${method.parent.typeName}/${method.name}`;
}

function unauthenticated(message: string): DroverError {
  return new DroverError(ErrorReason.UNAUTHENTICATED, message);
}

function denied(message: string): DroverError {
  return new DroverError(ErrorReason.PERMISSION_DENIED, message);
}
