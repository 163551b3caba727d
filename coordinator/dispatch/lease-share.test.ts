import { create } from '@bufbuild/protobuf';
import test from 'ava';
import { BatchItemsSchema } from '../../gen/drover/v1/columns_pb.ts';
import { ItemKind } from '../../gen/drover/v1/item_pb.ts';
import { cutAt, isCut, leaseShare, type ShareBasis } from './lease-share.ts';
import { itemUnits } from './work-size.ts';

const basis = (items: number, more: Partial<ShareBasis> = {}): ShareBasis => ({
  leftUnits: itemUnits(items),
  isMoreToCome: false,
  unitsPerItem: itemUnits(1),
  speed: 1,
  allSpeeds: 4,
  unitsPerSecond: undefined,
  ...more,
});

const shares: [name: string, basis: ShareBasis, items: number][] = [
  ['half of a fair part', basis(400), 50],
  ['twice as fast, twice as much', basis(240, { speed: 2 }), 60],
  ['half of it all when nobody else is there', basis(100, { allSpeeds: 1 }), 50],
  ['no fewer than eight at an agent that is not known', basis(40), 8],
  ['and no more than it takes to know it', basis(4000), 64],
  ['fewer at one that is known to be slow', basis(40, { unitsPerSecond: itemUnits(1) }), 5],
  ['no less than a quarter of a second', basis(40, { unitsPerSecond: itemUnits(100) }), 25],
  ['no more than three seconds', basis(4000, { unitsPerSecond: itemUnits(10) }), 30],
  ['three seconds while the scan goes on', basis(400, { isMoreToCome: true, unitsPerSecond: itemUnits(500) }), 1500], // oxfmt-ignore
  ['a fair part of what is known then at an agent that is not', basis(240, { isMoreToCome: true }), 30], // oxfmt-ignore
  ['but as many as can be done at once', basis(4000, { unitsPerSecond: itemUnits(1) }), 8],
];
for (const [name, given, items] of shares)
  test(`the share of a lease: ${name}`, (t) => t.is(leaseShare(given), itemUnits(items)));

test('however much is left, pieces get smaller until all is given', (t) => {
  let left = 10_000;
  let leases = 0;
  let before = Infinity;
  while (left > 0) {
    const items = Math.floor(leaseShare(basis(left)) / itemUnits(1));
    t.true(items <= before && items >= 8);
    before = items;
    left -= items;
    leases += 1;
  }
  t.true(leases < 200, `${leases} leases`);
});

test('a batch that is a little too large is left whole', (t) => {
  const size = { items: 100, bytes: 0n };
  t.false(isCut(size, itemUnits(100)));
  t.false(isCut(size, itemUnits(70)));
  t.true(isCut(size, itemUnits(60)));
  t.false(isCut({ items: 1, bytes: 1n << 40n }, 1), 'one file cannot be cut');
});

const items = (...sizes: bigint[]) =>
  create(BatchItemsSchema, { size: sizes, kind: sizes.map(() => ItemKind.FILE) });
test('a cut is made before the item that would be too much', (t) => {
  t.is(cutAt(items(0n, 0n, 0n, 0n), itemUnits(2)), 2);
  t.is(cutAt(items(1n << 40n, 0n), itemUnits(2)), 1, 'a huge file is alone');
  t.is(cutAt(items(0n, 1n << 40n, 0n), itemUnits(2)), 1);
  t.is(cutAt(items(0n, 0n), itemUnits(9)), 2);
});
