import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemVerification } from '../../gen/drover/v1/item_pb.ts';
import { ConflictPolicy } from '../../gen/drover/v1/settings_pb.ts';
import type { Destination, Upload, UploadOptions } from '../destination/destination.ts';
import { openFolderDestination } from '../destination/folder-destination.ts';
import { openFolderSource } from '../source/folder-source.ts';
import type { Source } from '../source/source.ts';
import { DroverError } from '../../lib/error.ts';
import { Hasher, type Hashes } from './hasher.ts';
import { StoppedError } from './stopped-error.ts';
import { FileTransfer } from './transfer.ts';
import type { OpenSourceUpload, TransferItem, TransferOptions } from './transfer-item.ts';

const conflictPolicy = ConflictPolicy.SKIP;
const sizes = { small: 10_000, large: 1_000_000 };
const item: TransferItem = {
  path: 'file',
  destinationPath: 'file',
  expected: undefined,
  unreported: [],
  partName: 'tag-1-0',
  stalePartNames: [],
  open: undefined,
  remember: async () => {},
  beforeWrite: async () => {},
};

interface Place extends Disposable {
  file: string;
  root: string;
  source: Source;
  destination: Destination;
  /** Bytes that count as written. */
  counted: number;
  content: Buffer;
}

function makePlace(size: number): Place {
  const scratch = realpathSync(mkdtempSync(path.join(tmpdir(), 'drover-transfer-')));
  mkdirSync(path.join(scratch, 'source'));
  const file = path.join(scratch, 'source', 'file');
  const content = Buffer.from(Array.from({ length: size }, (_, index) => (index * 7) & 255));
  writeFileSync(file, content);
  const root = path.join(scratch, 'destination');
  return {
    file,
    root,
    content,
    source: openFolderSource(path.dirname(file)),
    destination: openFolderDestination(root),
    counted: 0,
    [Symbol.dispose]: () => rmSync(scratch, { recursive: true }),
  };
}

/** A source whose file something happens to after its first read. */
function disturbed(source: Source, disturb: () => void): Source {
  const open = (relative: string) => {
    const file = source.open(relative);
    const read = (buffer: Uint8Array, position: number) => {
      const bytes = file.read(buffer, position);
      if (position === 0) disturb();
      return bytes;
    };
    return { facts: () => file.facts(), read, [Symbol.dispose]: () => file[Symbol.dispose]() };
  };
  return {
    open,
    check: (hasItems) => source.check(hasItems),
    list: (relative) => source.list(relative),
    facts: (relative) => source.facts(relative),
    attributes: (relative) => source.attributes(relative),
    [Symbol.dispose]: () => source[Symbol.dispose](),
  };
}

function transfer(
  place: Place,
  more: Partial<TransferOptions> = {},
  itemMore: Partial<TransferItem> = {},
) {
  const { destination } = place;
  const countBytes = (bytes: number) => {
    place.counted += bytes;
  };
  const options = {
    source: place.source,
    destination,
    countBytes,
    isStopped: () => false,
    isCutOff: () => false,
    conflictPolicy,
  };
  return new FileTransfer({ ...options, ...more }).transfer({ ...item, ...itemMore });
}

async function reasonOf(promise: Promise<unknown>): Promise<ErrorReason | undefined> {
  try {
    await promise;
    return undefined;
  } catch (thrown) {
    if (thrown instanceof DroverError) return thrown.reason;
    throw thrown;
  }
}

const disturbances: [what: string, disturb: (file: string) => void][] = [
  ['grows', (file) => appendFileSync(file, 'more')],
  ['shrinks', (file) => truncateSync(file, 5_000)],
  ['is emptied', (file) => truncateSync(file, 0)],
  ['is written over', (file) => writeFileSync(file, readFileSync(file))],
  ['gets another date', (file) => utimesSync(file, 1, 1)],
];
for (const [name, size] of Object.entries(sizes)) {
  for (const [what, disturb] of disturbances)
    test(`a ${name} file that ${what} while it is read is not migrated`, async (t) => {
      using place = makePlace(size);
      const source = disturbed(place.source, () => disturb(place.file));
      t.is(await reasonOf(transfer(place, { source })), ErrorReason.SOURCE_CHANGED);
      t.deepEqual(readdirSync(place.root), []);
      t.is(place.counted, 0);
    });

  test(`a ${name} file arrives`, async (t) => {
    using place = makePlace(size);
    const done = await transfer(place);
    t.deepEqual(done.hashes, new Hasher().whole(place.content));
    t.true(readFileSync(path.join(place.root, 'file')).equals(place.content));
    t.is(place.counted, size);
  });

  test(`a ${name} file that is there already is not written again`, async (t) => {
    using place = makePlace(size);
    const first = await transfer(place);
    t.deepEqual(await transfer(place), first);
  });
}

test('a file that is deleted while it is read is changed, not lost', async (t) => {
  using place = makePlace(sizes.large);
  const source = disturbed(place.source, () => rmSync(place.file));
  // Its content is whole for whoever has it open, but its name is gone, which counts as a change.
  t.is(await reasonOf(transfer(place, { source })), ErrorReason.SOURCE_CHANGED);
});

test('a stop is heeded between chunks, and leaves nothing', async (t) => {
  using place = makePlace(sizes.large);
  let looks = 0;
  await t.throwsAsync(transfer(place, { isStopped: () => ++looks === 3 }), {
    instanceOf: StoppedError,
  });
  t.deepEqual(readdirSync(place.root), []);
  t.is(place.counted, 0);
});

test('a small file that was begun is finished, unless it counts no more', async (t) => {
  using place = makePlace(sizes.small);
  const isStopped = () => true;
  await t.throwsAsync(transfer(place, { isStopped, isCutOff: () => true }), {
    instanceOf: StoppedError,
  });
  t.deepEqual(readdirSync(place.root), []);
  await transfer(place, { isStopped });
  t.true(readFileSync(path.join(place.root, 'file')).equals(place.content));
});

for (const [what, appears, reason] of [
  ['the same', (content: Buffer) => content, undefined],
  ['another', (content: Buffer) => content.toReversed(), ErrorReason.DESTINATION_CONFLICT],
] as const)
  test(`${what} file that appears while one is written`, async (t) => {
    using place = makePlace(sizes.large);
    place.destination = wrapped(place.destination, (upload) => ({
      ...upload,
      commit: async (hashes, content) => {
        writeFileSync(path.join(place.root, 'file'), appears(place.content));
        return upload.commit(hashes, content);
      },
    }));
    t.is(await reasonOf(transfer(place)), reason);
    t.deepEqual(readdirSync(place.root), ['file']);
    t.true(readFileSync(path.join(place.root, 'file')).equals(Buffer.from(appears(place.content))));
    t.is(place.counted, reason === undefined ? sizes.large : 0);
  });

const unknown = { size: 1, modifiedNs: 1n, id: '', version: '' };

for (const [whose, itemMore, policy, isDated] of [
  ['this task, which could not report it, gets', { expected: unknown }, conflictPolicy, true],
  ['whoever may be written over gets', {}, ConflictPolicy.OVERWRITE, true],
  ['somebody else keeps', {}, conflictPolicy, false],
] as const)
  test(`the same content with another date, of ${whose} its date`, async (t) => {
    using place = makePlace(sizes.small);
    const target = path.join(place.root, 'file');
    writeFileSync(target, place.content);
    utimesSync(target, 1000, 1000);
    const done = await transfer(place, { conflictPolicy: policy }, itemMore);
    const modifiedNs = statSync(target, { bigint: true }).mtimeNs;
    t.is(modifiedNs, isDated ? statSync(place.file, { bigint: true }).mtimeNs : 1_000_000_000_000n);
    t.is(done.destination.modifiedNs, modifiedNs);
    t.is(place.counted, sizes.small);
  });

for (const [what, change, isReplaced] of [
  ['what was written and not reported before is replaced', {}, true],
  ['what has another size is a conflict', { size: 9 }, false],
  ['what has another date is a conflict', { modifiedNs: 2_000_000_000_000n }, false],
] as const)
  test(`of a file that changed since, ${what}`, async (t) => {
    using place = makePlace(sizes.small);
    const target = path.join(place.root, 'file');
    writeFileSync(target, 'as it was before');
    utimesSync(target, 1000, 1000);
    const unreported = [
      { size: 1, modifiedNs: 1n },
      { size: 16, modifiedNs: 1_000_000_000_000n, ...change },
    ];
    const reason = await reasonOf(transfer(place, {}, { unreported }));
    t.is(reason, isReplaced ? undefined : ErrorReason.DESTINATION_CONFLICT);
    const content = isReplaced ? place.content : Buffer.from('as it was before');
    t.true(readFileSync(target).equals(content));
    t.is(place.counted, isReplaced ? sizes.small : 0);
  });

test('an empty file that was written, neither dated nor reported before, is replaced', async (t) => {
  using place = makePlace(sizes.small);
  const target = path.join(place.root, 'file');
  writeFileSync(target, '');
  t.is(await reasonOf(transfer(place)), ErrorReason.DESTINATION_CONFLICT, 'of somebody else');
  const unreported = [{ size: 0, modifiedNs: 1_000_000_000_000n }];
  t.is(await reasonOf(transfer(place, {}, { unreported })), undefined);
  t.true(readFileSync(target).equals(place.content));
});

test('a destination that fails is told what it lost, and counts nothing', async (t) => {
  using place = makePlace(sizes.large);
  const full = new DroverError(ErrorReason.DESTINATION_FULL, 'full');
  let writes = 0;
  const { destination } = place;
  place.destination = wrapped(destination, (upload) => ({
    ...upload,
    write: async (chunk) => {
      if (++writes === 3) throw full;
      await upload.write(chunk);
    },
  }));
  t.is(await reasonOf(transfer(place)), ErrorReason.DESTINATION_FULL);
  t.deepEqual(readdirSync(place.root), []);
  t.is(place.counted, 0);
});

test('where uploads are worth waiting for, chunks still arrive one after another', async (t) => {
  using place = makePlace(sizes.large);
  let open = 0;
  place.destination = wrapped(
    place.destination,
    (upload) => ({
      ...upload,
      write: async (chunk) => {
        t.is(++open, 1);
        const given = Buffer.from(chunk);
        await new Promise((resolve) => setImmediate(resolve));
        t.true(given.equals(chunk), 'the buffer was not touched meanwhile');
        await upload.write(chunk);
        open--;
      },
    }),
    2,
  );
  await transfer(place);
  t.true(readFileSync(path.join(place.root, 'file')).equals(place.content));
});

const left = { url: 'https://left.open/' };

/** What is open of a file that is as it was, or of which one fact was another. */
function openOf(place: Place, change: Partial<OpenSourceUpload> = {}): OpenSourceUpload {
  using file = place.source.open('file');
  const { size, modifiedNs, changedNs } = file.facts();
  return { ...left, size, modifiedNs, changedNs, ...change };
}

test('a file is gone on with where it was left, and hashed as a whole', async (t) => {
  using place = makePlace(sizes.large);
  const accepted = 600_000;
  const written: Buffer[] = [];
  let opened: UploadOptions | undefined;
  let committed: Hashes | undefined;
  place.destination = {
    ...wrapped(place.destination, (upload) => upload, 2),
    openUpload: async (options) => {
      opened = options;
      return {
        kind: 'upload',
        chunkBytes: 150_000,
        acceptedBytes: accepted,
        write: async (chunk) => void written.push(Buffer.from(chunk)),
        commit: async (hashes) => {
          committed = hashes;
          return { modifiedNs: 1n, id: 'id', version: '1', verification: ItemVerification.HASH };
        },
        abort: async () => {},
      };
    },
  };
  await transfer(place, {}, { open: openOf(place) });
  t.is(opened?.open?.url, left.url);
  t.true(Buffer.concat(written).equals(place.content.subarray(accepted)));
  t.deepEqual(committed, new Hasher().whole(place.content));
  t.is(place.counted, sizes.large);
});

const changes: [what: string, change: Partial<OpenSourceUpload>][] = [
  ['size', { size: 1 }],
  ['date', { modifiedNs: 1n }],
  ['date of change', { changedNs: 1n }],
];
for (const [what, change] of changes)
  for (const isGone of [true, false])
    test(`a file whose ${what} was another is begun anew, what is open ${isGone ? 'cancelled' : 'kept in mind'}`, async (t) => {
      using place = makePlace(sizes.small);
      const cancelled: string[] = [];
      const opened: UploadOptions[] = [];
      const { destination } = place;
      place.destination = {
        ...wrapped(destination, (upload) => upload),
        cancelUpload: async ({ url }) => {
          cancelled.push(url);
          return isGone;
        },
        openUpload: async (options) => {
          opened.push(options);
          await options.remember({ url: 'https://next/' });
          return destination.openUpload(options);
        },
      };
      const remembered: (OpenSourceUpload | undefined)[] = [];
      const remember = async (open: OpenSourceUpload | undefined) => void remembered.push(open);
      await transfer(place, {}, { open: openOf(place, change), remember });
      t.deepEqual(cancelled, [left.url]);
      t.is(opened[0]?.open, undefined);
      const next = { ...openOf(place), url: 'https://next/' };
      t.deepEqual(remembered, isGone ? [undefined, next] : [next]);
      t.true(readFileSync(path.join(place.root, 'file')).equals(place.content));
    });

/** The destination with other uploads. */
function wrapped(
  destination: Destination,
  wrap: (upload: Upload) => Upload,
  concurrency = 1,
): Destination {
  return {
    concurrency,
    timePrecisionNs: destination.timePrecisionNs,
    checkSame: () => destination.checkSame(),
    makeFolder: (relative) => destination.makeFolder(relative),
    finishFolder: (relative, times, isNew) => destination.finishFolder(relative, times, isNew),
    removeParts: (relative, names) => destination.removeParts(relative, names),
    moveFile: (options) => destination.moveFile(options),
    recycle: (options) => destination.recycle(options),
    cancelUpload: (open) => destination.cancelUpload(open),
    openUpload: async (options) => {
      const upload = await destination.openUpload(options);
      if (upload.kind === 'existing') return upload;
      return wrap({
        kind: 'upload',
        chunkBytes: upload.chunkBytes,
        acceptedBytes: upload.acceptedBytes,
        write: (chunk) => upload.write(chunk),
        commit: (hashes, content) => upload.commit(hashes, content),
        abort: () => upload.abort(),
      });
    },
    [Symbol.asyncDispose]: () => destination[Symbol.asyncDispose](),
  };
}
