import test from 'ava';
import { KnownRows } from './known-rows.ts';

const bytes = (text: string) => Buffer.from(text);

test('a row is known as it was last read or written, until it is deleted', (t) => {
  const known = new KnownRows();
  t.is(known.get('task!a'), undefined);
  known.set('task!a', bytes('read'));
  t.deepEqual(known.get('task!a'), bytes('read'));
  known.wrote(new Map([['task!a', bytes('written')], ['run!a!000000001', bytes('run')]])); // oxfmt-ignore
  t.deepEqual(known.get('task!a'), bytes('written'));
  t.deepEqual(known.get('run!a!000000001'), bytes('run'));
  known.wrote(new Map([['task!a', undefined]]));
  t.is(known.get('task!a'), undefined);
  known.clear();
  t.is(known.get('run!a!000000001'), undefined);
});

test('only small rows of tasks, runs and batches are kept, and of these the ones that were used last', (t) => {
  const known = new KnownRows();
  known.wrote(new Map([['ledger!a!x', bytes('row')], ['items!a!1!1', bytes('items')], ['task!large', new Uint8Array(65 * 1024)]])); // oxfmt-ignore
  for (const key of ['ledger!a!x', 'items!a!1!1', 'task!large'])
    t.is(known.get(key), undefined, key);
  known.set('task!used', bytes('task'));
  known.set('task!unused', bytes('task'));
  for (let batch = 0; batch < 4095; batch++) {
    known.get('task!used');
    known.set(`batch!a!1!${batch}`, bytes('batch'));
  }
  t.deepEqual(known.get('task!used'), bytes('task'));
  t.is(known.get('task!unused'), undefined);
  t.deepEqual(known.get('batch!a!1!4094'), bytes('batch'));
});

test('large rows make room for each other sooner', (t) => {
  const known = new KnownRows();
  const row = new Uint8Array(64 * 1024);
  // A row that is put again counts once.
  for (let round = 0; round < 3; round++)
    for (let task = 0; task < 64; task++) known.set(`task!${task}`, row);
  t.truthy(known.get('task!0'));
  known.set('task!64', row);
  t.is(known.get('task!1'), undefined);
  for (const task of [0, 2, 63, 64]) t.truthy(known.get(`task!${task}`), `${task}`);
});
