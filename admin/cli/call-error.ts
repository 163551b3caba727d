// What goes wrong in a call, as a DroverError. The one place that knows how errors stand on the
// wire and how Node's connection errors look.
import { durationMs } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from '../../gen/google/rpc/error_details_pb.ts';
import { DroverError, errorDomain, reasonByName } from '../../lib/error.ts';
import type { CoordinatorAccess } from './coordinator-access.ts';

/** The error of a call to this coordinator, with the reason it sent, or the one that fits best. */
export function callError(thrown: unknown, access: CoordinatorAccess): DroverError {
  if (thrown instanceof DroverError) return thrown;
  const error = ConnectError.from(thrown);
  const [info] = error.findDetails(ErrorInfoSchema);
  if (info?.domain === errorDomain) {
    const violations = error.findDetails(BadRequestSchema).flatMap((one) => one.fieldViolations);
    return new DroverError(reasonByName(info.reason) ?? reasonOf(error.code), error.rawMessage, {
      cause: thrown,
      metadata: { ...info.metadata },
      violations: violations.map(({ field, description }) => ({ field, description })),
    });
  }
  return connectionError(error, access) ?? plainError(error, access);
}

/** Whether the coordinator refused the credential. */
export function isUnauthenticated(thrown: unknown): boolean {
  return thrown instanceof ConnectError && thrown.code === Code.Unauthenticated;
}

/** How long the coordinator asks to wait before the call is repeated, in milliseconds; undefined when it does not. */
export function retryDelayMs(thrown: unknown): number | undefined {
  if (!(thrown instanceof ConnectError) || thrown.code !== Code.ResourceExhausted) return undefined;
  const [info] = thrown.findDetails(RetryInfoSchema);
  return info?.retryDelay && durationMs(info.retryDelay);
}

/** Whether the call may work when it is repeated in a moment. */
export function isUnavailable(thrown: unknown): boolean {
  return ConnectError.from(thrown).code === Code.Unavailable || socketCode(thrown) !== undefined;
}

function plainError(error: ConnectError, access: CoordinatorAccess): DroverError {
  const reason = reasonOf(error.code);
  const message =
    error.code === Code.Unimplemented
      ? `the coordinator at ${access.address} does not know this call; it runs another version of Drover`
      : `${access.address}: ${error.rawMessage}`;
  return new DroverError(reason, message, { cause: error });
}

function connectionError(error: ConnectError, access: CoordinatorAccess): DroverError | undefined {
  const code = nodeCode(error);
  if (code === undefined) return undefined;
  const refused = (reason: ErrorReason, message: string) =>
    new DroverError(reason, message, { cause: error, metadata: { address: access.address, code } });
  if (certificateCodes.has(code)) {
    const trusted = access.authorityFile ?? 'the authorities this machine trusts';
    return refused(
      ErrorReason.COORDINATOR_MISMATCH,
      `what answers at ${access.address} is not trusted: its certificate is not from ${trusted} (${code})`,
    );
  }
  const why = socketCodes[code];
  if (why !== undefined)
    return refused(
      ErrorReason.UNAVAILABLE,
      `cannot reach the coordinator at ${access.address}: ${why}`,
    );
  if (code.startsWith('ERR_SSL') || code === 'EPROTO' || code.startsWith('ERR_HTTP2'))
    return refused(
      ErrorReason.UNAVAILABLE,
      `what answers at ${access.address} does not speak like a coordinator (${code})`,
    );
  return undefined;
}

const certificateCodes = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_SIGNATURE_FAILURE',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

const socketCodes: Partial<Record<string, string>> = {
  EAI_AGAIN: 'the name server did not answer',
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was cut',
  EHOSTUNREACH: 'there is no way to that host',
  ENETUNREACH: 'there is no way to that network',
  ENOTFOUND: 'there is no host of that name',
  EPIPE: 'the connection was cut',
  ETIMEDOUT: 'it does not answer',
};

/** The code of the Node error that a chain of causes ends in. */
function nodeCode(thrown: unknown): string | undefined {
  let code: string | undefined;
  for (let error = thrown, depth = 0; error instanceof Error && depth < 8; depth += 1) {
    if ('code' in error && typeof error.code === 'string') code = error.code;
    error = error.cause;
  }
  return code;
}

function socketCode(thrown: unknown): string | undefined {
  const code = nodeCode(thrown);
  return code !== undefined && code in socketCodes ? code : undefined;
}

function reasonOf(code: Code): ErrorReason {
  switch (code) {
    case Code.InvalidArgument:
    case Code.OutOfRange:
      return ErrorReason.INVALID_ARGUMENT;
    case Code.NotFound:
      return ErrorReason.NOT_FOUND;
    case Code.AlreadyExists:
      return ErrorReason.ALREADY_EXISTS;
    case Code.Aborted:
    case Code.FailedPrecondition:
      return ErrorReason.WRONG_STATE;
    case Code.Unauthenticated:
      return ErrorReason.UNAUTHENTICATED;
    case Code.PermissionDenied:
      return ErrorReason.PERMISSION_DENIED;
    case Code.ResourceExhausted:
      return ErrorReason.LIMIT_EXCEEDED;
    case Code.Unavailable:
    case Code.DeadlineExceeded:
      return ErrorReason.UNAVAILABLE;
    case Code.Canceled:
      return ErrorReason.CANCELLED;
    default:
      return ErrorReason.INTERNAL;
  }
}
