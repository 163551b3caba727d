// Tells the audit log who calls what, so that what the call changes is entered under its name, and which calls are refused.
import { MethodOptions_IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import type { DescMethod } from '@bufbuild/protobuf';
import {
  Code,
  ConnectError,
  createContextKey,
  type ContextValues,
  type HandlerContext,
  type Interceptor,
} from '@connectrpc/connect';
import { Role } from '../../gen/drover/v1/annotations_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { AgentSessionService } from '../../gen/drover/v1/session_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { taskName } from '../task/names.ts';
import { serving, type AuditCall } from '../trust/audit-call.ts';
import type { AuditLog } from '../trust/audit-log.ts';
import { callerOf, peerKey } from './caller.ts';
import { requestIdKey } from './request-key.ts';

/** What is known of a call before its body is read, and besides. */
export interface CallContext {
  values: ContextValues;
  method: DescMethod;
}

/** Whether the message of a call was read, and came as far as here. */
const isReadKey = createContextKey(false);

/** Serves each call under the name of its caller, and enters it when it is refused. */
export function createAuditInterceptor({ audit }: { audit: AuditLog }): Interceptor {
  return (next) => async (request) => {
    const { contextValues: values, method } = request;
    const resource = request.stream ? '' : resourceIn(request.message);
    const call = auditCall({ values, method }, resource);
    values.set(isReadKey, true);
    try {
      return await serving(call, () => next(request));
    } catch (thrown) {
      if (isEntered(method, thrown)) await audit.refused(call, fromFramework(thrown));
      throw thrown;
    }
  };
}

/** Enters a call that was refused before its body was read. */
export async function enterRefusal(
  audit: AuditLog,
  context: CallContext,
  thrown: unknown,
): Promise<void> {
  if (isEntered(context.method, thrown)) await audit.refused(auditCall(context, ''), thrown);
}

/**
 * The gate, and behind it the look-out for messages that never become a call, because they cannot be decoded or are too large: of those only
 * the end of the call tells, after its answer is made.
 */
export function createReadingGate(
  audit: AuditLog,
  gate: (context: HandlerContext) => Promise<void>,
): (context: HandlerContext) => Promise<void> {
  return async (context) => {
    await gate(context);
    const { signal, values } = context;
    const enter = () => {
      if (!values.get(isReadKey) && signal.reason instanceof ConnectError)
        void enterRefusal(audit, context, unreadable(signal.reason));
    };
    signal.addEventListener('abort', enter, { once: true });
  };
}

/** A message that cannot be read is the mistake of who sent it, whatever code the framework answers with. */
function unreadable(error: ConnectError): unknown {
  if (leftCodes.has(error.code) || reasons[error.code] !== undefined) return fromFramework(error);
  return new DroverError(ErrorReason.INVALID_ARGUMENT, error.rawMessage, { cause: error });
}

function auditCall({ values, method }: CallContext, resource: string): AuditCall {
  const caller = callerOf({ values });
  return {
    caller: caller?.name ?? '',
    role: caller?.role ?? Role.UNSPECIFIED,
    address: values.get(peerKey).address,
    method: `${method.parent.typeName}/${method.name}`,
    requestId: values.get(requestIdKey),
    resource,
  };
}

/** Reasons for which a call is entered also when it would only have read. */
const refusals = new Set<ErrorReason>([
  ErrorReason.UNAUTHENTICATED,
  ErrorReason.PERMISSION_DENIED,
  ErrorReason.TOO_MANY_CALLS,
  ErrorReason.AGENT_DISABLED,
]);

/** Codes that say nothing of the call: its caller has left, or did not wait. */
const leftCodes = new Set<Code>([Code.Canceled, Code.DeadlineExceeded]);

function isEntered(method: DescMethod, thrown: unknown): boolean {
  if (thrown instanceof ConnectError && leftCodes.has(thrown.code)) return false;
  const isReading = method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
  // A session is no change; it ends when the agent's machine or the network does.
  if (!isReading && method !== AgentSessionService.method.attach) return true;
  return refusals.has(DroverError.from(thrown).reason);
}

/** The framework's own errors have a code in place of a reason. */
function fromFramework(thrown: unknown): unknown {
  if (!(thrown instanceof ConnectError) || leftCodes.has(thrown.code)) return thrown;
  const reason = reasons[thrown.code] ?? ErrorReason.INTERNAL;
  return new DroverError(reason, thrown.rawMessage, { cause: thrown });
}

const reasons: Partial<Record<Code, ErrorReason>> = {
  [Code.InvalidArgument]: ErrorReason.INVALID_ARGUMENT,
  [Code.ResourceExhausted]: ErrorReason.LIMIT_EXCEEDED,
  [Code.Unavailable]: ErrorReason.UNAVAILABLE,
};

/** The resource that a request names: by its name, its parent, or the name of the resource in it. */
function resourceIn(message: object): string {
  const request = message as Record<string, unknown>;
  const { name, parent, taskId } = request;
  for (const text of [name, parent]) if (typeof text === 'string' && text !== '') return text;
  if (typeof taskId === 'string' && taskId !== '') return taskName(taskId);
  for (const inner of Object.values(request))
    if (isMessage(inner) && typeof inner['name'] === 'string') return inner['name'];
  return '';
}

function isMessage(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && '$typeName' in value;
}
