// What happens to every call: it gets an id, is written to the log when it ends, and what it throws becomes what is sent.
import { Code, ConnectError, type HandlerContext, type Interceptor } from '@connectrpc/connect';
import { randomBytes } from 'node:crypto';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { TaskService } from '../../gen/drover/v1/task_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { Logger } from '../../lib/log.ts';
import type { Clock } from '../../lib/time.ts';
import type { Observer } from '../observer.ts';
import type { AuditLog } from '../trust/audit-log.ts';
import { enterRefusal } from './audit-interceptor.ts';
import { importWeight, limitName, type CallLimits } from './call-limits.ts';
import { authorize, callerOf, peerKey, recognise } from './caller.ts';
import { isBug, toConnectError } from './connect-error.ts';
import { rightKey, type OpenCalls } from './open-calls.ts';
import { requestIdKey } from './request-key.ts';
import type { Trust } from '../trust/trust.ts';

/** The response header with the id by which the call is found in the log. */
export const requestIdHeader = 'x-request-id';

/** The code of a call that went well, which Connect's list does not have. */
const okCode = 'Ok';

export interface CallParts {
  trust: Trust;
  audit: AuditLog;
  clock: Clock;
  log: Logger;
  limits: CallLimits;
  openCalls: OpenCalls;
  /** @default nobody measures */
  observer?: Pick<Observer, 'call'> | undefined;
}

/** Runs before a call's body is read: gives the call its id, and lets it through or not. None when stopping. */
export function createGate(parts: CallParts, stopping: AbortSignal) {
  const { audit, log, limits, observer } = parts;
  return async (context: HandlerContext): Promise<void> => {
    const { values, service, method, responseHeader } = context;
    const requestId = randomBytes(8).toString('hex');
    values.set(requestIdKey, requestId);
    responseHeader.set(requestIdHeader, requestId);
    try {
      if (stopping.aborted)
        throw new DroverError(ErrorReason.UNAVAILABLE, 'the coordinator is stopping');
      await letThrough(parts, context);
    } catch (thrown) {
      const rpc = `${service.typeName}/${method.name}`;
      const { address } = values.get(peerKey);
      const caller = callerOf(context);
      const error = toConnectError(thrown, requestId);
      logFailedCall(log, { rpc, requestId, address, caller: caller?.name }, thrown, error);
      await enterRefusal(audit, context, thrown);
      const name = limitName(caller, address);
      if (isTooMany(thrown)) await limits.hold(name, context.signal);
      observer?.call(rpc, Code[error.code], 0);
      throw error;
    }
  };
}

/** Throws what the call is refused with. */
async function letThrough(parts: CallParts, context: HandlerContext): Promise<void> {
  const { trust, limits, openCalls } = parts;
  const { values, method, signal: ended } = context;
  const address = limitName(undefined, values.get(peerKey).address);
  try {
    await recognise({ trust, beforeCheck: () => limits.beforeCheck(address) }, context);
  } catch (thrown) {
    if (thrown instanceof DroverError && thrown.reason === ErrorReason.UNAUTHENTICATED)
      limits.wrongCredential(address);
    throw thrown;
  }
  const caller = callerOf(context);
  const weight = method === TaskService.method.importTasks ? importWeight : 1;
  limits.admit({ caller: caller?.name ?? address, kind: method.methodKind, weight, ended });
  authorize(context);
  if (caller !== undefined) values.set(rightKey, openCalls.open(caller, ended));
}

function isTooMany(thrown: unknown): boolean {
  return thrown instanceof DroverError && thrown.reason === ErrorReason.TOO_MANY_CALLS;
}

/** Logs each call when it ends, and translates its errors. */
export function createCallInterceptor({ clock, log, observer }: CallParts): Interceptor {
  return (next) => async (request) => {
    const startMs = clock.steady();
    const requestId = request.contextValues.get(requestIdKey);
    const rpc = `${request.service.typeName}/${request.method.name}`;
    const { address } = request.contextValues.get(peerKey);
    const caller = callerOf({ values: request.contextValues })?.name;
    const right = request.contextValues.get(rightKey);
    const end = (thrown?: unknown): ConnectError | undefined => {
      const durationMs = Math.round(clock.steady() - startMs);
      const error = thrown === undefined ? undefined : toConnectError(thrown, requestId);
      const call = { rpc, requestId, address, caller, durationMs };
      if (error === undefined) log.debug(call, 'call');
      else logFailedCall(log, call, thrown, error);
      observer?.call(rpc, error === undefined ? okCode : Code[error.code], durationMs);
      return error;
    };
    try {
      const signal =
        right === undefined ? request.signal : AbortSignal.any([request.signal, right]);
      const response = await next({ ...request, signal });
      if (response.stream)
        return { ...response, message: watchStream(response.message, end, right) };
      end();
      return response;
    } catch (thrown) {
      throw end(thrown);
    }
  };
}

async function* watchStream<T>(
  messages: AsyncIterable<T>,
  end: (thrown?: unknown) => ConnectError | undefined,
  right: AbortSignal | undefined,
): AsyncGenerator<T> {
  let error: ConnectError | undefined;
  try {
    for await (const message of messages) {
      right?.throwIfAborted();
      yield message;
    }
    right?.throwIfAborted();
  } catch (thrown) {
    error = end(right?.aborted ? right.reason : thrown);
    throw error;
  } finally {
    if (error === undefined) end();
  }
}

interface Call {
  rpc: string;
  requestId: string;
  /** The address of the other end. */
  address: string;
  /** Its name, where it was recognised. */
  caller: string | undefined;
  durationMs?: number;
}

/** @param error what is sent for what was thrown */
function logFailedCall(log: Logger, call: Call, thrown: unknown, error: ConnectError): void {
  if (isBug(thrown)) return log.error({ ...call, err: thrown }, 'call failed unexpectedly');
  // A flood of calls is not to be one of the log as well.
  const level = isTooMany(thrown) ? 'debug' : 'info';
  log[level]({ ...call, code: Code[error.code], message: error.rawMessage }, 'call refused');
}
