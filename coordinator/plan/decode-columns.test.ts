import {
  fromBinary,
  toBinary,
  type DescMessage,
  type Message,
  type MessageShape,
} from '@bufbuild/protobuf';
import test, { type ExecutionContext } from 'ava';
import {
  BatchItemsSchema,
  BatchResultsSchema,
  ScanPageSchema,
} from '../../gen/drover/v1/columns_pb.ts';
import { numbersOf } from '../store/testing/random.ts';
import { decodeBatchItems, decodeBatchResults, decodeScanPage } from './decode-columns.ts';
import { RandomColumns } from './testing/random-columns.ts';

const below = numbersOf(11);
const random = new RandomColumns(below);
const few = new RandomColumns(below, [0, 1, 2]);

interface Columns<D extends DescMessage> {
  desc: D;
  /** How many columns there are. */
  columns: number;
  decode: (bytes: Uint8Array) => MessageShape<D>;
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

test('results of a batch are decoded as the general decoder does it', compare, {
  desc: BatchResultsSchema,
  columns: 14,
  decode: decodeBatchResults,
  make: (columns) => columns.results(),
});

function compare<D extends DescMessage>(
  t: ExecutionContext,
  { desc, columns, decode, make }: Columns<D>,
): void {
  const known = Array.from({ length: columns }, (_, index) => index + 1);
  t.deepEqual(
    desc.fields.map(({ number }) => number).toSorted((one, other) => one - other),
    known,
  );
  for (let round = 0; round < 100; round++) {
    const bytes = toBinary(desc, make(random));
    t.deepEqual(decode(bytes), fromBinary(desc, bytes), `round ${round}`);
  }
  for (let round = 0; round < 3000; round++) {
    const bytes = damaged(toBinary(desc, make(few)));
    const words = `round ${round}`;
    t.deepEqual(answerOf(decode, bytes), answerOf((read) => fromBinary(desc, read), bytes), words); // prettier-ignore
  }
  // A number that is not in one piece with others, and a field of a newer version.
  for (const bytes of [Uint8Array.of(0x10, 1), Uint8Array.of(0xc0, 0x3e, 0x07)])
    t.deepEqual(decode(bytes), fromBinary(desc, bytes));
}

/** Cut off, or with some bytes that are others; of what is long, the beginning, so that most changes hit more than a text. */
function damaged(bytes: Uint8Array): Uint8Array {
  const cut = bytes.slice(0, below(3) === 0 ? below(bytes.length + 1) : bytes.length);
  for (let changes = below(4); changes > 0 && cut.length > 0; changes--) cut[below(Math.min(cut.length, 300))] = below(256); // prettier-ignore
  return cut;
}

function answerOf(decode: (bytes: Uint8Array) => Message, bytes: Uint8Array) {
  try {
    return decode(bytes);
  } catch (error) {
    return String(error);
  }
}
