import { create, type MessageInitShape } from '@bufbuild/protobuf';
import test from 'ava';
import { RunProgressSchema } from '../../gen/drover/v1/run_pb.ts';
import { ShownProgress } from './shown-progress.ts';

const planned = { scannedItems: 100n, plannedItems: 100n, plannedBytes: 1000n };
const at = (more: MessageInitShape<typeof RunProgressSchema>) =>
  create(RunProgressSchema, { ...planned, ...more });

test('what was shown as done does not fall when an agent loses its work', (t) => {
  const shown = new ShownProgress();
  t.deepEqual(shown.inFlight(at({}), { items: 40n, bytes: 400n }), { items: 40n, bytes: 400n });
  t.deepEqual(shown.inFlight(at({}), { items: 0n, bytes: 0n }), { items: 40n, bytes: 400n });
  t.deepEqual(shown.inFlight(at({}), { items: 30n, bytes: 300n }), { items: 40n, bytes: 400n });
  const later = at({ succeededItems: 30n, succeededBytes: 300n });
  t.deepEqual(shown.inFlight(later, { items: 0n, bytes: 0n }), { items: 10n, bytes: 100n });
  t.deepEqual(shown.inFlight(later, { items: 20n, bytes: 200n }), { items: 20n, bytes: 200n });
});

test('what is skipped when it is looked at is done, and was in flight before', (t) => {
  const shown = new ShownProgress();
  shown.inFlight(at({}), { items: 10n, bytes: 100n });
  const skipped = at({ skippedItems: 4n });
  t.is(shown.inFlight(skipped, { items: 6n, bytes: 60n }).items, 6n);
});

test('no more is shown than is left to be done', (t) => {
  const shown = new ShownProgress();
  shown.inFlight(at({}), { items: 90n, bytes: 900n });
  const end = at({ succeededItems: 20n, skippedItems: 70n, failedItems: 5n, succeededBytes: 950n });
  t.deepEqual(shown.inFlight(end, { items: 9n, bytes: 0n }), { items: 5n, bytes: 0n });
  const all = at({ succeededItems: 30n, skippedItems: 70n, succeededBytes: 1000n });
  t.deepEqual(shown.inFlight(all, { items: 9n, bytes: 9n }), { items: 0n, bytes: 0n });
});
