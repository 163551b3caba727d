import { Code, ConnectError } from '@connectrpc/connect';
import test from 'ava';
import { BadRequestSchema, ErrorInfoSchema } from '../../gen/google/rpc/error_details_pb.ts';
import { ErrorReason, ErrorReasonSchema } from '../../gen/drover/v1/error_pb.ts';
import { DroverError, reasonInfo } from '../../lib/error.ts';
import { isBug, toConnectError } from './connect-error.ts';

/** Details of an error that has not been over the wire. */
function details(error: ConnectError): Record<string, unknown>[] {
  return error.details.map((detail) => {
    if (!('desc' in detail)) throw new Error('an outgoing detail has a schema');
    return { type: detail.desc.typeName, ...(detail.value as object) };
  });
}

test('a refusal carries its code and one ErrorInfo', (t) => {
  const error = new DroverError(ErrorReason.NOT_FOUND, 'no x', { metadata: { name: 'x' } });
  const sent = toConnectError(error, 'id');
  t.is(sent.code, Code.NotFound);
  t.is(sent.rawMessage, 'no x');
  t.deepEqual(details(sent), [
    {
      type: ErrorInfoSchema.typeName,
      reason: 'NOT_FOUND',
      domain: 'drover',
      metadata: { name: 'x' },
    },
  ]);
});

test('bad input also names its fields', (t) => {
  const sent = toConnectError(DroverError.invalid('task.source', 'is missing'), 'id');
  t.is(sent.code, Code.InvalidArgument);
  t.deepEqual(details(sent)[1], {
    type: BadRequestSchema.typeName,
    fieldViolations: [{ field: 'task.source', description: 'is missing' }],
  });
});

test('an error is never too long for the headers it travels in', (t) => {
  const long = '😀\ud800'.repeat(100_000);
  const sent = toConnectError(DroverError.invalid(long, long), 'id');
  t.true(sent.rawMessage.length <= 1000);
  t.true(sent.rawMessage.isWellFormed());
  t.true(JSON.stringify(details(sent)).length < 4000);
});

test('what nobody foresaw goes out without its words', (t) => {
  for (const thrown of [new Error('secret'), 'secret', DroverError.from(new Error('secret'))]) {
    const sent = toConnectError(thrown, 'id-1');
    t.is(sent.code, Code.Internal);
    t.false(sent.rawMessage.includes('secret'));
    t.true(sent.rawMessage.includes('id-1'));
    t.false(JSON.stringify(details(sent)).includes('secret'));
    t.true(isBug(thrown));
  }
});

test("the framework's own errors stay as they are", (t) => {
  const error = new ConnectError('x', Code.DeadlineExceeded);
  t.is(toConnectError(error, 'id'), error);
  t.false(isBug(error));
});

test('that a peer is gone in the middle of a call, or sent what cannot be read, is no bug', (t) => {
  const gone = Object.assign(new Error('Stream closed'), { code: 'ERR_HTTP2_STREAM_ERROR' });
  t.is(toConnectError(gone, 'id').code, Code.Unavailable);
  t.false(isBug(gone));
  t.false(isBug(new ConnectError('parse binary: premature EOF', Code.Internal)));
  t.true(isBug(new ConnectError('serialize binary: no such field', Code.Internal)));
});

test('every reason has a code that Connect knows', (t) => {
  for (const { number, localName } of ErrorReasonSchema.values) {
    if (number === ErrorReason.UNSPECIFIED || number === ErrorReason.UNCHANGED) continue;
    const sent = toConnectError(new DroverError(number as ErrorReason, 'x'), 'id');
    const name = Code[sent.code].replaceAll(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase();
    t.is(name.replace('CANCELED', 'CANCELLED'), reasonInfo(number as ErrorReason).code, localName);
  }
});
