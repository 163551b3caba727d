import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type Message,
  type MessageShape,
} from '@bufbuild/protobuf';
import test, { type ExecutionContext } from 'ava';
import { isDeepStrictEqual } from 'node:util';
import {
  BatchItemsSchema,
  BatchResultsSchema,
  ScanPageSchema,
} from '../../gen/drover/v1/columns_pb.ts';
import { numbersOf } from '../store/testing/random.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import {
  countBatchItems,
  decodeBatchItems,
  decodeBatchResults,
  decodeScanPage,
  unchangedResults,
} from './decode-columns.ts';
import { encodeSettledResults } from './encode-columns.ts';
import { unchangedDecision } from './plan-item.ts';
import { RandomColumns } from './testing/random-columns.ts';

const below = numbersOf(11);
const random = new RandomColumns(below);
const few = new RandomColumns(below, [0, 1, 2]);

interface Columns<D extends DescMessage> {
  desc: D;
  /** How many columns there are. */
  columns: number;
  decode: (bytes: Uint8Array) => MessageShape<D>;
  /** The general decoder. @default fromBinary */
  general?: (bytes: Uint8Array) => MessageShape<D>;
  make: (random: RandomColumns) => MessageShape<D>;
}

test('pages of a scan are decoded as the general decoder does it', compare, {
  desc: ScanPageSchema,
  columns: 7,
  decode: decodeScanPage,
  make: (columns) => columns.page(),
});

test('items of a batch are decoded as the general decoder does it', compare, {
  desc: BatchItemsSchema,
  columns: 11,
  decode: decodeBatchItems,
  make: (columns) => columns.items(),
});

test('items of a batch are counted as they are decoded', (t) => {
  for (let round = 0; round < 1000; round++) {
    const bytes = damaged(toBinary(BatchItemsSchema, few.items()));
    const items = answerOf(decodeBatchItems, bytes);
    // What is damaged in a column is not seen by who only counts.
    if (typeof items !== 'string') t.is(countBatchItems(bytes), items.path.length);
  }
});

test('results of a batch are decoded as the general decoder does it', compare, {
  desc: BatchResultsSchema,
  columns: 15,
  decode: decodeBatchResults,
  general: (bytes) => {
    const results = fromBinary(BatchResultsSchema, bytes);
    return results.unchanged === 0 ? results : unchangedResults(results.unchanged);
  },
  make: (columns) => columns.results(),
});

async function compare<D extends DescMessage>(
  t: ExecutionContext,
  { desc, columns, decode, general = (bytes) => fromBinary(desc, bytes), make }: Columns<D>,
): Promise<void> {
  const known = Array.from({ length: columns }, (_, index) => index + 1);
  t.deepEqual(
    desc.fields.map(({ number }) => number).toSorted((one, other) => one - other),
    known,
  );
  // Not by ava's comparison, which takes seconds for so much, and holds up all other tests of the process.
  const isSame = (bytes: Uint8Array) =>
    isDeepStrictEqual(answerOf(decode, bytes), answerOf(general, bytes));
  for (let round = 0; round < 200; round++)
    t.true(isSame(toBinary(desc, make(random))), `round ${round}`);
  for (let round = 0; round < 1000; round++) {
    // Other tests of the process have a turn.
    if (round % 50 === 0) await new Promise(setImmediate);
    const bytes = damaged(toBinary(desc, make(few)));
    t.true(isSame(bytes), `round ${round}: ${Buffer.from(bytes.subarray(0, 300)).toString('hex')}`);
  }
  // A number that is not in one piece with others, and a field of a newer version.
  for (const bytes of [Uint8Array.of(0x10, 1), Uint8Array.of(0xc0, 0x3e, 0x07)])
    t.true(isSame(bytes));
}

/** Cut off, or with some bytes that are others; of what is long, the beginning, so that most changes hit more than a text. */
function damaged(bytes: Uint8Array): Uint8Array {
  const cut = bytes.slice(0, below(3) === 0 ? below(bytes.length + 1) : bytes.length);
  for (let changes = below(4); changes > 0 && cut.length > 0; changes--) cut[below(Math.min(cut.length, 300))] = below(256); // oxfmt-ignore
  return cut;
}

function answerOf<M extends Message>(decode: (bytes: Uint8Array) => M, bytes: Uint8Array) {
  try {
    return decode(bytes);
  } catch (error) {
    return String(error);
  }
}

test('of a batch in which nothing has changed, only the number of items is stored', (t) => {
  const encoded = encodeSettledResults(new Array(700).fill(unchangedDecision));
  t.true(encoded.length < 4);
  const results = decodeBatchResults(encoded);
  const one = encodeSettledResults([unchangedDecision, { ...unchangedDecision }]);
  const [expected, last] = [decodeBatchResults(one), results.remark.at(-1)!];
  t.deepEqual(expected.state, results.state.slice(0, 2));
  t.deepEqual(expected.remark, results.remark.slice(0, 2));
  t.deepEqual(expected.sha256, results.sha256.subarray(0, 64));
  t.deepEqual([last.index, last.reason], [699, ErrorReason.UNCHANGED]);
  for (const column of ['state', 'size', 'modifiedNs', 'destinationModifiedNs', 'attempts', 'remark'] as const) t.is(results[column].length, 700, column); // oxfmt-ignore
  const tooMany = toBinary(BatchResultsSchema, create(BatchResultsSchema, { unchanged: 2001 }));
  t.throws(() => decodeBatchResults(tooMany), { message: /2001/ });
});
