// Columns that are read value by value against columns that are decoded.
import { create, toBinary } from '@bufbuild/protobuf';
import test from 'ava';
import { BatchItemsSchema, BatchResultsSchema, type BatchItems, type BatchResults } from '../../gen/drover/v1/columns_pb.ts'; // oxfmt-ignore
import { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import { RandomColumns } from '../plan/testing/random-columns.ts';
import { numbersOf } from '../store/testing/random.ts';
import { openBatch, type BatchColumns } from './batch-columns.ts';
import { decodeStored, type StoredBatch } from './read-batch.ts';
import { Numbers, Texts, type Values } from './stored-values.ts';

const below = numbersOf(5);
const random = new RandomColumns(below);

function stored(items: BatchItems, results: BatchResults): StoredBatch {
  return {
    phase: BatchPhase.TRANSFER,
    agent: 'one',
    items: toBinary(BatchItemsSchema, items),
    results: toBinary(BatchResultsSchema, results),
  };
}

/** All that has values, by name. */
function columnsOf({ items, results }: BatchColumns): [name: string, Values<unknown>][] {
  const ofResults = Object.entries(results!).map(([name, column]) => [`result ${name}`, column]);
  return [...Object.entries(items), ...ofResults].filter(
    (entry): entry is [string, Values<unknown>] => typeof (entry[1] as Partial<Values<unknown>>).at === 'function', // oxfmt-ignore
  );
}

test('the values are those that are decoded, in whatever order they are asked for', (t) => {
  for (let round = 0; round < 100; round += 1) {
    const bytes = stored(random.items(), random.results());
    const [opened, decoded] = [openBatch(bytes), decodeStored(bytes)];
    t.is(opened.items.path.length, decoded.items.path.length);
    t.is(opened.agent, 'one');
    const wanted = new Map(columnsOf(decoded));
    const found = columnsOf(opened);
    t.true(found.length >= 17);
    for (const [name, column] of found) {
      const indexes = [...Array(55).keys(), ...Array.from({ length: 30 }, () => below(55))];
      const isSame = indexes.every((index) => same(column.at(index), wanted.get(name)!.at(index)));
      t.true(isSame, `round ${round}: ${name}`);
    }
    t.deepEqual(opened.items.origin, decoded.items.origin);
    t.deepEqual([...opened.results!.moved], decoded.results!.moved);
  }
});

/** Messages are compared as they are written. */
function same(found: unknown, wanted: unknown): boolean {
  const text = (value: unknown) => JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? String(part) : part)); // oxfmt-ignore
  return typeof found === 'object' ? text(found) === text(wanted) : found === wanted;
}

test('results of which nothing has changed have a value for each item', (t) => {
  const items = create(BatchItemsSchema, { path: ['a', 'b'] });
  const { results } = openBatch(stored(items, create(BatchResultsSchema, { unchanged: 2 })));
  t.is(results!.state.at(1), decodeStored(stored(items, create(BatchResultsSchema, { unchanged: 2 }))).results!.state[1]); // oxfmt-ignore
  t.is(results!.remark.length, 2);
});

test('what is cut off is refused', (t) => {
  const bytes = stored(random.items(), create(BatchResultsSchema, { size: [300n, 2n ** 40n] }));
  t.throws(() => openBatch({ ...bytes, results: bytes.results!.subarray(0, -1) }));
  t.throws(() => openBatch({ ...bytes, items: Uint8Array.of(0x0a, 5, 0x41) }));
  // A number that goes on behind the end of its column.
  t.throws(() => openBatch({ ...bytes, results: Uint8Array.of(0x12, 1, 0x80) }));
  t.throws(() => openBatch({ ...bytes, results: Uint8Array.of(0x1a, 1, 0) }));
  t.throws(() => new Texts(Buffer.of(0x0a, 2, 0xc3, 0x28), 0, 1).at(0));
});

test('a column that is too short has no value', (t) => {
  const numbers = new Numbers(Uint8Array.of(1, 0xac, 0x02));
  t.deepEqual([0, 3, 1, 2, 0].map((index) => numbers.at(index)), [1n, undefined, 300n, undefined, 1n]); // oxfmt-ignore
  const texts = new Texts(Buffer.of(0x0a, 1, 0x41, 0x0a, 0), 0, 2);
  t.deepEqual(
    [2, 1, 0].map((index) => texts.at(index)),
    [undefined, '', 'A'],
  );
});
