import test from 'ava';
import { Pace } from './pace.ts';
import { workUnits } from './work-size.ts';

const files = (items: number, bytes = 0n) => ({ items, bytes });

test('nothing is known before the first lease', (t) => {
  t.is(new Pace().unitsPerSecond, undefined);
});

test('the pace is what was done over the time it took', (t) => {
  const pace = new Pace();
  pace.note(files(10, 1_000_000n), 1000);
  t.is(pace.unitsPerSecond, workUnits(files(10, 1_000_000n)));
  pace.note(files(0), 1000);
  const units = pace.unitsPerSecond! / workUnits(files(10, 1_000_000n));
  t.true(units > 0.48 && units < 0.5, 'the older half counts a little less');
});

test('what is long past counts for nothing', (t) => {
  const pace = new Pace();
  for (let count = 0; count < 100; count += 1) pace.note(files(1000), 1000);
  for (let count = 0; count < 300; count += 1) pace.note(files(10), 1000);
  const units = pace.unitsPerSecond! / workUnits(files(10));
  t.true(units > 0.99 && units < 1.01, `${units}`);
});

test('a lease that took no time does not make an agent infinitely fast', (t) => {
  const pace = new Pace();
  pace.note(files(1), 0);
  t.true(Number.isFinite(pace.unitsPerSecond));
});
