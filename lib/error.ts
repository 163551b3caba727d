// The one error class of Drover. Whatever goes wrong for a person or a peer is a DroverError with a reason from the closed
// list in proto/drover/v1/error.proto; everything else that is thrown is a bug and ends as INTERNAL.
import { getOption, type DescEnumValue } from '@bufbuild/protobuf';
import { reason_info, type ReasonInfo } from '../gen/drover/v1/annotations_pb.ts';
import { ErrorReason, ErrorReasonSchema } from '../gen/drover/v1/error_pb.ts';
import { remembered } from './remembered.ts';

/** The domain of every google.rpc.ErrorInfo that Drover sends. */
export const errorDomain = 'drover';

/** A field of a request and what is wrong with it, as in google.rpc.BadRequest. */
export interface FieldViolation {
  /** Path of the field, such as `task.source`. */
  field: string;
  description: string;
}

export interface DroverErrorOptions {
  /** What led to this error. */
  cause?: unknown;
  /** Every variable that appears in the message, by name. */
  metadata?: Record<string, string>;
  /** The fields that are wrong, for INVALID_ARGUMENT and its kin. */
  violations?: FieldViolation[];
  /** What to do about it, in place of what the proto says of the reason; it stays in the process that says so. */
  advice?: string;
}

/** Says what happened, to which thing, and what to do; carries a reason that programs can act on. */
export class DroverError extends Error {
  override readonly name = 'DroverError';
  readonly reason: ErrorReason;
  readonly metadata: Record<string, string>;
  readonly violations: readonly FieldViolation[];
  readonly #advice: string | undefined;

  constructor(reason: ErrorReason, message: string, options: DroverErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.reason = reason;
    this.metadata = options.metadata ?? {};
    this.violations = options.violations ?? [];
    this.#advice = options.advice;
  }

  /** Bad input: names the field and what is wrong with it. */
  static invalid(field: string, description: string, cause?: unknown): DroverError {
    return new DroverError(ErrorReason.INVALID_ARGUMENT, `${field}: ${description}`, {
      violations: [{ field, description }],
      metadata: { field },
      ...(cause === undefined ? {} : { cause }),
    });
  }

  /** Any thrown value as a DroverError: itself if it is one, else INTERNAL with the value as its cause. */
  static from(thrown: unknown): DroverError {
    if (thrown instanceof DroverError) return thrown;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return new DroverError(ErrorReason.INTERNAL, `unexpected: ${message}`, { cause: thrown });
  }

  /** What to do about it: its own words, or those of the proto. */
  get advice(): string {
    return this.#advice ?? reasonInfo(this.reason).advice;
  }
}

/** The reason's name as it stands on the wire and in reports, such as SOURCE_NOT_FOUND. */
export function reasonName(reason: ErrorReason): string {
  return ErrorReasonSchema.value[reason]?.localName ?? String(reason);
}

/** The reason with this name; undefined when there is none, as when a newer peer sent it. */
export function reasonByName(name: string): ErrorReason | undefined {
  return ErrorReasonSchema.values.find((value) => value.localName === name)?.number as
    | ErrorReason
    | undefined;
}

/** Code, retry policy and advice of a reason, from its annotation in the proto. */
export function reasonInfo(reason: ErrorReason): ReasonInfo {
  const value = ErrorReasonSchema.value[reason] ?? ErrorReasonSchema.value[ErrorReason.INTERNAL]!;
  return infoOf(value);
}

const infoOf = remembered((value: DescEnumValue): ReasonInfo => getOption(value, reason_info));
