import test from 'ava';
import { mergeLedger } from './ledger-merge.ts';

type Entry = readonly [key: string, bytes: Uint8Array];

/** Brings the entries in pages, an empty page at the end. */
function pagesOf(entries: readonly Entry[], pageSize: number) {
  let start = 0;
  return async () => entries.slice(start, (start += pageSize));
}

const entries = ['b', 'c', 'd', 'e', 'f'].map((key, index): Entry => [key, Uint8Array.of(index)]);

test('each key gets its entry, whatever the size of the pages', async (t) => {
  for (const pageSize of [1, 2, 3, 100]) {
    const found = await mergeLedger(['a', 'b', 'd', 'f', 'g'], pagesOf(entries, pageSize));
    t.deepEqual(
      found.map((bytes) => bytes?.[0]),
      [undefined, 0, 2, 4, undefined],
    );
  }
});

test('no keys and no entries', async (t) => {
  t.deepEqual(await mergeLedger([], pagesOf(entries, 2)), []);
  t.deepEqual(await mergeLedger(['a', 'b'], pagesOf([], 2)), [undefined, undefined]);
});
