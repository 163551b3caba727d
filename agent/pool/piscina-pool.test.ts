import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createHash } from 'node:crypto';
import path from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import test from 'ava';
import { BatchItemsSchema, ScanPageSchema, type ScanPage } from '../../gen/drover/v1/columns_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemState } from '../../gen/drover/v1/item_pb.ts';
import { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import { quickXorHash } from '../../lib/quick-xor-hash.ts';
import {
  createSharedJobState,
  grantPages,
  scanPageItemsMax,
  statePageCredits,
  stopJob,
  type BatchJob,
  type JobResult,
  type ScanJob,
  type ScanPageMessage,
  type SharedJobState,
} from './jobs.ts';
import { noFilters } from './filter-settings.ts';
import { createPool } from './piscina-pool.ts';
import type { Pool } from './pool.ts';
import { begun, elsewhere, file, makePlace, remarks, runBatch, settings, type Items, type Place } from './testing/batch-place.ts'; // oxfmt-ignore

const pool: Pool = createPool({ threads: 2 });
test.after.always(() => pool.close());

const batch = (place: Parameters<typeof runBatch>[1], items: Items, more: Partial<BatchJob> = {}) =>
  runBatch(pool, place, items, more);

interface ScanOutcome {
  result: JobResult;
  pages: ScanPage[];
  shared: SharedJobState;
}

/** Scans; `onPage` is called for each page and gives the credit for the next, unless it is told otherwise. */
async function scan(
  place: Pick<Place, 'source' | 'destination'>,
  onPage: (shared: SharedJobState, page: ScanPage) => void = (shared) => grantPages(shared, 1),
  afterPath = '',
  more: Partial<ScanJob> = {},
): Promise<ScanOutcome> {
  const { source, destination } = place;
  const { port1, port2 } = new MessageChannel();
  const shared = createSharedJobState(1);
  const pages: ScanPage[] = [];
  port1.on('message', (message: ScanPageMessage) => {
    const page = fromBinary(ScanPageSchema, message.items);
    pages.push(page);
    onPage(shared, page);
  });
  const closed = once(port1, 'close');
  const result = await pool.run({
    kind: 'scan',
    source,
    destination,
    ...elsewhere,
    filters: noFilters,
    afterPath,
    only: undefined,
    port: port2,
    shared,
    ...more,
  });
  await closed;
  return { result, pages, shared };
}

/** Items as the coordinator would plan them for what a scan found. */
function plan(pages: readonly ScanPage[]): Items {
  return {
    path: pages.flatMap((page) => page.path),
    kind: pages.flatMap((page) => page.kind),
    size: pages.flatMap((page) => page.size),
    modifiedNs: pages.flatMap((page) => page.modifiedNs),
    createdNs: pages.flatMap((page) => page.createdNs),
  };
}

test('a tree is scanned, transferred and dated', async (t) => {
  using place = makePlace();
  const large = Buffer.alloc(3_000_001, 'drover');
  const contents: Record<string, string | Uint8Array> = {
    'a/b/large': large,
    'a/empty': '',
    'a/small': 'small',
    'é\n/file': 'x'.repeat(256 * 1024),
  };
  for (const [name, content] of Object.entries(contents)) place.write(name, content);
  mkdirSync(path.join(place.source, 'no files'));
  utimesSync(path.join(place.source, 'a/b'), 1000, 1000.5);
  const scanned = await scan(place);
  t.deepEqual(scanned.result, { kind: 'scan-done' });
  const items = plan(scanned.pages);
  t.deepEqual(items.path, [
    'a',
    'a/b',
    'a/b/large',
    'a/empty',
    'a/small',
    'no files',
    'é\n',
    'é\n/file',
  ]);
  t.is(scanned.shared.progress[0], 8n);
  const bytes = Object.values(contents).reduce((sum, each) => sum + BigInt(each.length), 0n);
  t.is(scanned.shared.progress[1], bytes);

  const { rows, job } = await batch(place, items);
  t.true(rows.state.every((state) => state === ItemState.SUCCEEDED));
  t.deepEqual(job.shared.progress, new BigInt64Array([4n, bytes]));
  for (const [name, content] of Object.entries(contents)) {
    t.true(place.read(name).equals(Buffer.from(content)), name);
    const index = items.path!.indexOf(name);
    const sha256 = createHash('sha256').update(content).digest();
    t.deepEqual(Buffer.from(rows.sha256.subarray(index * 32, index * 32 + 32)), sha256);
    const quick = rows.quickXorHash.subarray(index * 20, index * 20 + 20);
    t.deepEqual(Buffer.from(quick), Buffer.from(quickXorHash(Buffer.from(content))));
    t.is(rows.size[index], BigInt(content.length));
    const facts = (root: string) => statSync(path.join(root, name), { bigint: true });
    t.is(facts(place.destination).mtimeNs, facts(place.source).mtimeNs);
    t.is(rows.modifiedNs[index], facts(place.source).mtimeNs);
    t.is(rows.destinationModifiedNs[index], facts(place.destination).mtimeNs);
  }
  t.true(rows.attempts.every((attempts) => attempts === 1));

  const folders = await batch(place, items, { phase: BatchPhase.FOLDERS });
  t.is(folders.job.shared.progress[0], 8n);
  const dated = statSync(path.join(place.destination, 'a/b'), { bigint: true });
  t.is(dated.mtimeNs, 1_000_500_000_000n);
  t.true(existsSync(path.join(place.destination, 'no files')));
});

test('a scan sends no more pages than it may', async (t) => {
  using place = makePlace();
  for (let index = 0; index < scanPageItemsMax + 1; index++) place.write(`f${index}`, '');
  const { result, pages } = await scan(place, (shared) => {
    t.is(Atomics.load(shared.state, statePageCredits), 0, 'the only credit is used');
    grantPages(shared, 1);
  });
  t.deepEqual(result, { kind: 'scan-done' });
  // A busy machine cuts pages earlier, because of their age.
  const sizes = pages.map((page) => page.path.length);
  t.true(sizes.length >= 2 && Math.max(...sizes) <= scanPageItemsMax, sizes.join());
  t.is(
    sizes.reduce((sum, size) => sum + size, 0),
    scanPageItemsMax + 1,
  );
});

test('a scan that waits for a credit stops, and goes on after a path', async (t) => {
  using place = makePlace();
  for (let index = 0; index < scanPageItemsMax * 3; index++) place.write(`f${index}`, '');
  const first = await scan(place, (shared) => stopJob(shared));
  t.deepEqual(first.result, { kind: 'stopped' });
  t.is(first.pages.length, 1);
  const rest = await scan(place, undefined, first.pages[0]!.path.at(-1));
  const all = await scan(place);
  t.deepEqual(
    [...first.pages, ...rest.pages].flatMap((page) => page.path),
    all.pages.flatMap((page) => page.path),
  );
});

test('a scan that cannot be done says why', async (t) => {
  using place = makePlace();
  place.write('file', '');
  place.write('folder/file', '');
  symlinkSync(place.source, path.join(place.scratch, 'link'));
  const below = (name: string) => path.join(place.source, name);
  const { scratch, source, destination } = place;
  const rows: [source: string, destination: string, reason: ErrorReason][] = [
    [below('missing'), destination, ErrorReason.SOURCE_NOT_FOUND],
    [below('file'), destination, ErrorReason.SOURCE_NOT_A_FOLDER],
    ['\\\\server\\share', destination, ErrorReason.SOURCE_UNSUPPORTED],
    [source, 'https://contoso.sharepoint.com/x', ErrorReason.DESTINATION_UNSUPPORTED],
    [source, source, ErrorReason.LOCATIONS_OVERLAP],
    [source, below('new/er'), ErrorReason.LOCATIONS_OVERLAP],
    [source, scratch, ErrorReason.LOCATIONS_OVERLAP],
    [source, path.join(scratch, 'link/new'), ErrorReason.LOCATIONS_OVERLAP],
    [path.join(scratch, 'link/folder'), source, ErrorReason.LOCATIONS_OVERLAP],
  ];
  for (const [from, to, reason] of rows) {
    const { result } = await scan({ source: from, destination: to });
    t.is(result.kind === 'failed' && result.reason, reason, `${from} -> ${to}`);
  }
  t.false(existsSync(destination), 'a scan makes nothing');
  const held = await scan({ source, destination }, undefined, '', { destinationHoldsItems: true });
  t.like(held.result, { kind: 'failed', reason: ErrorReason.DESTINATION_UNREACHABLE });
});

test('a folder keeps its own folder for what was recycled, whatever the source has of that name', async (t) => {
  using place = makePlace();
  place.write('.drover-recycled/a/b', '');
  place.write('c/.drover-recycled', '');
  const { pages } = await scan(place);
  t.deepEqual(
    pages.flatMap((page) => page.path),
    ['.drover-recycled', 'c', 'c/.drover-recycled'],
  );
  t.like(pages[0]!.remark, { length: 1, 0: { index: 0, reason: ErrorReason.NAME_INVALID } });
  const { rows } = await batch(place, file('.drover-recycled/a/b', 'c/.drover-recycled'));
  t.deepEqual(remarks(rows), [[0, ErrorReason.NAME_INVALID]]);
  t.deepEqual(readdirSync(place.destination), ['c']);
});

for (const [what, disturb, reason] of [
  ['goes', (source: string) => renameSync(source, `${source} away`), ErrorReason.SOURCE_NOT_FOUND],
  [
    'is left empty, as by an unmount,',
    (source: string) => swapFolder(source),
    ErrorReason.SOURCE_NOT_FOUND,
  ],
  ['becomes another', (source: string) => swapFolder(source, 'file'), ErrorReason.SOURCE_CHANGED],
] as const)
  test(`a source that ${what} while it is scanned is no source of which all is gone`, async (t) => {
    using place = makePlace();
    for (const folder of ['a', 'b']) for (let index = 0; index < scanPageItemsMax; index++) place.write(`${folder}/${index}`, ''); // oxfmt-ignore
    let pages = 0;
    const { result } = await scan(place, (shared) => {
      if (++pages === 1) disturb(place.source);
      grantPages(shared, 1);
    });
    t.is(result.kind === 'failed' && result.reason, reason);
  });

function swapFolder(folder: string, ...files: string[]): void {
  renameSync(folder, `${folder} away`);
  mkdirSync(folder);
  for (const file of files) writeFileSync(path.join(folder, file), '');
}

test('a scan that goes on after a path does not take an empty source for its end', async (t) => {
  using place = makePlace();
  const { result } = await scan(place, undefined, 'a');
  t.is(result.kind === 'failed' && result.reason, ErrorReason.SOURCE_NOT_FOUND);
});

test('only the bytes of a job cross, not the buffer they lie in', async (t) => {
  using place = makePlace();
  place.write('file', 'x');
  const bytes = toBinary(BatchItemsSchema, create(BatchItemsSchema, file('file')));
  const frame = new Uint8Array(bytes.length + 100).fill(255);
  frame.set(bytes, 50);
  const { rows } = await batch(place, {}, { items: frame.subarray(50, 50 + bytes.length) });
  t.deepEqual(rows.state, [ItemState.SUCCEEDED]);
});

test('a thread that ends early answers for its job', async (t) => {
  using place = makePlace();
  place.writeEndless('large');
  const short = createPool({ threads: 1 });
  const shared = createSharedJobState(0);
  const items = toBinary(BatchItemsSchema, create(BatchItemsSchema, file('large')));
  const { source, destination } = place;
  const running = short.run({
    kind: 'batch',
    source,
    destination,
    ...elsewhere,
    uploads: [],
    settings,
    phase: BatchPhase.TRANSFER,
    items,
    partTag: 'tag',
    generation: 1,
    shared,
  });
  await begun(shared, 1);
  await short.close();
  const result = await running;
  t.is(result.kind === 'failed' && result.reason, ErrorReason.INTERNAL);
  await short.close();
  const after = await short.run({
    kind: 'sweep',
    destination,
    ...elsewhere,
    uploads: [],
    items,
    partTag: 'tag',
    generation: 1,
  });
  t.is(after.kind, 'failed');
  t.false(
    existsSync(path.join(destination, 'large')),
    'half a file never has the name of the whole',
  );
});
