import { create } from '@bufbuild/protobuf';
import test from 'ava';
import { RunProgressSchema } from '../../gen/drover/v1/run_pb.ts';
import { earlyTimeLeftMs } from './early-estimate.ts';

const rates = { itemsPerSecond: 10, bytesPerSecond: 1000 };

interface Case {
  title: string;
  scanned: bigint;
  planned?: bigint;
  plannedBytes?: bigint;
  left?: bigint;
  bytesLeft?: bigint;
  before?: bigint;
  elapsedMs?: number;
  isStill?: boolean;
  expected: number | undefined;
}

const cases: Case[] = [
  { title: 'nothing was found yet', scanned: 0n, expected: undefined },
  { title: 'the scan has only begun', scanned: 9n, expected: undefined },
  { title: 'the run before found nothing', scanned: 0n, before: 0n, expected: undefined },
  { title: 'as much was found as before', scanned: 100n, expected: undefined },
  { title: 'more was found than before', scanned: 200n, expected: undefined },
  { title: 'nothing has to be written', scanned: 25n, expected: 30_000 },
  { title: 'the clock was put back', scanned: 25n, elapsedMs: -5, expected: 0 },
  { title: 'the scan is the longer', scanned: 50n, planned: 10n, left: 5n, expected: 10_000 },
  { title: 'the items are the longer', scanned: 50n, planned: 50n, left: 50n, expected: 10_000 },
  {
    title: 'far more items',
    scanned: 20n,
    planned: 20n,
    left: 20n,
    elapsedMs: 1,
    expected: 10_000,
  },
  { title: 'the bytes are the longer', scanned: 50n, planned: 1n, left: 1n, plannedBytes: 50_000n, bytesLeft: 50_000n, expected: 100_000 }, // oxfmt-ignore
  { title: 'more is done than planned', scanned: 50n, planned: 2n, left: -7n, bytesLeft: -1n, expected: 10_000 }, // oxfmt-ignore
  { title: 'nothing moves', scanned: 50n, planned: 50n, left: 50n, isStill: true, expected: undefined }, // oxfmt-ignore
];
for (const {
  title,
  scanned,
  planned = 0n,
  plannedBytes = 0n,
  left = 0n,
  bytesLeft = 0n,
  before = 100n,
  elapsedMs = 10_000,
  isStill = false,
  expected,
} of cases)
  // oxfmt-ignore
  test(title, (t) => {
    const counts = { scannedItems: scanned, plannedItems: planned, plannedBytes };
    const estimate = earlyTimeLeftMs({
      progress: create(RunProgressSchema, counts),
      foundBefore: before,
      itemsLeft: left,
      bytesLeft,
      elapsedMs,
      rates: isStill ? { itemsPerSecond: 0, bytesPerSecond: 0 } : rates,
    });
    t.is(estimate, expected);
  });

test('a run that goes on evenly is told its time from the beginning, without jumps', (t) => {
  const [total, perSecond] = [10_000, 100];
  for (let second = 10; second < 100; second += 1) {
    const scanned = BigInt(second * perSecond);
    const estimate = earlyTimeLeftMs({
      progress: create(RunProgressSchema, { scannedItems: scanned, plannedItems: scanned }),
      foundBefore: BigInt(total),
      itemsLeft: scanned / 2n,
      bytesLeft: 0n,
      elapsedMs: second * 1000,
      rates: { itemsPerSecond: perSecond / 2, bytesPerSecond: 0 },
    });
    const real = (total - (second * perSecond) / 2) / (perSecond / 2);
    t.true(Math.abs(estimate! / 1000 - real) < 1, `${second}: ${estimate}, ${real}`);
  }
});
