import { create } from '@bufbuild/protobuf';
import test from 'ava';
import { BatchItemsSchema, BatchResultsSchema, MoveOriginSchema } from '../../gen/drover/v1/columns_pb.ts'; // oxfmt-ignore
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemAction, ItemKind, ItemState, ItemVerification } from '../../gen/drover/v1/item_pb.ts';
import { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import { itemRows, timestampFromNanoseconds, type ItemBatch } from './item-rows.ts';

const { FILE, FOLDER } = ItemKind;
const { CREATE, UPDATE, SKIP, FAIL } = ItemAction;

function batch(
  phase: BatchPhase,
  rows: [path: string, kind: ItemKind, action: ItemAction][],
): ItemBatch {
  const items = create(BatchItemsSchema, {
    path: rows.map(([path]) => path),
    kind: rows.map(([, kind]) => kind),
    action: rows.map(([, , action]) => action),
    size: rows.map(() => 7n),
    modifiedNs: rows.map(() => 1_500_000_000n),
    createdNs: rows.map(() => 0n),
    fileId: rows.map(() => 1n),
  });
  return { phase, items, results: undefined, agent: '' };
}

const paths = (rows: ItemBatch, first = 0) =>
  [...itemRows(rows, first)].map(({ index, item }) => `${index}:${item.path}`);

test('a folder that is written is shown in the folder phase only', (t) => {
  const transfer = batch(BatchPhase.TRANSFER, [
    ['a', FOLDER, CREATE],
    ['a/f', FILE, CREATE],
    ['b', FOLDER, UPDATE],
    ['c', FOLDER, SKIP],
    ['d', FOLDER, FAIL],
  ]);
  t.deepEqual(paths(transfer), ['1:a/f', '3:c', '4:d']);
  t.deepEqual(paths(transfer, 2), ['3:c', '4:d']);
  t.deepEqual(paths(batch(BatchPhase.FOLDERS, [['a', FOLDER, CREATE]])), ['0:a']);
});

test('an item that waits has no result', (t) => {
  const [row] = itemRows(batch(BatchPhase.TRANSFER, [['f', FILE, CREATE]]), 0);
  const { item } = row!;
  t.is(item.state, ItemState.PENDING);
  t.is(item.size, 7n);
  t.is(item.sha256, '');
  t.is(item.createdTime, undefined);
  t.is(item.modifiedTime!.nanos, 500_000_000);
});

test('what was read is what is shown of a migrated file; a failed one has its reason', (t) => {
  const done = batch(BatchPhase.TRANSFER, [
    ['f', FILE, CREATE],
    ['g', FILE, CREATE],
  ]);
  done.agent = 'x-abc';
  done.items.destinationPath = ['f', 'g_'];
  done.results = create(BatchResultsSchema, {
    state: [ItemState.SUCCEEDED, ItemState.FAILED],
    size: [9n, 0n],
    modifiedNs: [2_000_000_000n, 0n],
    destinationModifiedNs: [0n, 0n],
    sha256: new Uint8Array(64).fill(0xab, 0, 32),
    quickXorHash: new Uint8Array(40).fill(1, 0, 20),
    attempts: [1, 3],
    destinationId: ['01AB', ''],
    verification: [ItemVerification.REWRITTEN_BY_SHAREPOINT, ItemVerification.UNSPECIFIED],
    remark: [{ index: 1, reason: ErrorReason.SOURCE_CHANGED, message: 'it changed', requestId: 'call-1' }], // oxfmt-ignore
  });
  const [first, second] = [...itemRows(done, 0)].map(({ item }) => item);
  t.is(first!.size, 9n);
  t.is(first!.modifiedTime!.seconds, 2n);
  t.is(first!.sha256, 'ab'.repeat(32));
  t.is(first!.quickXorHash, 'AQEBAQEBAQEBAQEBAQEBAQEBAQE=');
  t.is(first!.agent, 'agents/x-abc');
  t.like(first, { destinationPath: '', destinationId: '01AB', verification: ItemVerification.REWRITTEN_BY_SHAREPOINT }); // oxfmt-ignore
  t.like(second, { destinationPath: 'g_', destinationId: '' });
  t.is(first!.reason, ErrorReason.UNSPECIFIED);
  t.is(second!.state, ItemState.FAILED);
  t.is(second!.sha256, '');
  t.is(second!.attempts, 3);
  t.is(second!.message, 'it changed');
  t.is(second!.requestId, 'call-1');
  t.is(first!.requestId, '');
  t.true(second!.advice.length > 0);
});

test('what was moved has the hashes that it had; what could not be moved has its own', (t) => {
  const done = batch(BatchPhase.TRANSFER, [
    ['new', FILE, ItemAction.MOVE],
    ['other', FILE, ItemAction.MOVE],
  ]);
  const before = { sha256: Buffer.alloc(32, 0xcd), quickXorHash: Buffer.alloc(20, 2) };
  done.items.origin = [0, 1].map((index) => create(MoveOriginSchema, { index, path: `old ${index}`, ...before })); // oxfmt-ignore
  done.results = create(BatchResultsSchema, {
    state: [ItemState.SUCCEEDED, ItemState.SUCCEEDED],
    size: [7n, 7n],
    modifiedNs: [0n, 0n],
    destinationModifiedNs: [0n, 0n],
    sha256: Buffer.concat([Buffer.alloc(32), Buffer.alloc(32, 0xab)]),
    quickXorHash: Buffer.concat([Buffer.alloc(20), Buffer.alloc(20, 1)]),
    attempts: [1, 1],
    moved: [0],
  });
  const [moved, written] = [...itemRows(done, 0)].map(({ item }) => item);
  t.like(moved, { movedFrom: 'old 0', sha256: 'cd'.repeat(32), quickXorHash: before.quickXorHash.toString('base64') }); // oxfmt-ignore
  t.like(written, { movedFrom: '', sha256: 'ab'.repeat(32), quickXorHash: 'AQEBAQEBAQEBAQEBAQEBAQEBAQE=' }); // oxfmt-ignore
});

test('times before 1970 have seconds below zero and nanoseconds above', (t) => {
  const { seconds, nanos } = timestampFromNanoseconds(-1n);
  t.is(seconds, -1n);
  t.is(nanos, 999_999_999);
  t.is(timestampFromNanoseconds(-2_000_000_000n).seconds, -2n);
  t.is(timestampFromNanoseconds(0n).nanos, 0);
});
