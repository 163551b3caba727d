// What Graph and SharePoint answer when they refuse: their envelope, and what it means to Drover. The only place that knows their
// codes.
import { DroverError } from '../../../lib/error.ts';
import { ErrorReason } from '../../../gen/drover/v1/error_pb.ts';
import { printablePath } from '../../source/printable-path.ts';
import { failedCallKey } from '../failed-call.ts';

/** An answer that is no success. Codes are those of the whole nested envelope, the outermost first. */
export class GraphFailure extends Error {
  override readonly name = 'GraphFailure';
  readonly status: number;
  readonly codes: readonly string[];
  /** The client-request-id, by which Microsoft finds the call. */
  readonly requestId: string;

  constructor(status: number, codes: readonly string[], words: string, requestId: string) {
    super(words);
    this.status = status;
    this.codes = codes;
    this.requestId = requestId;
  }

  has(...codes: string[]): boolean {
    return codes.some((code) => this.codes.includes(code));
  }
}

/** A request that had no answer: the network, a proxy, or a time that was over. Whether it was carried out is not known. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  readonly requestId: string;

  constructor(words: string, requestId: string, cause: unknown) {
    super(words, { cause });
    this.requestId = requestId;
  }
}

const nestedMax = 8;

/** Reads an error's envelope, in either spelling of its inner part; whatever the body is, something is answered. */
export function graphFailure(status: number, body: unknown, requestId: string): GraphFailure {
  const codes: string[] = [];
  const outer = field(body, 'error');
  for (let error = outer, depth = 0; isObject(error) && depth < nestedMax; depth++) {
    const code = field(error, 'code');
    if (typeof code === 'string' && code !== '') codes.push(code);
    error = field(error, 'innerError') ?? field(error, 'innererror');
  }
  const message = field(outer, 'message');
  const words = typeof message === 'string' && message !== '' ? message : `status ${status}`;
  return new GraphFailure(status, codes, words, requestId);
}

/** What went wrong with one item, for the person who reads the report; `what` was not done with it. */
export function itemError(thrown: unknown, path: string, what = 'written'): DroverError {
  if (thrown instanceof DroverError) return thrown;
  const name = printablePath(path);
  if (thrown instanceof NoAnswer)
    return made(ErrorReason.DESTINATION_BUSY, `${name} was not ${what}: no answer for too long (${thrown.message})`, path, thrown); // oxfmt-ignore
  if (!(thrown instanceof GraphFailure)) return DroverError.from(thrown);
  const reason = itemReason(thrown);
  return made(reason, `${name} was not ${what}: ${itemWords[reason] ?? 'SharePoint refused it'}${told(thrown)}`, path, thrown); // oxfmt-ignore
}

/** Whether the service refused one thing because of what it is: nothing else will come of asking again. */
export function isRefusal(failure: GraphFailure): boolean {
  return itemReason(failure) === ErrorReason.DESTINATION_REFUSED;
}

/** Whether a file has to be checked out before it is changed; the words are all that tells it from a lock, and they name the document or file. */
export function isNotCheckedOut({ status, message }: GraphFailure): boolean {
  return status >= 400 && status < 500 && /\bis not checked out\b|\bmust (first )?check out\b/i.test(message); // oxfmt-ignore
}

/** What went wrong with the destination as a whole. `tried` says what was asked for, such as "the site …". */
export function rootError(thrown: unknown, tried: string): DroverError {
  if (thrown instanceof DroverError) return thrown;
  const about = (words: string) => `${tried}: ${words}`;
  if (thrown instanceof NoAnswer)
    return made(ErrorReason.DESTINATION_BUSY, about(`no answer for too long (${thrown.message})`), tried, thrown); // oxfmt-ignore
  if (!(thrown instanceof GraphFailure)) return DroverError.from(thrown);
  switch (rootReason(thrown)) {
    case ErrorReason.DESTINATION_NOT_FOUND:
      return made(ErrorReason.DESTINATION_NOT_FOUND, about(`not found${told(thrown)}`), tried, thrown); // oxfmt-ignore
    case ErrorReason.DESTINATION_ACCESS_DENIED:
      return made(
        ErrorReason.DESTINATION_ACCESS_DENIED,
        about(
          `the account or application that the agent signs in with has no access${told(thrown)}`,
        ),
        tried,
        thrown,
      );
    case ErrorReason.DESTINATION_BUSY:
      return made(ErrorReason.DESTINATION_BUSY, about(`the service was busy for too long${told(thrown)}`), tried, thrown); // oxfmt-ignore
    case ErrorReason.DESTINATION_READ_ONLY:
      return made(ErrorReason.DESTINATION_READ_ONLY, about(`it takes no changes${told(thrown)}`), tried, thrown); // oxfmt-ignore
    default:
      return made(ErrorReason.DESTINATION_UNREACHABLE, about(`refused${told(thrown)}`), tried, thrown); // oxfmt-ignore
  }
}

function rootReason(failure: GraphFailure): ErrorReason {
  if (
    failure.status === 404 ||
    failure.has('itemNotFound', 'Request_ResourceNotFound', 'ResourceNotFound')
  )
    // oxfmt-ignore
    return ErrorReason.DESTINATION_NOT_FOUND;
  if (isReadOnly(failure)) return ErrorReason.DESTINATION_READ_ONLY;
  if (isBusy(failure)) return ErrorReason.DESTINATION_BUSY;
  if (failure.status === 401 || failure.status === 403) return ErrorReason.DESTINATION_ACCESS_DENIED; // oxfmt-ignore
  // A malformed site address is answered with 400.
  return failure.status === 400 ? ErrorReason.DESTINATION_NOT_FOUND : ErrorReason.UNAVAILABLE;
}

function itemReason(failure: GraphFailure): ErrorReason {
  const { status } = failure;
  if (status === 507 || failure.has('quotaLimitReached')) return ErrorReason.DESTINATION_FULL;
  if (status === 423 || failure.has('resourceLocked', 'lockMismatch')) return ErrorReason.DESTINATION_LOCKED; // oxfmt-ignore
  if (isRetained(failure)) return ErrorReason.DESTINATION_LOCKED;
  if (failure.has('pathIsTooLong', 'pathTooDeep', 'parameterIsTooLong')) return ErrorReason.PATH_TOO_LONG; // oxfmt-ignore
  if (failure.has('maxFileSizeExceeded') || status === 413) return ErrorReason.FILE_TOO_LARGE;
  if (failure.has('malwareDetected', 'virusSuspicious')) return ErrorReason.DESTINATION_REFUSED;
  if (isReadOnly(failure)) return ErrorReason.DESTINATION_READ_ONLY;
  if (status === 401 || status === 403) return ErrorReason.DESTINATION_ACCESS_DENIED;
  if (failure.has('nameAlreadyExists')) return ErrorReason.DESTINATION_CONFLICT;
  if (failure.has('invalidPath')) return ErrorReason.NAME_INVALID;
  if (isBusy(failure)) return ErrorReason.DESTINATION_BUSY;
  return status === 400 || status === 405 || status === 501
    ? ErrorReason.DESTINATION_REFUSED
    : ErrorReason.DESTINATION_WRITE_FAILED;
}

/** A retention label, a hold or a record has no code of its own; the words are all that tells it from a missing right. */
function isRetained({ status, message }: GraphFailure): boolean {
  return [400, 403, 409].includes(status) && /retention|\bon hold\b|legal hold|as (a )?record/i.test(message); // oxfmt-ignore
}

/** What remains of an answer that is only passing, once it was waited for long enough. */
function isBusy({ status }: GraphFailure): boolean {
  return [429, 500, 502, 503, 504, 509].includes(status);
}

const itemWords: Partial<Record<ErrorReason, string>> = {
  [ErrorReason.DESTINATION_FULL]: 'the quota of the site or OneDrive is used up',
  [ErrorReason.DESTINATION_LOCKED]: 'it is open in a program, checked out or kept by a rule at the destination', // oxfmt-ignore
  [ErrorReason.PATH_TOO_LONG]: 'its path is longer than SharePoint takes',
  [ErrorReason.FILE_TOO_LARGE]: 'it is larger than SharePoint takes',
  [ErrorReason.DESTINATION_READ_ONLY]: 'the site takes no changes',
  [ErrorReason.DESTINATION_ACCESS_DENIED]: 'the account or application that the agent signs in with may not write there', // oxfmt-ignore
  [ErrorReason.DESTINATION_CONFLICT]: 'something of that name is there already',
  [ErrorReason.DESTINATION_BUSY]: 'the service was busy for too long',
  [ErrorReason.NAME_INVALID]: 'SharePoint does not take its name',
};

/** A locked site answers 403 or 423 for everything; the words are the only thing that tells it from a missing right. */
function isReadOnly(failure: GraphFailure): boolean {
  if (failure.has('serviceReadOnly')) return true;
  return failure.status === 403 && /read[- ]?only|is locked|no additional/i.test(failure.message);
}

/** The service's own words, and the number under which Microsoft finds the call. */
function told(failure: GraphFailure): string {
  const code = failure.codes.at(-1);
  const words = failure.message.replace(/\.$/, '');
  return `; the service said "${words}" (${failure.status}${code === undefined ? '' : ` ${code}`}, request ${failure.requestId})`;
}

function made(
  reason: ErrorReason,
  message: string,
  about: string,
  cause: GraphFailure | NoAnswer,
): DroverError {
  return new DroverError(reason, message, { cause, metadata: callMetadata(about, cause) });
}

/** The metadata of an error that a call led to: what the error is about, and the call. */
export function callMetadata(
  path: string,
  { requestId }: { requestId: string },
): Record<string, string> {
  return { path, [failedCallKey]: requestId };
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function field(value: unknown, name: string): unknown {
  return isObject(value) ? (value as Record<string, unknown>)[name] : undefined;
}
