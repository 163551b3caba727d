// What is written that is not what the scan found is said before it appears.
import { existsSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import test from 'ava';
import { ItemState } from '../../gen/drover/v1/item_pb.ts';
import { createPool } from './piscina-pool.ts';
import { file, makePlace, runBatch, type ItemColumns, type Place } from './testing/batch-place.ts';
import { answerNotes, type WriteNote } from './write-notes.ts';

const pool = createPool({ threads: 1 });
test.after.always(() => pool.close());

/** Runs a batch of two files, and answers with the notes and with what stood at the destination while they were being kept. */
async function run(place: Place, items: ItemColumns, isKept = true) {
  const { port1, port2: notes } = new MessageChannel();
  const told: (WriteNote & { isThere: boolean })[] = [];
  answerNotes(port1, async (note) => {
    // Long enough for a thread that does not wait.
    await new Promise((resolve) => setImmediate(resolve));
    const there = path.join(place.destination, note.path);
    told.push({ ...note, isThere: existsSync(there) && statSync(there).size === note.size });
    return isKept;
  });
  const { rows } = await runBatch(pool, place, items, { notes });
  port1.close();
  return { told, rows };
}

function scanned(place: Place) {
  const paths = ['changed', 'same'];
  const facts = paths.map((name) => statSync(path.join(place.source, name), { bigint: true }));
  return {
    ...file(...paths),
    size: facts.map(({ size }) => size),
    modifiedNs: facts.map(({ mtimeNs }) => mtimeNs),
    createdNs: facts.map(() => 0n),
  };
}

/** Two files as a scan found them, of which one is another one since. */
function scannedThenChanged(place: Place) {
  place.write('changed', 'old');
  place.write('same', 'same');
  const items = scanned(place);
  place.write('changed', 'newer');
  return items;
}

test('a file that changed since the scan is told of before it appears, and no other', async (t) => {
  using place = makePlace();
  const items = scannedThenChanged(place);
  const { mtimeNs } = statSync(path.join(place.source, 'changed'), { bigint: true });
  const { told, rows } = await run(place, items);
  t.deepEqual(told, [{ path: 'changed', size: 5, modifiedNs: mtimeNs, isThere: false }]);
  t.deepEqual(rows.state, [ItemState.SUCCEEDED, ItemState.SUCCEEDED]);
  t.is(place.read('changed').toString(), 'newer');
});

test('so is a new date of what is there already with the same content', async (t) => {
  using place = makePlace();
  place.write('changed', 'old');
  place.write('same', 'same');
  const items = scanned(place);
  await run(place, items);
  writeFileSync(path.join(place.source, 'changed'), 'old');
  utimesSync(path.join(place.source, 'changed'), 1000, 1000);
  const unreported = [{ index: 0, size: 3n, modifiedNs: items.modifiedNs[0]! }];
  const { told } = await run(place, { ...items, unreported });
  t.deepEqual(told.map((note) => note.modifiedNs), [1000n * 10n ** 9n]); // oxfmt-ignore
  t.is(statSync(path.join(place.destination, 'changed')).mtimeMs, 1_000_000);
});

test('a thread whose note will never be answered ends, and has written nothing', async (t) => {
  using place = makePlace();
  const items = scannedThenChanged(place);
  const { port1, port2: notes } = new MessageChannel();
  port1.on('message', () => port1.close());
  const { result } = await runBatch(pool, place, items, { notes });
  t.is(result.kind, 'stopped');
  t.deepEqual(readdirSync(place.destination), []);
});

test('what could not be told of before the job was stopped is not written, not even half', async (t) => {
  using place = makePlace();
  const items = scannedThenChanged(place);
  const { told, rows } = await run(place, items, false);
  t.is(told.length, 1);
  t.deepEqual(rows.state, []);
  t.deepEqual(readdirSync(place.destination), []);
});
