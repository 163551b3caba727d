import { createHash } from 'node:crypto';
import test from 'ava';
import { ErrorReason } from '../gen/drover/v1/error_pb.ts';
import { ItemAction, ItemKind } from '../gen/drover/v1/item_pb.ts';
import { addToDigest, planDigest, planRecord, type GrowingDigest } from './plan-digest.ts';

const none: GrowingDigest = { digest: '', rest: [] };
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

test('a record is the JSON of its values', (t) => {
  for (const path of ['a/b.docx', '"\\', 'line\nfeed\u2028', '\ud800 alone', 'Ärger 🎉', ''])
    for (const destinationPath of [path, `${path}_`])
      for (const movedFrom of ['', 'old "name"']) {
        const item = { path, kind: ItemKind.FILE, action: ItemAction.MOVE, size: 2n ** 63n, modifiedNs: -5n, destinationPath, movedFrom, reason: ErrorReason.UNSPECIFIED }; // prettier-ignore
        const record = [path, item.kind, item.action, String(item.size), '-5', destinationPath, movedFrom, 0]; // prettier-ignore
        t.is(planRecord(item), JSON.stringify(record));
      }
});

test('records are hashed in blocks of 64, however they come', (t) => {
  for (const count of [0, 1, 63, 64, 65, 128, 200]) {
    const records = Array.from({ length: count }, (_, index) => `[${index}]`);
    let chain = '';
    for (let start = 0; start < count; start += 64)
      chain = sha256([chain, ...records.slice(start, start + 64)].join('\n'));
    const expected = sha256(`${chain}\n`);
    t.is(planDigest(addToDigest(none, records), none), expected, `${count} at once`);
    let grown = none;
    for (let start = 0; start < count; start += 7)
      grown = addToDigest(grown, records.slice(start, start + 7));
    t.is(planDigest(grown, none), expected, `${count} in pieces`);
    t.is(planDigest(none, grown), sha256(`\n${chain}`), `${count} that are gone`);
  }
});
