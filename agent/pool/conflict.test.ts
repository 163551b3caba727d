import test from 'ava';
import { ConflictPolicy } from '../../gen/drover/v1/settings_pb.ts';
import { isSameWrite, judgeConflict, numberedPath } from './conflict.ts';

const { SKIP, OVERWRITE, KEEP_BOTH, NEWER_WINS, UNSPECIFIED } = ConflictPolicy;
const precisionNs = 1000n;
const file = { isFile: true, modifiedNs: 5000n };
const folder = { isFile: false, modifiedNs: 0n };

for (const [policy, wanted] of [
  [SKIP, 'report'],
  [UNSPECIFIED, 'report'],
  [99 as ConflictPolicy, 'report'],
  [OVERWRITE, 'overwrite'],
  [KEEP_BOTH, 'keep-both'],
] as const)
  test(`policy ${policy} about another file: ${wanted}`, (t) =>
    t.is(judgeConflict({ policy, existing: file, modifiedNs: 9000n, precisionNs }), wanted));

for (const policy of [SKIP, OVERWRITE, KEEP_BOTH, NEWER_WINS])
  test(`policy ${policy} about a folder in the place of a file: report`, (t) =>
    t.is(judgeConflict({ policy, existing: folder, modifiedNs: 9000n, precisionNs }), 'report'));

for (const [modifiedNs, wanted] of [
  [6001n, 'overwrite'],
  [6000n, 'overwrite'],
  [5999n, 'leave-newer'],
  [5000n, 'leave-newer'],
  [4000n, 'leave-newer'],
] as const)
  test(`the newer one wins, of ${modifiedNs} and 5000: ${wanted}`, (t) =>
    t.is(judgeConflict({ policy: NEWER_WINS, existing: file, modifiedNs, precisionNs }), wanted));

test('the number stands in the last part of a path, before the extension', (t) => {
  t.is(numberedPath('a.b/report.docx', 2), 'a.b/report (2).docx');
  t.is(numberedPath('report', 3), 'report (3)');
  t.is(numberedPath('a.b/.profile', 2), 'a.b/.profile (2)');
});

for (const [what, existing, wanted] of [
  ['the first', { isFile: true, size: 1, modifiedNs: 2_000_999n }, true],
  ['the second', { isFile: true, size: 3, modifiedNs: 4_000_000n }, true],
  ['the size of one and the date of the other', { isFile: true, size: 1, modifiedNs: 4_000_000n }, false], // oxfmt-ignore
  ['another date', { isFile: true, size: 1, modifiedNs: 2_001_000n }, false],
  ['a folder', { isFile: false, size: 1, modifiedNs: 2_000_000n }, false],
] as const)
  test(`of two unreported writes, what stands there is ${what}: ${wanted ? 'ours' : 'not ours'}`, (t) => {
    const writes = [
      { size: 1, modifiedNs: 2_000_000n },
      { size: 3, modifiedNs: 4_000_000n },
    ];
    t.is(isSameWrite(writes, existing, precisionNs), wanted);
    t.false(isSameWrite([], existing, precisionNs));
  });

test('an unreported write of an empty file is ours also when it got no date any more', (t) => {
  const empty = { isFile: true, size: 0, modifiedNs: 9_000_000n };
  t.true(isSameWrite([{ size: 0, modifiedNs: 2_000_000n }], empty, precisionNs));
  t.false(isSameWrite([{ size: 1, modifiedNs: 9_000_000n }], empty, precisionNs));
  t.false(isSameWrite([{ size: 0, modifiedNs: 2_000_000n }], { ...empty, isFile: false }, precisionNs)); // oxfmt-ignore
});
