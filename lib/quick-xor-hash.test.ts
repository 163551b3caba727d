import { readFileSync } from 'node:fs';
import test from 'ava';
import { QuickXorHash, quickXorHash } from './quick-xor-hash.ts';

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');

interface Vector {
  size: number;
  inBase64: string;
  hash: string;
}
const vectors = JSON.parse(
  readFileSync(new URL('./quick-xor-hash.vectors.json', import.meta.url), 'utf8'),
) as Vector[];

for (const { size, inBase64, hash } of vectors)
  test(`vector of ${size} bytes ${inBase64.slice(0, 12)}`, (t) => {
    const content = Buffer.from(inBase64, 'base64');
    t.is(content.length, size);
    t.is(base64(quickXorHash(content)), hash);
  });

const million = Uint8Array.from({ length: 1_000_003 }, (_, i) => (i * 7 + (i >> 8)) & 255);
const table: [content: Uint8Array, hash: string][] = [
  [Buffer.from(''), 'AAAAAAAAAAAAAAAAAAAAAAAAAAA='],
  [Buffer.from('Sg==', 'base64'), 'SgAAAAAAAAAAAAAAAQAAAAAAAAA='],
  [Buffer.from('hello world'), 'aCgDG9jwBhDc4Q1yawMZAAAAAAA='],
  [Buffer.from('The quick brown fox jumps over the lazy dog'), 'bMSlbysmxJL6S75XwfMcQZOpcr4='],
  [million, 'zuPnc8ATnWJy0DdDZBhxSgP3GWY='],
];
for (const [content, hash] of table)
  test(`known hash of ${content.length} bytes`, (t) => t.is(base64(quickXorHash(content)), hash));

test('any cut and any alignment gives the same hash', (t) => {
  const hash = new QuickXorHash();
  for (const cut of [1, 3, 4, 31, 159, 160, 161, 4096, 65_537, 1_000_000])
    for (const shift of [0, 1, 2, 3]) {
      const moved = new Uint8Array(million.length + 4).subarray(shift, shift + million.length);
      moved.set(million);
      hash.reset();
      for (let at = 0; at < moved.length; at += cut) hash.update(moved.subarray(at, at + cut));
      t.is(base64(hash.digest()), 'zuPnc8ATnWJy0DdDZBhxSgP3GWY=', `cut ${cut}, shift ${shift}`);
    }
});

test('a digest can be taken on the way, and into a place of a larger buffer', (t) => {
  const hash = new QuickXorHash().update(Buffer.from('hello '));
  hash.digest();
  const target = new Uint8Array(30).fill(255);
  hash.update(Buffer.from('world')).digestInto(target, 5);
  t.is(base64(target.subarray(5, 25)), 'aCgDG9jwBhDc4Q1yawMZAAAAAAA=');
  t.is(target[4], 255);
  t.is(target[25], 255);
});

test('lengths beyond 32 bits go into the hash', (t) => {
  // Zeros leave the ring empty, so only the length is seen: 5 GiB.
  const hash = new QuickXorHash();
  const zeros = new Uint8Array(1 << 26);
  for (let count = 0; count < 80; count++) hash.update(zeros);
  const expected = new Uint8Array(20);
  new DataView(expected.buffer).setBigUint64(12, 5n << 30n, true);
  t.deepEqual(hash.digest(), expected);
});
