import test from 'ava';
import { doBytesTell, Meter, timeLeftMs } from './meter.ts';

test('nothing is known before two samples', (t) => {
  const meter = new Meter();
  const none = { itemsPerSecond: 0, bytesPerSecond: 0 };
  t.deepEqual(meter.rates(5000), none);
  meter.sample(5000, 10n, 100n);
  t.deepEqual(meter.rates(9000), none);
});

test('rates are what was added over the time', (t) => {
  const meter = new Meter();
  meter.sample(1000, 10n, 1000n);
  meter.sample(3000, 30n, 5000n);
  t.deepEqual(meter.rates(3000), { itemsPerSecond: 10, bytesPerSecond: 2000 });
  t.deepEqual(meter.rates(5000), { itemsPerSecond: 5, bytesPerSecond: 1000 }, 'a stall counts');
});

test('only the last seconds count', (t) => {
  const meter = new Meter();
  for (let second = 0; second <= 20; second += 1)
    meter.sample(second * 1000, BigInt(second * 1000), 0n);
  for (let second = 21; second <= 40; second += 1)
    meter.sample(second * 1000, BigInt(20_000 + (second - 20)), 0n);
  t.is(meter.rates(40_000).itemsPerSecond, 1);
});

test('samples that come faster than they are kept lose nothing', (t) => {
  const meter = new Meter();
  for (let timeMs = 0; timeMs <= 60_000; timeMs += 1) meter.sample(timeMs, BigInt(timeMs), 0n);
  const { itemsPerSecond } = meter.rates(60_000);
  t.true(Math.abs(itemsPerSecond - 1000) < 1, `${itemsPerSecond} items a second`);
});

test('totals that fall, because work was lost, are no negative rate', (t) => {
  const meter = new Meter();
  meter.sample(0, 100n, 100n);
  meter.sample(1000, 40n, 0n);
  t.deepEqual(meter.rates(1000), { itemsPerSecond: 0, bytesPerSecond: 0 });
});

test('after a time in which nothing was heard, rates begin anew', (t) => {
  const meter = new Meter();
  meter.sample(0, 0n, 0n);
  meter.sample(1000, 10n, 0n);
  t.is(meter.rates(60_000).itemsPerSecond, 0);
  meter.sample(60_000, 12n, 0n);
  meter.sample(60_800, 20n, 0n);
  t.is(meter.rates(60_800).itemsPerSecond, 10);
  meter.restart();
  t.is(meter.rates(60_800).itemsPerSecond, 0);
  meter.sample(61_000, 20n, 0n);
  meter.sample(62_000, 25n, 0n);
  t.is(meter.rates(62_000).itemsPerSecond, 5);
});

test('two samples at one time do not divide by zero', (t) => {
  const meter = new Meter();
  meter.sample(0, 0n, 0n);
  meter.sample(0, 1n, 1n);
  t.true(Number.isFinite(meter.rates(0).itemsPerSecond));
});

const estimates: [
  name: string,
  itemsLeft: bigint,
  bytesLeft: bigint,
  itemsPerSecond: number,
  bytesPerSecond: number,
  leftMs: number | undefined,
][] = [
  ['nothing left', 0n, 0n, 0, 0, 0],
  ['less than nothing left', -3n, 5n, 1, 1, 0],
  ['nothing moves', 5n, 5n, 0, 0, undefined],
  ['many small files: the items take longer', 1000n, 10n, 10, 10, 100_000],
  ['few large files: the bytes take longer', 2n, 1000n, 10, 10, 100_000],
  ['one large file in which no item ends', 1n, 500n, 0, 100, 5_000],
  ['empty files only', 50n, 0n, 10, 0, 5_000],
  ['files that grew: more bytes than planned', 10n, -5n, 1, 1, 10_000],
  ['empty files are left, and none has ended yet', 5n, 0n, 0, 100, undefined],
];
for (const [name, itemsLeft, bytesLeft, itemsPerSecond, bytesPerSecond, leftMs] of estimates)
  test(`time left: ${name}`, (t) => {
    t.is(timeLeftMs(itemsLeft, bytesLeft, { itemsPerSecond, bytesPerSecond }), leftMs);
  });

test('bytes tell nothing while small files are done and next to none of the bytes', (t) => {
  const planned = { items: 1000n, bytes: 1_000_000n };
  for (const [items, bytes, isTold] of [
    [0n, 0n, false],
    [0n, 10_000n, true],
    [9n, 5n, true],
    [10n, 5n, false],
    [120n, 9_999n, false],
    [120n, 10_000n, true],
    [999n, 500_000n, true],
  ] as const)
    t.is(doBytesTell({ items, bytes }, planned), isTold, `${items} items, ${bytes} bytes`);
  t.true(doBytesTell({ items: 5n, bytes: 0n }, { items: 10n, bytes: 0n }), 'empty files');
});
