import test from 'ava';
import { DueList } from './due-list.ts';

test('the list gives what is due, in the order of the times', (t) => {
  const list = new DueList();
  const times = Array.from({ length: 500 }, (_, index) => (index * 7919) % 1009);
  for (const [index, dueMs] of times.entries()) list.set(`t${index}`, dueMs);
  const taken: number[] = [];
  for (let entry = list.take(800); entry !== undefined; entry = list.take(800))
    taken.push(entry.dueMs);
  const due = times.filter((dueMs) => dueMs <= 800).toSorted((one, other) => one - other);
  t.deepEqual(taken, due);
  t.is(list.size, times.length - due.length);
  t.is(list.nextMs, Math.min(...times.filter((dueMs) => dueMs > 800)));
});

test('a task has one time, the last that was set', (t) => {
  const list = new DueList();
  list.set('a', 10);
  list.set('b', 20);
  list.set('a', 30);
  t.is(list.nextMs, 20);
  list.set('a', 10);
  t.deepEqual(list.take(10), { task: 'a', dueMs: 10 });
  t.false(list.has('a'));
  list.set('b', undefined);
  t.is(list.take(1000), undefined);
  t.is(list.nextMs, undefined);
});

test('times that were set again and again do not add up', (t) => {
  const list = new DueList();
  for (let round = 0; round < 10_000; round += 1) list.set(`t${round % 3}`, 10_000 - round);
  t.is(list.size, 3);
  t.deepEqual(list.take(10_000), { task: 't0', dueMs: 1 });
  t.deepEqual(list.take(10_000), { task: 't2', dueMs: 2 });
});
