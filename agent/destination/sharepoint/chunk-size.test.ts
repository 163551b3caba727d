import test from 'ava';
import {
  chunkBytesFirst,
  chunkUnitBytes,
  grownChunkBytes,
  shrunkChunkBytes,
} from './chunk-size.ts';

const requestBytesMax = 60 * 1024 * 1024;

test('every size is a whole number of units, and fits into a request, wherever it comes from', (t) => {
  const sizes = new Set<number>();
  const visit = (bytes: number) => {
    if (sizes.has(bytes)) return;
    sizes.add(bytes);
    visit(grownChunkBytes(bytes, 100));
    visit(shrunkChunkBytes(bytes));
  };
  visit(chunkBytesFirst);
  for (const bytes of sizes)
    t.true(bytes % chunkUnitBytes === 0 && bytes > 0 && bytes < requestBytesMax);
  t.true(sizes.size > 3);
});

test('a chunk that took long is not made longer', (t) => {
  t.is(grownChunkBytes(chunkBytesFirst, 60_000), chunkBytesFirst);
  t.true(grownChunkBytes(chunkBytesFirst, 100) > chunkBytesFirst);
});
