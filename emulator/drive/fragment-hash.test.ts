// However a content is cut, the hash of its fragments is the hash of the whole.
import test from 'ava';
import { randomBytes, randomInt } from 'node:crypto';
import { QuickXorHash, quickXorHash } from '../../lib/quick-xor-hash.ts';
import { addFragment, emptyHashState, finishHash } from './fragment-hash.ts';

test('fragments of random lengths', (t) => {
  for (let round = 0; round < 200; round++) {
    const content = randomBytes(randomInt(1, 2000));
    let state = emptyHashState;
    const cuts: number[] = [];
    for (let at = 0; at < content.length;) {
      const fragment = content.subarray(at, at + randomInt(1, 700));
      state = addFragment(state, new QuickXorHash().update(fragment), at, fragment.length);
      cuts.push((at += fragment.length));
    }
    const whole = Buffer.from(quickXorHash(content)).toString('base64');
    t.is(
      finishHash(state, content.length),
      whole,
      `${content.toString('hex')} cut at ${cuts.join()}`,
    );
  }
});

test('nothing at all', (t) => {
  t.is(finishHash(emptyHashState, 0), 'AAAAAAAAAAAAAAAAAAAAAAAAAAA=');
});
