import { fromBinary } from '@bufbuild/protobuf';
import test from 'ava';
import { BatchResultsSchema } from '../../gen/drover/v1/columns_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemState, ItemVerification } from '../../gen/drover/v1/item_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { failedCallKey } from '../destination/failed-call.ts';
import { BatchResultRows } from './batch-results.ts';

const destination = { modifiedNs: 5n, id: 'id', version: '1', verification: ItemVerification.HASH };
const hashes = { sha256: new Uint8Array(32).fill(1), quickXorHash: new Uint8Array(20).fill(2) };
const facts = { size: 7, modifiedNs: 6n };

test('each item has its row, in whatever order they end, and the others are empty', (t) => {
  const rows = new BatchResultRows(6);
  t.is(rows.finished, 0);
  const rewritten = { size: 9, quickXorHash: Buffer.alloc(20, 3) };
  rows.fileMoved(4, 1, { ...facts, destination });
  rows.fileSucceeded(3, 2, { ...facts, hashes, keptPath: '', destination: { ...destination, rewritten } }); // oxfmt-ignore
  rows.fileMoved(1, 1, { ...facts, destination });
  rows.recycled(0, 1);
  rows.skipped(5, 1, new DroverError(ErrorReason.SOURCE_GONE, 'kept'));
  t.is(rows.finished, 5);
  const { SUCCEEDED, SKIPPED, UNSPECIFIED } = ItemState;
  const results = fromBinary(BatchResultsSchema, rows.encode());
  t.deepEqual(results.state, [SUCCEEDED, SUCCEEDED, UNSPECIFIED, SUCCEEDED, SUCCEEDED, SKIPPED]);
  t.deepEqual(results.attempts, [1, 1, 0, 2, 1, 1]);
  t.deepEqual(results.size, [0n, 7n, 0n, 7n, 7n, 0n]);
  t.deepEqual(results.destinationModifiedNs, [0n, 5n, 0n, 5n, 5n, 0n]);
  t.deepEqual(results.destinationId, ['', 'id', '', 'id', 'id', '']);
  t.deepEqual(results.moved, [1, 4]);
  const sums = Array.from({ length: 6 }, (_, index) =>
    results.sha256.subarray(index * 32, index * 32 + 32).reduce((sum, byte) => sum + byte, 0),
  );
  t.deepEqual(sums, [0, 0, 0, 32, 0, 0]);
  t.is(results.rewritten.length, 1);
  t.like(results.rewritten[0], { index: 3, size: 9n });
  t.deepEqual(Buffer.from(results.rewritten[0]!.quickXorHash), rewritten.quickXorHash);
  t.like(results.remark, { length: 1, 0: { index: 5, reason: ErrorReason.SOURCE_GONE } });
});

test('an item that a call to a service failed says which call it was', (t) => {
  const rows = new BatchResultRows(3);
  const { DESTINATION_LOCKED, DESTINATION_NEWER, SOURCE_CHANGED } = ErrorReason;
  const called = { metadata: { path: 'a', [failedCallKey]: 'call-1' } };
  rows.failed(0, 3, new DroverError(DESTINATION_LOCKED, 'locked', called));
  rows.skipped(1, 1, new DroverError(DESTINATION_NEWER, 'newer', called));
  rows.failed(2, 1, new DroverError(SOURCE_CHANGED, 'changed', { metadata: { path: 'c' } }));
  const { remark } = fromBinary(BatchResultsSchema, rows.encode());
  t.deepEqual(
    remark.map(({ reason, message, requestId }) => [reason, message, requestId]),
    [
      [DESTINATION_LOCKED, 'locked', 'call-1'],
      [DESTINATION_NEWER, 'newer', 'call-1'],
      [SOURCE_CHANGED, 'changed', ''],
    ],
  );
});
