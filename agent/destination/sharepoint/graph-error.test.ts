import test from 'ava';
import { ErrorReason, ErrorReasonSchema } from '../../../gen/drover/v1/error_pb.ts';
import { failedCallKey } from '../failed-call.ts';
import { graphFailure, itemError, NoAnswer, rootError } from './graph-error.ts';

const error = (code: string, message = 'No.', inner?: string) => ({
  error: { code, message, ...(inner === undefined ? {} : { innerError: { code: inner } }) },
});

const items: [status: number, body: unknown, reason: ErrorReason][] = [
  [507, error('quotaLimitReached', 'Insufficient Space Available'), ErrorReason.DESTINATION_FULL],
  [423, error('notAllowed', 'The resource you are attempting to access is locked', 'resourceLocked'), ErrorReason.DESTINATION_LOCKED], // oxfmt-ignore
  [423, error('accessDenied', 'The file is currently checked out or locked for editing by another user.'), ErrorReason.DESTINATION_LOCKED], // oxfmt-ignore
  [400, error('invalidRequest', 'Path too long', 'pathIsTooLong'), ErrorReason.PATH_TOO_LONG],
  [400, error('invalidRequest', 'The provided name contains invalid characters.'), ErrorReason.DESTINATION_REFUSED], // oxfmt-ignore
  [413, error('invalidRequest', 'Too big', 'maxFileSizeExceeded'), ErrorReason.FILE_TOO_LARGE],
  [403, error('malwareDetected'), ErrorReason.DESTINATION_REFUSED],
  [403, error('accessDenied', 'Access denied'), ErrorReason.DESTINATION_ACCESS_DENIED],
  [403, error('notAllowed', 'The site is read-only.', 'serviceReadOnly'), ErrorReason.DESTINATION_READ_ONLY], // oxfmt-ignore
  [409, error('nameAlreadyExists'), ErrorReason.DESTINATION_CONFLICT],
  [500, error('generalException'), ErrorReason.DESTINATION_BUSY],
  [404, 'not even JSON', ErrorReason.DESTINATION_WRITE_FAILED],
];
for (const [status, body, reason] of items)
  test(`an item refused with ${status} ${JSON.stringify(body).slice(0, 60)}`, (t) => {
    const made = itemError(graphFailure(status, body, 'request-1'), 'a/b.txt');
    t.is(
      ErrorReasonSchema.value[made.reason]?.localName,
      ErrorReasonSchema.value[reason]?.localName,
    );
    t.true(made.message.includes('a/b.txt') && made.message.includes('request-1'), made.message);
    t.deepEqual(made.metadata, { path: 'a/b.txt', [failedCallKey]: 'request-1' });
  });

const roots: [status: number, body: unknown, reason: ErrorReason][] = [
  [
    404,
    error('itemNotFound', 'Requested site could not be found'),
    ErrorReason.DESTINATION_NOT_FOUND,
  ],
  [
    400,
    error('invalidRequest', 'Invalid hostname for this tenancy'),
    ErrorReason.DESTINATION_NOT_FOUND,
  ],
  [403, error('accessDenied', 'Access denied'), ErrorReason.DESTINATION_ACCESS_DENIED],
  [401, error('InvalidAuthenticationToken'), ErrorReason.DESTINATION_ACCESS_DENIED],
  [500, error('generalException'), ErrorReason.DESTINATION_BUSY],
];
for (const [status, body, reason] of roots)
  test(`a destination refused with ${status} ${JSON.stringify(body).slice(0, 60)}`, (t) => {
    const made = rootError(graphFailure(status, body, 'request-1'), 'the site https://x');
    t.is(made.reason, reason);
    t.true(made.message.startsWith('the site https://x: '));
    t.is(made.metadata[failedCallKey], 'request-1');
  });

test('codes are found however deep and in either spelling', (t) => {
  const body = {
    error: { code: 'notAllowed', innererror: { code: 'x', innerError: { code: 'lockMismatch' } } },
  };
  t.deepEqual(graphFailure(423, body, 'r').codes, ['notAllowed', 'x', 'lockMismatch']);
  let deep: object = { code: 'end' };
  for (let level = 0; level < 100_000; level++) deep = { code: 'more', innerError: deep };
  t.true(graphFailure(400, { error: deep }, 'r').codes.length < 20, 'and not without end');
});

test('no answer is a reason to try again', (t) => {
  const made = itemError(new NoAnswer('connect ECONNREFUSED', 'r', undefined), 'a');
  t.is(made.reason, ErrorReason.DESTINATION_BUSY);
  t.is(made.metadata[failedCallKey], 'r');
});
