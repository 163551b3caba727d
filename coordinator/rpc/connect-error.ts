// The one place where what was thrown becomes what goes over the wire: the canonical code, one google.rpc.ErrorInfo, and a
// google.rpc.BadRequest when fields are wrong. What nobody foresaw goes out without its words, because they may tell too much.
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import { Code as RpcCode } from '../../gen/google/rpc/code_pb.ts';
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from '../../gen/google/rpc/error_details_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError, errorDomain, reasonInfo, reasonName } from '../../lib/error.ts';
import { shorten } from '../../lib/format.ts';

/** An error travels in headers, of which peers take some KiB only; and it may repeat what a caller sent, however long. */
const messageLengthMax = 1000;
const valueLengthMax = 500;
const violationsMax = 5;

/** How the framework begins when it cannot read what a peer sent. */
const unreadable = /^(parse binary:|received compressed envelope)/;

/** The error as it is sent; `requestId` is what a person finds it by in the log. */
export function toConnectError(thrown: unknown, requestId: string): ConnectError {
  // The framework's own: a message that cannot be read, a caller who has left, a deadline.
  if (thrown instanceof ConnectError) return thrown;
  if (isBrokenConnection(thrown)) return new ConnectError('the connection broke', Code.Unavailable);
  const error = DroverError.from(thrown);
  if (error.reason === ErrorReason.INTERNAL) return internalError(error, requestId);
  return connectError(error, error.message, error.metadata);
}

/** Whether an error is one that nobody foresaw. That a message could not be read is the fault of who sent it, although gRPC says INTERNAL. */
export function isBug(thrown: unknown): boolean {
  if (thrown instanceof ConnectError)
    return thrown.code === Code.Internal && !unreadable.test(thrown.rawMessage);
  if (isBrokenConnection(thrown)) return false;
  return DroverError.from(thrown).reason === ErrorReason.INTERNAL;
}

/** What Node says when the peer is gone, or broke the rules of HTTP/2, in the middle of a call. */
function isBrokenConnection(thrown: unknown): boolean {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  return /^(ERR_HTTP2_|ERR_STREAM_|ECONNRESET$|EPIPE$)/.test(code);
}

function internalError(error: DroverError, requestId: string): ConnectError {
  const message = `the coordinator failed; its log has more under request ${requestId}`;
  return connectError(error, message, { requestId });
}

function connectError(
  error: DroverError,
  message: string,
  metadata: Record<string, string>,
): ConnectError {
  const info = {
    reason: reasonName(error.reason),
    domain: errorDomain,
    metadata: Object.fromEntries(
      Object.entries(metadata).map(([key, value]) => [key, shorten(value, valueLengthMax)]),
    ),
  };
  const details: OutgoingDetail[] = [{ desc: ErrorInfoSchema, value: info }];
  if (error.violations.length > 0) {
    const fieldViolations = error.violations.slice(0, violationsMax).map((violation) => ({
      field: shorten(violation.field, valueLengthMax),
      description: shorten(violation.description, valueLengthMax),
    }));
    details.push({ desc: BadRequestSchema, value: { fieldViolations } });
  }
  if (error.reason === ErrorReason.TOO_MANY_CALLS)
    details.push({ desc: RetryInfoSchema, value: { retryDelay: retryDelay(metadata) } });
  const text = shorten(message, messageLengthMax);
  return new ConnectError(text, canonicalCode(error.reason), undefined, details, error);
}

function retryDelay({ retryDelayMs = '' }: Record<string, string>) {
  return durationFromMs(Number(retryDelayMs) || 0);
}

type OutgoingDetail = NonNullable<ConstructorParameters<typeof ConnectError>[3]>[number];

/** The numbers of Connect's codes are those of google.rpc.Code. */
function canonicalCode(reason: ErrorReason): Code {
  const code = RpcCode[reasonInfo(reason).code as keyof typeof RpcCode] as number;
  return code in Code ? (code as Code) : Code.Internal;
}
