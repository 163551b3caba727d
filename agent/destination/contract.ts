// The suite that every destination passes, whatever it writes to. A destination's own test calls it with a factory.
import type { ExecutionContext, TestFn } from 'ava';
import { DroverError } from '../../lib/error.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { Hasher } from '../pool/hasher.ts';
import type {
  Destination,
  DestinationFile,
  ExpectedFile,
  SourceContent,
  Upload,
  UploadOptions,
} from './destination.ts';

/** An empty place to write to, of one test. */
export interface DestinationPlace extends AsyncDisposable {
  /** Opens the destination; any number of times. */
  open(): Promise<Destination>;
  /** The content of a file as it stands there; undefined when there is none. */
  readBack(path: string): Promise<Buffer | undefined>;
  /** The modified time of a file or folder, in nanoseconds since 1970. */
  modifiedNs(path: string): Promise<bigint>;
  /** Somebody else writes a file there, over whatever there is. */
  disturb(path: string, content: Uint8Array, modifiedNs: bigint): Promise<void>;
  /** Every path that stands there, half-written ones included, sorted. */
  list(): Promise<string[]>;
}

export const modifiedNs = 1_234_567_890_123_456_789n;

/** What an upload needs, with values that most tests do not care about. */
export function uploadOptions(
  path: string,
  content: Uint8Array,
  more: Partial<UploadOptions> = {},
): UploadOptions {
  return {
    path,
    size: content.length,
    modifiedNs,
    createdNs: 0n,
    expected: undefined,
    partName: 'tag-1-0',
    stalePartNames: [],
    open: undefined,
    remember: async () => {},
    ...more,
  };
}

/** A content as a source holds it. */
export function contentOf(content: Uint8Array): SourceContent {
  return {
    size: content.length,
    read: (buffer, position) => {
      const piece = content.subarray(position, position + buffer.length);
      buffer.set(piece);
      return piece.length;
    },
  };
}

/** What a ledger keeps of a file that was written. */
export function expectedOf(content: Uint8Array, file: DestinationFile): ExpectedFile {
  const { modifiedNs: modified, id, version } = file;
  return { size: content.length, modifiedNs: modified, id, version };
}

/** Begins an upload, and throws when something stands there. */
export async function begin(destination: Destination, options: UploadOptions): Promise<Upload> {
  const place = await destination.openUpload(options);
  if (place.kind === 'upload') return place;
  throw new Error(`something stands at ${options.path}`);
}

/** Uploads a content in chunks of 1000 bytes. */
export async function put(
  destination: Destination,
  path: string,
  content: Uint8Array,
  more: Partial<UploadOptions> = {},
): Promise<DestinationFile> {
  const upload = await begin(destination, uploadOptions(path, content, more));
  for (let at = 0; at < content.length; at += 1000)
    await upload.write(content.subarray(at, at + 1000));
  return upload.commit(new Hasher().whole(content), contentOf(content));
}

/** The reason that a promise is rejected with. */
export async function reasonOf(promise: Promise<unknown>): Promise<ErrorReason | undefined> {
  try {
    await promise;
    return undefined;
  } catch (thrown) {
    if (thrown instanceof DroverError) return thrown.reason;
    throw thrown;
  }
}

/** What not every destination has. */
export interface DestinationTraits {
  /** Names that it keeps as they are. */
  names: readonly string[];
  /** Nanoseconds between two times that it can tell apart. */
  precisionNs: bigint;
  /** What is half-written is found by its name; else the destination itself holds it open, for one writer at a time. */
  hasParts: boolean;
}

/** Names that a file system of Linux keeps. */
export const fileSystemTraits: DestinationTraits = {
  names: [' lead', '-dash', 'a\nb', `"quote'`, 'a\\b', 'e\u0301', '日本', '😀', 'n'.repeat(255)],
  precisionNs: 1000n,
  hasParts: true,
};

/** Registers the suite's tests. `makePlace` is called once for each. */
export function testDestination(
  test: TestFn,
  name: string,
  makePlace: () => Promise<DestinationPlace>,
  traits: DestinationTraits,
): void {
  const check = (title: string, body: (t: Check) => Promise<void>) =>
    test(`${name}: ${title}`, async (t) => {
      await using place = await makePlace();
      await using destination = await place.open();
      await body({ t, place, destination });
    });
  testFiles(check, traits);
  testFolders(check, traits);
  testConflicts(check);
  if (traits.hasParts) testParts(check);
}

interface Check {
  t: ExecutionContext;
  place: DestinationPlace;
  destination: Destination;
}

type Register = (title: string, body: (check: Check) => Promise<void>) => void;

const large = Buffer.from(Array.from({ length: 300_001 }, (_, index) => (index * 7) & 255));
const contents: [what: string, content: Buffer][] = [
  ['an empty file', Buffer.alloc(0)],
  ['one byte', Buffer.from('x')],
  ['many chunks', large],
];

function testFiles(check: Register, { names }: DestinationTraits): void {
  for (const [what, content] of contents)
    check(`${what} arrives whole, with its modified time`, async ({ t, place, destination }) => {
      const file = await put(destination, 'a/b/file', content);
      t.true((await place.readBack('a/b/file'))?.equals(content));
      t.is(await place.modifiedNs('a/b/file'), file.modifiedNs);
      t.deepEqual(await place.list(), ['a', 'a/b', 'a/b/file']);
    });

  check('names are kept as they are', async ({ t, place, destination }) => {
    for (const name of names) await put(destination, name, Buffer.from(name));
    for (const name of names) t.is((await place.readBack(name))?.toString(), name);
  });

  check('nothing appears before the commit', async ({ t, place, destination }) => {
    const upload = await begin(destination, uploadOptions('file', large));
    await upload.write(large);
    t.is(await place.readBack('file'), undefined);
    await upload.commit(new Hasher().whole(large), contentOf(large));
    t.deepEqual(await place.readBack('file'), large);
  });

  check('an aborted file leaves nothing behind', async ({ t, place, destination }) => {
    const upload = await begin(destination, uploadOptions('file', large));
    await upload.write(large.subarray(0, 1000));
    await upload.abort();
    t.deepEqual(await place.list(), []);
  });

  for (const bytes of [0, 999, 1001])
    check(`${bytes} bytes of 1000 are not committed`, async ({ t, place, destination }) => {
      const upload = await begin(destination, uploadOptions('file', large.subarray(0, 1000)));
      if (bytes > 0) await upload.write(large.subarray(0, bytes));
      const commit = upload.commit(new Hasher().whole(large.subarray(0, bytes)), contentOf(large));
      t.is(await reasonOf(commit), ErrorReason.VERIFICATION_FAILED);
      t.deepEqual(await place.list(), []);
    });

  check('a chunk may be reused once it is written', async ({ t, place, destination }) => {
    const chunk = Buffer.from('first-');
    const whole = Buffer.from('first-second');
    const upload = await begin(destination, uploadOptions('file', whole));
    await upload.write(chunk);
    chunk.write('second');
    await upload.write(chunk);
    await upload.commit(new Hasher().whole(whole), contentOf(whole));
    t.is((await place.readBack('file'))?.toString(), 'first-second');
  });

  for (const path of ['../out', 'a/../../out', '/out', 'a//b', '', '.'])
    check(`the path ${JSON.stringify(path)} is refused`, async ({ t, place, destination }) => {
      const escapes = ErrorReason.DESTINATION_ESCAPES;
      t.is(await reasonOf(destination.openUpload(uploadOptions(path, large))), escapes);
      t.is(await reasonOf(destination.makeFolder(path)), escapes);
      const times = { modifiedNs, createdNs: 0n };
      t.is(await reasonOf(destination.finishFolder(path, times, false)), escapes);
      await destination.removeParts(path, ['tag-1-0']);
      t.deepEqual(await place.list(), []);
    });
}

function testFolders(check: Register, { precisionNs }: DestinationTraits): void {
  check('folders are made, twice is once', async ({ t, place, destination }) => {
    await destination.makeFolder('a/b');
    await destination.makeFolder('a/b');
    await destination.makeFolder('a');
    t.deepEqual(await place.list(), ['a', 'a/b']);
  });

  check('a folder gets its date, and is made if need be', async ({ t, place, destination }) => {
    await put(destination, 'a/file', large);
    const times = { modifiedNs, createdNs: 0n };
    t.true(await destination.finishFolder('a', times, false));
    t.true(await destination.finishFolder('empty', times, false));
    t.false(await destination.finishFolder('a', times, false), 'nothing is left to do');
    t.is((await place.modifiedNs('a')) / precisionNs, modifiedNs / precisionNs);
    t.is((await place.modifiedNs('empty')) / precisionNs, modifiedNs / precisionNs);
  });
}

function testConflicts(check: Register): void {
  check(
    'what stands there unexpectedly is shown, not touched',
    async ({ t, place, destination }) => {
      const first = await put(destination, 'file', large);
      const found = await destination.openUpload(uploadOptions('file', Buffer.from('new')));
      if (found.kind !== 'existing') throw new Error('nothing was found');
      t.true(found.isFile);
      t.is(found.size, large.length);
      t.is(found.modifiedNs, first.modifiedNs);
      t.true(found.mayEqual(large.length));
      const proof = await found.prove(new Hasher().whole(large), contentOf(large));
      t.deepEqual(proof, first);
      const other = Buffer.from(large).fill(1);
      t.is(await found.prove(new Hasher().whole(other), contentOf(other)), undefined);
      t.deepEqual(await place.readBack('file'), large);
      t.deepEqual(await place.list(), ['file']);
    },
  );

  check(
    'what stands there with the same content gets other dates, when it is told which',
    async ({ t, place, destination }) => {
      await put(destination, 'file', large);
      const found = await destination.openUpload(uploadOptions('file', Buffer.from('new')));
      if (found.kind !== 'existing') throw new Error('nothing was found');
      const times = { modifiedNs: modifiedNs + 86_400_000_000_000n, createdNs: 0n };
      const other = Buffer.from(large).fill(1);
      t.is(await found.prove(new Hasher().whole(other), contentOf(other), times), undefined);
      t.is(await place.modifiedNs('file'), found.modifiedNs);
      const proof = await found.prove(new Hasher().whole(large), contentOf(large), times);
      const precisionNs = destination.timePrecisionNs;
      t.is(proof!.modifiedNs / precisionNs, times.modifiedNs / precisionNs);
      t.is((await place.modifiedNs('file')) / precisionNs, times.modifiedNs / precisionNs);
      t.deepEqual(await place.readBack('file'), large);
      // It is what the next run expects there.
      const next = { ...uploadOptions('file', large), expected: { ...proof!, size: large.length } };
      const upload = await destination.openUpload(next);
      if (upload.kind !== 'upload') throw new Error('it is not what was expected');
      await upload.abort();
    },
  );

  check('a folder in the place of a file is shown', async ({ t, destination }) => {
    await destination.makeFolder('file');
    const found = await destination.openUpload(uploadOptions('file', large));
    t.true(found.kind === 'existing' && !found.isFile);
  });

  check('a file in the place of a folder is a conflict', async ({ t, place, destination }) => {
    await put(destination, 'a', large);
    const conflict = ErrorReason.DESTINATION_CONFLICT;
    t.is(await reasonOf(destination.makeFolder('a')), conflict);
    t.is(await reasonOf(destination.openUpload(uploadOptions('a/b', large))), conflict);
    const times = { modifiedNs, createdNs: 0n };
    t.is(await reasonOf(destination.finishFolder('a', times, false)), conflict);
    t.deepEqual(await place.list(), ['a']);
  });

  check('what an earlier run left is replaced', async ({ t, place, destination }) => {
    const first = await put(destination, 'file', large);
    const expected = expectedOf(large, first);
    await put(destination, 'file', Buffer.from('new'), { expected });
    t.is((await place.readBack('file'))?.toString(), 'new');
    // What was expected may have been deleted since: then the file is simply new.
    await put(destination, 'other', Buffer.from('new'), { expected });
    t.is((await place.readBack('other'))?.toString(), 'new');
  });

  check('what was changed since the earlier run is shown', async ({ t, destination }) => {
    const first = await put(destination, 'file', large);
    const same = expectedOf(large, first);
    const others =
      first.version === ''
        ? [
            { ...same, size: large.length + 1 },
            { ...same, modifiedNs: first.modifiedNs - 1_000_000_000n },
          ]
        : [{ ...same, version: `${first.version}0` }];
    for (const expected of others) {
      const options = uploadOptions('file', large, { expected });
      t.is((await destination.openUpload(options)).kind, 'existing');
    }
  });
}

function testParts(check: Register): void {
  check('what appears while a file is written stays', async ({ t, place, destination }) => {
    const upload = await begin(destination, uploadOptions('file', large));
    await upload.write(large);
    await put(destination, 'file', Buffer.from('other'), { partName: 'other-1-0' });
    const commit = upload.commit(new Hasher().whole(large), contentOf(large));
    t.is(await reasonOf(commit), ErrorReason.DESTINATION_CONFLICT);
    t.is((await place.readBack('file'))?.toString(), 'other');
    t.deepEqual(await place.list(), ['file']);
  });

  check('a later generation fences the earlier one off', async ({ t, place, destination }) => {
    const earlier = await begin(destination, uploadOptions('file', large));
    await earlier.write(large);
    const more = { partName: 'tag-2-0', stalePartNames: ['tag-1-0'] };
    await using second = await place.open();
    const later = await begin(second, uploadOptions('file', large, more));
    t.true(
      (await reasonOf(earlier.commit(new Hasher().whole(large), contentOf(large)))) !== undefined,
    );
    await later.write(large);
    await later.commit(new Hasher().whole(large), contentOf(large));
    t.deepEqual(await place.readBack('file'), large);
    t.deepEqual(await place.list(), ['file']);
  });

  check('what a dead process left is removed', async ({ t, place, destination }) => {
    const dead = await begin(destination, uploadOptions('a/file', large));
    await dead.write(large.subarray(0, 1000));
    await using second = await place.open();
    await second.removeParts('a/file', ['tag-1-0', 'tag-2-0']);
    await second.removeParts('b/file', ['tag-1-0']);
    t.deepEqual(await place.list(), ['a']);
    await dead.abort();
  });
}
