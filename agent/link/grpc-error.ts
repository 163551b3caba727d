// What a call can end with, as a DroverError; the only place that knows gRPC's codes.
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { fromBinary } from '@bufbuild/protobuf';
import { status, type ServiceError } from '@grpc/grpc-js';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { BadRequestSchema, ErrorInfoSchema } from '../../gen/google/rpc/error_details_pb.ts';
import { StatusSchema, type Status } from '../../gen/google/rpc/status_pb.ts';
import {
  DroverError,
  errorDomain,
  reasonByName,
  type DroverErrorOptions,
} from '../../lib/error.ts';
import { formatHostPort, type HostPort } from '../../lib/option-values.ts';

const detailsKey = 'grpc-status-details-bin';

/**
 * The reason is the one that the coordinator gave; where it gave none, or one this version does not know, the code decides.
 * The error that grpc-js made is the cause.
 */
export function fromGrpc(thrown: unknown, address: HostPort): DroverError {
  if (thrown instanceof DroverError) return thrown;
  if (!isServiceError(thrown)) return DroverError.from(thrown);
  const details = decodeDetails(thrown);
  const info = details?.details.map((any) => anyUnpack(any, ErrorInfoSchema)).find(Boolean);
  const reason = info?.domain === errorDomain ? reasonByName(info.reason) : undefined;
  if (reason === undefined) return fromCode(thrown, address);
  const badRequest = details?.details.map((any) => anyUnpack(any, BadRequestSchema)).find(Boolean);
  const options: DroverErrorOptions = { cause: thrown, metadata: { ...info?.metadata } };
  if (badRequest !== undefined)
    options.violations = badRequest.fieldViolations.map(({ field, description }) => ({
      field,
      description,
    }));
  return new DroverError(reason, details?.message || said(thrown), options);
}

function fromCode(error: ServiceError, address: HostPort): DroverError {
  const coordinator = formatHostPort(address);
  const [reason, message] = meaning(error, coordinator);
  return new DroverError(reason, message, { cause: error, metadata: { coordinator } });
}

function meaning(error: ServiceError, coordinator: string): [ErrorReason, string] {
  switch (error.code) {
    case status.UNAUTHENTICATED:
      return [ErrorReason.UNAUTHENTICATED, `the coordinator at ${coordinator}: ${said(error)}`];
    case status.PERMISSION_DENIED:
      return [ErrorReason.PERMISSION_DENIED, `the coordinator at ${coordinator}: ${said(error)}`];
    case status.RESOURCE_EXHAUSTED:
      return [ErrorReason.LIMIT_EXCEEDED, `the coordinator at ${coordinator}: ${said(error)}`];
    case status.DEADLINE_EXCEEDED:
      return [ErrorReason.UNAVAILABLE, `the coordinator at ${coordinator} does not answer`];
    case status.UNIMPLEMENTED:
    case status.UNKNOWN:
      return [
        ErrorReason.UNAVAILABLE,
        `what answers at ${coordinator} is not a coordinator this agent can work with: ${said(error)}`,
      ];
    default:
      return [
        ErrorReason.UNAVAILABLE,
        `the connection to the coordinator at ${coordinator} failed: ${said(error)}`,
      ];
  }
}

// grpc-js leaves escapes such as %3A in the message, which other servers write.
function said(error: ServiceError): string {
  try {
    return decodeURIComponent(error.details);
  } catch {
    return error.details;
  }
}

function decodeDetails(error: ServiceError): Status | undefined {
  const [value] = error.metadata?.get(detailsKey) ?? [];
  if (!(value instanceof Uint8Array)) return undefined;
  try {
    return fromBinary(StatusSchema, value);
  } catch {
    return undefined; // not a Drover coordinator's details; the code says enough
  }
}

function isServiceError(thrown: unknown): thrown is ServiceError {
  return thrown instanceof Error && typeof (thrown as Partial<ServiceError>).code === 'number';
}
