import { create, type MessageInitShape } from '@bufbuild/protobuf';
import test from 'ava';
import { LedgerRowSchema } from '../../gen/drover/store/v1/rows_pb.ts';
import { ErrorReason, ErrorReasonSchema } from '../../gen/drover/v1/error_pb.ts';
import { ItemAction, ItemKind } from '../../gen/drover/v1/item_pb.ts';
import { isInside } from '../../lib/inside-path.ts';
import { planItem, type ScannedItem } from './plan-item.ts';

const { CREATE, UPDATE, SKIP, FAIL } = ItemAction;
const file: ScannedItem = {
  path: 'a/b',
  kind: ItemKind.FILE,
  size: 10n,
  modifiedNs: 1000n,
  createdNs: 900n,
  fileId: 7n,
  reason: ErrorReason.UNSPECIFIED,
  message: '',
};
const folder: ScannedItem = { ...file, kind: ItemKind.FOLDER, size: 0n };
const fileRow = { size: 10n, modifiedNs: 1000n, createdNs: 900n, fileId: 7n };
const folderRow = { size: 0n, modifiedNs: 1000n, folder: true };

const decisions: [
  name: string,
  item: ScannedItem,
  ledger: MessageInitShape<typeof LedgerRowSchema> | undefined,
  action: ItemAction,
][] = [
  ['a new file', file, undefined, CREATE],
  ['a new folder', folder, undefined, CREATE],
  ['an unchanged file', file, fileRow, SKIP],
  ['a file of another size', { ...file, size: 11n }, fileRow, UPDATE],
  ['a file that became empty', { ...file, size: 0n }, fileRow, UPDATE],
  ['a file with a later date', { ...file, modifiedNs: 1001n }, fileRow, UPDATE],
  ['a file with an earlier date', { ...file, modifiedNs: 999n }, fileRow, UPDATE],
  ['a file that was moved back, with another id', { ...file, fileId: 8n }, fileRow, SKIP],
  ['a folder that is there: its date is set again', folder, folderRow, UPDATE],
  ['a file that became a folder', folder, fileRow, CREATE],
  ['a folder that became a file', file, folderRow, CREATE],
  ['a folder that became an empty file of the same date', { ...file, size: 0n }, folderRow, CREATE],
];
for (const [name, item, ledger, action] of decisions)
  test(name, (t) => {
    const row = ledger && create(LedgerRowSchema, ledger);
    const reason = action === SKIP ? ErrorReason.UNCHANGED : ErrorReason.UNSPECIFIED;
    t.deepEqual(planItem(item, row), { action, reason, message: '' });
  });

test('each reason of a remark is a failure but for what is left out on purpose', (t) => {
  const skipped: ErrorReason[] = [
    ErrorReason.SYMBOLIC_LINK,
    ErrorReason.SPECIAL_FILE,
    ErrorReason.FILTERED,
    ErrorReason.TEMPORARY_FILE,
  ];
  for (const { number, localName } of ErrorReasonSchema.values) {
    const reason = number as ErrorReason;
    if (reason === ErrorReason.UNSPECIFIED) continue;
    const expected = {
      action: skipped.includes(reason) ? SKIP : FAIL,
      reason,
      message: 'what happened',
    };
    const remarked = { ...file, reason, message: 'what happened' };
    t.deepEqual(planItem(remarked, undefined), expected, localName);
    const row = create(LedgerRowSchema, fileRow);
    t.deepEqual(planItem(remarked, row), expected, `${localName}, migrated before`);
  }
  const newer = { ...file, reason: 9999 as ErrorReason, message: 'x' };
  t.is(planItem(newer, undefined).action, FAIL, 'a reason of a newer agent');
});

test('a path that would lead out of the destination folder is never written', (t) => {
  const escaping = ['', '.', '..', '../a', 'a/..', 'a/../b', 'a/./b', '/a', 'a/', 'a//b', 'a\0b'];
  for (const path of escaping) {
    t.false(isInside(path), JSON.stringify(path));
    for (const item of [file, folder])
      for (const ledger of [undefined, create(LedgerRowSchema, fileRow)]) {
        const { action, reason } = planItem({ ...item, path }, ledger);
        t.deepEqual([action, reason], [FAIL, ErrorReason.DESTINATION_ESCAPES], JSON.stringify(path)); // oxfmt-ignore
      }
  }
  for (const path of [
    'a',
    '...',
    '..a',
    'a..',
    'a/..b/c',
    '.hidden',
    ' ',
    '-rf',
    'a\nb',
    '\u2024.',
  ])
    t.true(isInside(path), JSON.stringify(path));
});

test('what is neither a file nor a folder is never written, even when the agent says nothing', (t) => {
  const link = { ...file, kind: ItemKind.SYMBOLIC_LINK };
  t.like(planItem(link, undefined), { action: SKIP, reason: ErrorReason.SYMBOLIC_LINK });
  for (const kind of [ItemKind.SPECIAL, ItemKind.UNSPECIFIED, 99 as ItemKind])
    t.like(planItem({ ...file, kind }, undefined), {
      action: SKIP,
      reason: ErrorReason.SPECIAL_FILE,
    });
});

test('a file that is what it was is written again when another content may stand at the destination', (t) => {
  const row = create(LedgerRowSchema, fileRow);
  t.is(planItem(file, row, { isUncertain: true }).action, UPDATE);
  t.is(planItem(file, row, { isUncertain: false }).action, SKIP);
});

test('a renamed file is moved, and nothing is written where one is still to be moved away', (t) => {
  const origin = { path: 'z', row: create(LedgerRowSchema, fileRow), isGone: true };
  t.is(planItem(file, undefined, { origin }).action, ItemAction.MOVE);
  t.is(planItem(folder, undefined, { origin }).action, CREATE);
  t.is(planItem({ ...file, reason: ErrorReason.FILTERED }, undefined, { origin }).action, SKIP);
  const held = planItem(file, create(LedgerRowSchema, fileRow), { isHeld: true });
  t.like(held, { action: FAIL, reason: ErrorReason.SOURCE_CHANGED });
});
