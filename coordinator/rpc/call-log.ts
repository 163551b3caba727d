// What happens to every call: it gets an id, is written to the log when it ends, and what it throws becomes what is sent.
import {
  Code,
  ConnectError,
  createContextKey,
  type HandlerContext,
  type Interceptor,
} from '@connectrpc/connect';
import { randomBytes } from 'node:crypto';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { Logger } from '../../lib/log.ts';
import type { Clock } from '../../lib/time.ts';
import { authenticate, peerKey } from './caller.ts';
import { isBug, toConnectError } from './connect-error.ts';
import type { Trust } from '../trust/trust.ts';

/** The response header with the id by which the call is found in the log. */
export const requestIdHeader = 'x-request-id';
const requestIdKey = createContextKey('');

export interface CallParts {
  trust: Trust;
  clock: Clock;
  log: Logger;
}

/** Runs before a call's body is read: gives the call its id, and lets it through or not. None when stopping. */
export function createGate({ trust, log }: CallParts, stopping: AbortSignal) {
  return async (context: HandlerContext): Promise<void> => {
    const requestId = randomBytes(8).toString('hex');
    context.values.set(requestIdKey, requestId);
    context.responseHeader.set(requestIdHeader, requestId);
    try {
      if (stopping.aborted)
        throw new DroverError(ErrorReason.UNAVAILABLE, 'the coordinator is stopping');
      await authenticate(trust, context);
    } catch (thrown) {
      const rpc = `${context.service.typeName}/${context.method.name}`;
      const { address } = context.values.get(peerKey);
      logCall(log, { rpc, requestId, address }, thrown);
      throw toConnectError(thrown, requestId);
    }
  };
}

/** Logs each call when it ends, and translates its errors. */
export function createCallInterceptor({ clock, log }: CallParts): Interceptor {
  return (next) => async (request) => {
    const startMs = clock.now();
    const requestId = request.contextValues.get(requestIdKey);
    const rpc = `${request.service.typeName}/${request.method.name}`;
    const { address } = request.contextValues.get(peerKey);
    const end = (thrown?: unknown): ConnectError | undefined => {
      const call = { rpc, requestId, address, durationMs: clock.now() - startMs };
      logCall(log, call, thrown);
      return thrown === undefined ? undefined : toConnectError(thrown, requestId);
    };
    try {
      const response = await next(request);
      if (response.stream) return { ...response, message: watchStream(response.message, end) };
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
): AsyncGenerator<T> {
  let error: ConnectError | undefined;
  try {
    yield* messages;
  } catch (thrown) {
    error = end(thrown);
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
  durationMs?: number;
}

function logCall(log: Logger, call: Call, thrown: unknown): void {
  if (thrown === undefined) log.debug(call, 'call');
  else if (isBug(thrown)) log.error({ ...call, err: thrown }, 'call failed unexpectedly');
  else {
    const error = toConnectError(thrown, call.requestId);
    log.info({ ...call, code: Code[error.code], message: error.rawMessage }, 'call refused');
  }
}
