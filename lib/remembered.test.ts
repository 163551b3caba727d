import test from 'ava';
import { remembered } from './remembered.ts';

test('what was found once is not looked for again, nothing included, and each key has its own', (t) => {
  const asked: object[] = [];
  const sizeOf = remembered((list: number[]) => {
    asked.push(list);
    return list.length === 0 ? undefined : list.length;
  });
  const [none, two] = [[], [1, 2]];
  t.deepEqual([none, two, none, two].map(sizeOf), [undefined, 2, undefined, 2]);
  t.deepEqual(asked, [none, two]);
});

test('what could not be found is looked for again', (t) => {
  let attempts = 0;
  const find = remembered(() => {
    attempts += 1;
    if (attempts === 1) throw new Error('not yet');
    return attempts;
  });
  const key = {};
  t.throws(() => find(key), { message: 'not yet' });
  t.is(find(key), 2);
  t.is(find(key), 2);
});
