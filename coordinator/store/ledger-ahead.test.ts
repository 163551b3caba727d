import test from 'ava';
import { numbersOf } from './testing/random.ts';
import { LedgerAhead, type ReadLedger } from './ledger-ahead.ts';
import type { LedgerRange, StoredEntry } from './store.ts';

/** The rows of a ledger, by their paths; they are asked for as a scan does it. */
class Ledger {
  readonly ahead = new LedgerAhead();
  /** How often rows were read. */
  reads = 0;
  paths: string[];

  constructor(paths: string[]) {
    this.paths = paths;
  }

  read: ReadLedger = async ({ after, upTo }, limit) => {
    this.reads += 1;
    const rows = this.paths.filter((path) => path > after && (upTo === '' || path <= upTo));
    await new Promise(setImmediate);
    return rows.slice(0, limit).map((path) => ({ path }) as StoredEntry);
  };

  async range(range: LedgerRange, limit: number, task = 'a'): Promise<string[]> {
    const rows = await this.ahead.range(task, range, { limit, read: this.read });
    return rows.map(({ path }) => path);
  }
}

const pathOf = (number: number) => String(number).padStart(6, '0');
const pathsUpTo = (count: number) => Array.from({ length: count }, (_, index) => pathOf(index));

test('what is read ahead is what would be read when it is needed, wherever pages end', async (t) => {
  for (let seed = 1; seed <= 12; seed++) {
    const below = numbersOf(seed);
    const ledger = new Ledger(pathsUpTo(9000).filter(() => below(3) > 0));
    const limit = [100, 1000, 4000][below(3)]!;
    for (let [after, at] = ['', 0]; at < 9000;) {
      // The end of a page is not always a path that the ledger has.
      at += 1 + below(2500);
      const upTo = at >= 9000 ? '' : pathOf(at);
      for (;;) {
        const changes = below(6);
        // Rows come and go behind what is read, and the ledger is told.
        if (changes === 0) {
          ledger.paths = ledger.paths.filter((path) => path <= after || below(50) > 0);
          ledger.ahead.forget('a');
        }
        const expected = ledger.paths.filter((path) => path > after && (upTo === '' || path <= upTo)).slice(0, limit); // oxfmt-ignore
        t.deepEqual(await ledger.range({ after, upTo }, limit), expected, `seed ${seed}`);
        const isWhole = expected.length < limit;
        after = isWhole ? upTo : expected.at(-1)!;
        if (isWhole) break;
      }
    }
  }
});

test('the next rows are being read before anybody asks for them', async (t) => {
  const ledger = new Ledger(pathsUpTo(6000));
  await ledger.range({ after: '', upTo: pathOf(999) }, 4000);
  t.is(ledger.reads, 2, 'the page and what comes after it');
  const second = await ledger.range({ after: pathOf(999), upTo: pathOf(1999) }, 4000);
  t.is(second.length, 1000);
  t.is(ledger.reads, 3, 'only what comes after the next');
});

test('rows of another place, of another task, or that were changed are read anew', async (t) => {
  const ledger = new Ledger(pathsUpTo(6000));
  const page = { after: '', upTo: pathOf(9) };
  await ledger.range(page, 4000);
  t.is((await ledger.range({ after: pathOf(100), upTo: pathOf(109) }, 4000)).length, 9);
  ledger.paths = ledger.paths.filter((path) => path !== pathOf(115));
  ledger.ahead.forget('b');
  ledger.ahead.forget('a');
  t.is((await ledger.range({ after: pathOf(109), upTo: pathOf(119) }, 4000)).length, 9);
  t.is((await ledger.range(page, 4000, 'b')).length, 10);
});

test('what cannot be read ahead fails where it is needed, and nowhere else', async (t) => {
  const ledger = new Ledger(pathsUpTo(6000));
  const failing: ReadLedger = (range, limit) => range.upTo === '' ? Promise.reject(new Error('torn')) : ledger.read(range, limit); // oxfmt-ignore
  const ask = (range: LedgerRange) =>
    ledger.ahead.range('a', range, { limit: 4000, read: failing });
  t.is((await ask({ after: '', upTo: pathOf(9) })).length, 10);
  t.is((await ask({ after: pathOf(9), upTo: pathOf(19) })).length, 10);
  await t.throwsAsync(ask({ after: pathOf(19), upTo: '' }), { message: 'torn' });
});
