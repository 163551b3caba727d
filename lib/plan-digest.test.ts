import { createHash } from 'node:crypto';
import test from 'ava';
import { ErrorReason } from '../gen/drover/v1/error_pb.ts';
import { ItemAction, ItemKind } from '../gen/drover/v1/item_pb.ts';
import {
  emptyDigest,
  PlanDigest,
  planDigest,
  planRecord,
  type RecordedItem,
} from './plan-digest.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

const paths = ['a/b.docx', '"\\', 'line\nfeed\u2028', '\ud800 alone', 'Ärger 🎉', '', '\x7f\x1f', 'x'.repeat(40_000), 'ü'.repeat(9000)]; // oxfmt-ignore

function itemAt(index: number): RecordedItem {
  const path = paths[index % paths.length]!;
  return {
    path,
    kind: ItemKind.FILE,
    action: ItemAction.MOVE,
    size: 2n ** 63n + BigInt(index),
    modifiedNs: -5n,
    destinationPath: index % 3 === 0 ? path : `${path}_`,
    movedFrom: index % 5 === 0 ? 'old "name"' : '',
    reason: index % 2 === 0 ? ErrorReason.UNSPECIFIED : ErrorReason.NAME_INVALID,
  };
}

function digestOf(items: readonly RecordedItem[]): string {
  const records = items.map(({ path, kind, action, size, modifiedNs, destinationPath, movedFrom, reason }) => JSON.stringify([path, kind, action, String(size), String(modifiedNs), destinationPath, movedFrom, reason])); // oxfmt-ignore
  let chain = '';
  for (let start = 0; start < records.length; start += 64)
    chain = sha256([chain, ...records.slice(start, start + 64)].join('\n'));
  return chain;
}

test('records are hashed in blocks of 64, however they come, as items or as texts', (t) => {
  for (const count of [0, 1, 63, 64, 65, 128, 200]) {
    const items = Array.from({ length: count }, (_, index) => itemAt(index));
    const expected = digestOf(items);
    const [whole, texts] = [new PlanDigest(emptyDigest), new PlanDigest(emptyDigest)];
    for (const item of items) {
      whole.add(item);
      texts.addRecord(planRecord(item));
    }
    let grown = emptyDigest;
    for (let start = 0; start < count; start += 7) {
      const digest = new PlanDigest(grown);
      for (const item of items.slice(start, start + 7)) digest.add(item);
      grown = digest.keep();
    }
    for (const kept of [whole.keep(), texts.keep(), grown]) {
      t.is(planDigest(kept, emptyDigest), sha256(`${expected}\n`), `${count} that are scanned`);
      t.is(planDigest(emptyDigest, kept), sha256(`\n${expected}`), `${count} that are gone`);
    }
  }
});

test('what is kept stays as it is when more is added', (t) => {
  const digest = new PlanDigest(emptyDigest);
  digest.add(itemAt(0));
  const kept = digest.keep();
  const before = planDigest(kept, emptyDigest);
  const next = new PlanDigest(kept);
  for (let index = 1; index < 70; index++) next.add(itemAt(index));
  t.not(planDigest(next.keep(), emptyDigest), before);
  t.is(planDigest(kept, emptyDigest), before);
});
