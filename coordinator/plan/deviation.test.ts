import { create, type MessageInitShape } from '@bufbuild/protobuf';
import test from 'ava';
import { BatchItemsSchema, BatchResultsSchema } from '../../gen/drover/v1/columns_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DeviationKind, ItemAction, ItemKind, ItemState } from '../../gen/drover/v1/item_pb.ts';
import { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import { countDeviations, deviationsOf } from './deviation.ts';

const { CREATE, UPDATE, MOVE, RECYCLE, KEEP, SKIP, FAIL } = ItemAction;
const { SUCCEEDED, SKIPPED, FAILED, UNSPECIFIED } = ItemState;
const { TRANSFER, FOLDERS, GONE, LATE } = BatchPhase;

interface Case {
  action: ItemAction;
  state: ItemState;
  kind?: ItemKind;
  phase?: BatchPhase;
  reason?: ErrorReason;
  /** The file was scanned with 5 bytes, modified at 7. */
  read?: { size: bigint; modifiedNs: bigint };
  results?: MessageInitShape<typeof BatchResultsSchema>;
}

const asScanned = { size: 5n, modifiedNs: 7n };
const cases: [name: string, one: Case, kind: DeviationKind][] = [
  ['written as it was scanned', { action: CREATE, state: SUCCEEDED }, DeviationKind.UNSPECIFIED],
  ['updated as it was scanned', { action: UPDATE, state: SUCCEEDED, phase: LATE }, DeviationKind.UNSPECIFIED],
  ['another size', { action: CREATE, state: SUCCEEDED, read: { ...asScanned, size: 6n } }, DeviationKind.SOURCE_CHANGED],
  ['another date', { action: UPDATE, state: SUCCEEDED, read: { ...asScanned, modifiedNs: 8n } }, DeviationKind.SOURCE_CHANGED],
  ['gone when its turn came', { action: CREATE, state: FAILED, reason: ErrorReason.SOURCE_VANISHED }, DeviationKind.SOURCE_VANISHED],
  ['a conflict', { action: CREATE, state: FAILED, reason: ErrorReason.DESTINATION_CONFLICT }, DeviationKind.FAILED],
  ['a later one is left', { action: UPDATE, state: SKIPPED, reason: ErrorReason.DESTINATION_NEWER }, DeviationKind.LEFT_ALONE],
  ['kept beside another', { action: CREATE, state: SUCCEEDED, results: { keptPath: ['f (2)'] } }, DeviationKind.KEPT_BESIDE],
  ['kept where it was planned', { action: CREATE, state: SUCCEEDED, results: { keptPath: ['f_'] } }, DeviationKind.UNSPECIFIED],
  ['moved', { action: MOVE, state: SUCCEEDED, results: { moved: [0] } }, DeviationKind.UNSPECIFIED],
  ['written in place of moved', { action: MOVE, state: SUCCEEDED }, DeviationKind.WRITTEN_ANEW],
  ['recycled', { action: RECYCLE, state: SUCCEEDED, phase: GONE, read: { size: 0n, modifiedNs: 0n } }, DeviationKind.UNSPECIFIED],
  ['back at the source', { action: RECYCLE, state: SKIPPED, phase: GONE, reason: ErrorReason.SOURCE_CHANGED }, DeviationKind.NOT_RECYCLED],
  ['changed by somebody and kept', { action: RECYCLE, state: FAILED, phase: GONE, reason: ErrorReason.DESTINATION_CONFLICT }, DeviationKind.FAILED],
  ['to be kept', { action: KEEP, state: SKIPPED, phase: GONE, reason: ErrorReason.SOURCE_GONE }, DeviationKind.UNSPECIFIED],
  ['skipped by the plan', { action: SKIP, state: SKIPPED, reason: ErrorReason.FILTERED }, DeviationKind.UNSPECIFIED],
  ['failed by the plan', { action: FAIL, state: FAILED, reason: ErrorReason.NAME_INVALID }, DeviationKind.UNSPECIFIED],
  ['a folder that has its dates', { action: UPDATE, state: SKIPPED, kind: ItemKind.FOLDER, phase: FOLDERS, reason: ErrorReason.UNCHANGED }, DeviationKind.UNSPECIFIED],
  ['a folder that could not be made, before its own phase', { action: CREATE, state: FAILED, kind: ItemKind.FOLDER }, DeviationKind.UNSPECIFIED],
  ['a folder that could not be made', { action: CREATE, state: FAILED, kind: ItemKind.FOLDER, phase: FOLDERS }, DeviationKind.FAILED],
  ['not finished', { action: CREATE, state: UNSPECIFIED, read: { size: 0n, modifiedNs: 0n } }, DeviationKind.UNSPECIFIED],
]; // oxfmt-ignore

for (const [name, one, kind] of cases)
  test(`whether an outcome is as planned: ${name}`, (t) => {
    const { action, state, reason, read = asScanned, phase = TRANSFER } = one;
    const items = create(BatchItemsSchema, {
      path: ['f'],
      destinationPath: ['f_'],
      kind: [one.kind ?? ItemKind.FILE],
      action: [action],
      size: [5n],
      modifiedNs: [7n],
    });
    const results = create(BatchResultsSchema, {
      state: [state],
      size: [read.size],
      modifiedNs: [read.modifiedNs],
      remark: reason === undefined ? [] : [{ index: 0, reason, message: 'why' }],
      ...one.results,
    });
    t.is(deviationsOf({ phase, items, results })(0), kind);
    t.is(countDeviations({ phase, items, results }), kind === DeviationKind.UNSPECIFIED ? 0 : 1);
  });
