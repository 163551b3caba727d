import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import test from 'ava';
import { ScanPageSchema } from '../../gen/drover/v1/columns_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemKind } from '../../gen/drover/v1/item_pb.ts';
import { scanPageItemsMax } from './jobs.ts';
import { ScanPageWriter } from './scan-page-writer.ts';
import type { WalkItem } from './walk.ts';

/** The same page as the library's encoder sees it. */
function decoded(items: readonly WalkItem[]) {
  return create(ScanPageSchema, {
    path: items.map((item) => item.path),
    kind: items.map((item) => item.facts.kind),
    size: items.map((item) => BigInt(item.facts.size)),
    modifiedNs: items.map((item) => BigInt.asIntN(64, item.facts.modifiedNs)),
    createdNs: items.map((item) => item.facts.createdNs),
    fileId: items.map((item) => item.facts.fileId),
    remark: items.flatMap((item, index) => (item.remark ? [{ index, ...item.remark }] : [])),
  });
}

function item(path: string, more: Partial<WalkItem['facts']> = {}): WalkItem {
  const facts = { kind: ItemKind.FILE, size: 0, modifiedNs: 0n, createdNs: 0n, fileId: 0n };
  return { path, facts: { ...facts, ...more }, remark: undefined };
}

const values: WalkItem[] = [
  item('a', { size: 127, fileId: 127n, modifiedNs: 1n, createdNs: -1n }),
  item('folder', { kind: ItemKind.FOLDER, size: 0, fileId: 128n, modifiedNs: -(2n ** 63n) }),
  item('b', { size: 128, fileId: 2n ** 64n - 1n, modifiedNs: 2n ** 63n - 1n }),
  item('c', { size: 2 ** 40 + 1, fileId: 2n ** 53n, modifiedNs: 1_234_567_890_123_456_789n }),
  item('d', { size: Number.MAX_SAFE_INTEGER, fileId: 2n ** 53n - 1n, modifiedNs: 2n ** 65n + 7n }),
  item('', { kind: ItemKind.UNSPECIFIED }),
  ...[42, 43, 126, 127, 128, 129, 4000, 20_000].flatMap((length) => [
    item('x'.repeat(length)),
    item('日'.repeat(length)),
    item('é'.repeat(length)),
    item('😀'.repeat(length)),
  ]),
  { ...item('r'), remark: { reason: ErrorReason.SYMBOLIC_LINK, message: 'a link é' } },
];

test('a page is what the library would have written', (t) => {
  const writer = new ScanPageWriter();
  for (const each of values) writer.add(each);
  t.is(writer.items, values.length);
  const page = writer.take();
  t.deepEqual(fromBinary(ScanPageSchema, page), decoded(values));
  t.deepEqual(page, toBinary(ScanPageSchema, decoded(values)));
});

test('the writer begins again after each page', (t) => {
  const writer = new ScanPageWriter();
  for (const each of values) writer.add(each);
  writer.take();
  t.is(writer.items, 0);
  t.is(writer.take().length, 0);
  const full = Array.from({ length: scanPageItemsMax }, (_, index) => item(`n${index}`));
  for (const each of full) writer.add(each);
  const page = writer.take();
  t.is(page.byteLength, page.buffer.byteLength, 'bytes of its own, that can be transferred');
  t.deepEqual(fromBinary(ScanPageSchema, page), decoded(full));
});
