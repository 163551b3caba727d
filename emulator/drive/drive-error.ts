// Whatever a drive refuses, as one closed list: the HTTP status and the two codes that clients act on. The message may be
// replaced, the codes may not.

interface Failure {
  status: number;
  code: string;
  /** The more exact code inside; absent when the outer one says it all. */
  inner?: string;
  message: string;
}

const failures = {
  unauthenticated: {
    status: 401,
    code: 'unauthenticated',
    message: 'The caller is not authenticated.',
  },
  expiredToken: {
    status: 401,
    code: 'unauthenticated',
    inner: 'expiredToken',
    message: 'The access token has expired.',
  },
  accessDenied: { status: 403, code: 'accessDenied', message: 'Access denied' },
  invalidRequest: { status: 400, code: 'invalidRequest', message: 'Invalid request' },
  invalidName: {
    status: 400,
    code: 'invalidRequest',
    inner: 'invalidPath',
    message: 'The provided name is not allowed.',
  },
  pathIsTooLong: {
    status: 400,
    code: 'invalidRequest',
    inner: 'pathIsTooLong',
    message:
      'The specified file or folder name is too long. The URL path for all files and folders must be 400 characters or less (and no more than 255 characters for any single folder or file name).',
  },
  malformedEntityTag: {
    status: 400,
    code: 'invalidRequest',
    inner: 'malformedEntityTag',
    message: 'The entity tag is malformed: it has to be a quoted string.',
  },
  notSupported: {
    status: 400,
    code: 'notSupported',
    message: 'The request is not supported by this service.',
  },
  notBuilt: { status: 501, code: 'notSupported', message: 'The emulator does not offer this.' },
  itemNotFound: { status: 404, code: 'itemNotFound', message: 'The resource could not be found.' },
  uploadSessionNotFound: {
    status: 404,
    code: 'itemNotFound',
    inner: 'uploadSessionNotFound',
    message: 'The upload session was not found',
  },
  methodNotAllowed: {
    status: 405,
    code: 'notAllowed',
    message: 'The method is not allowed for this resource.',
  },
  nameAlreadyExists: {
    status: 409,
    code: 'nameAlreadyExists',
    message: 'An item with the same name already exists under the parent',
  },
  uploadInProgress: {
    status: 409,
    code: 'nameAlreadyExists',
    message:
      'A file with the same name is currently being uploaded. Change the filename and try to save again.',
  },
  resourceModified: {
    status: 409,
    code: 'resourceModified',
    message: 'The resource has changed since the caller last read it; usually an eTag mismatch',
  },
  entityTagDoesNotMatch: {
    status: 412,
    code: 'resourceModified',
    inner: 'entityTagDoesNotMatch',
    message: "ETag does not match current item's value",
  },
  resyncRequired: {
    status: 410,
    code: 'resyncRequired',
    inner: 'resyncChangesApplyDifferences',
    message:
      'Resync required. Replace any local items with the version from the server and upload local changes that the server does not know about.',
  },
  maxFileSizeExceeded: {
    status: 413,
    code: 'invalidRequest',
    inner: 'maxFileSizeExceeded',
    message: 'The request entity is too large.',
  },
  maxFragmentLengthExceeded: {
    status: 413,
    code: 'invalidRequest',
    inner: 'maxFragmentLengthExceeded',
    message: 'The uploaded fragment is larger than 60 MiB.',
  },
  fragmentLengthMismatch: {
    status: 400,
    code: 'invalidRequest',
    inner: 'fragmentLengthMismatch',
    message: 'The total size differs from that of the fragments before.',
  },
  fragmentOverlap: {
    status: 416,
    code: 'invalidRange',
    inner: 'fragmentOverlap',
    message: 'Uploaded fragment overlaps with existing data.',
  },
  fragmentOutOfOrder: {
    status: 416,
    code: 'invalidRange',
    inner: 'fragmentOutOfOrder',
    message: 'The uploaded fragment does not follow the data that was received before.',
  },
  fragmentConcurrency: {
    status: 416,
    code: 'invalidRange',
    inner: 'fragmentOutOfOrder',
    message: 'Optimistic concurrency failure during fragmented upload',
  },
  fragmentNotAligned: {
    status: 400,
    code: 'invalidRange',
    message: 'The length of every fragment but the last has to be a multiple of 320 KiB.',
  },
  uploadSessionIncomplete: {
    status: 400,
    code: 'invalidRequest',
    inner: 'uploadSessionIncomplete',
    message: 'The upload session is not complete: bytes are missing.',
  },
  invalidRange: {
    status: 416,
    code: 'invalidRange',
    message: 'The requested range is not satisfiable.',
  },
  resourceLocked: {
    status: 423,
    code: 'notAllowed',
    inner: 'resourceLocked',
    message: 'The resource you are attempting to access is locked',
  },
  notCheckedOut: {
    status: 423,
    code: 'notAllowed',
    message:
      'The file is not checked out. You must first check out this document before making changes.',
  },
  dependencyFailed: {
    status: 424,
    code: 'FailedDependency',
    message: 'A request that this one depends on failed.',
  },
  quotaLimitReached: {
    status: 507,
    code: 'quotaLimitReached',
    message: 'Insufficient Space Available',
  },
  generalException: {
    status: 500,
    code: 'generalException',
    message: 'An error occurred in the data store.',
  },
  serviceNotAvailable: {
    status: 503,
    code: 'serviceNotAvailable',
    message: 'The service is not available.',
  },
} as const satisfies Record<string, Failure>;

/** Why a call is refused. */
export type FailureName = keyof typeof failures;

/** A refusal, with all that its answer needs. */
export class DriveError extends Error {
  override readonly name = 'DriveError';
  readonly failure: FailureName;
  readonly status: number;
  readonly code: string;
  readonly inner: string | undefined;
  /** Headers of the answer, such as the Location of a fresh start. */
  readonly headers: Record<string, string>;

  constructor(
    failure: FailureName,
    message?: string,
    options: { headers?: Record<string, string>; cause?: unknown } = {},
  ) {
    const known: Failure = failures[failure];
    super(message ?? known.message, 'cause' in options ? { cause: options.cause } : undefined);
    this.failure = failure;
    this.status = known.status;
    this.code = known.code;
    this.inner = known.inner;
    this.headers = options.headers ?? {};
  }
}
