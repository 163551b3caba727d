import { randomBytes } from 'node:crypto';
import test from 'ava';
import { sealedBox, sealKeyBytes } from './sealed-box.ts';

const secret = Buffer.from('https://upload/?tempauth=secret');
const key = randomBytes(sealKeyBytes);

for (const [what, bytes] of [
  ['a secret', secret],
  ['nothing', Buffer.alloc(0)],
  ['much', Buffer.alloc(1_000_000, 'x')],
] as const)
  test(`${what} comes out as it went in`, (t) => {
    const sealed = sealedBox(key).seal(bytes, 'its name');
    t.deepEqual(Buffer.from(sealedBox(key).open(sealed, 'its name')!), Buffer.from(bytes));
  });

test('what is sealed shows nothing, and never looks the same twice', (t) => {
  const box = sealedBox(key);
  const [one, other] = [Buffer.from(box.seal(secret)), Buffer.from(box.seal(secret))];
  t.false(one.includes('tempauth'));
  t.false(one.equals(other));
});

test('what was changed anywhere, cut, renamed, or sealed with another key is not opened', (t) => {
  const box = sealedBox(key);
  const sealed = Buffer.from(box.seal(secret, 'one'));
  for (let index = 0; index < sealed.length; index++) {
    const changed = Buffer.from(sealed);
    changed[index]! ^= 1;
    t.is(box.open(changed, 'one'), undefined);
  }
  for (let length = 0; length < sealed.length; length++)
    t.is(box.open(sealed.subarray(0, length), 'one'), undefined);
  t.is(box.open(sealed, 'another'), undefined);
  t.is(box.open(sealed), undefined);
  t.is(sealedBox(randomBytes(sealKeyBytes)).open(sealed, 'one'), undefined);
});
