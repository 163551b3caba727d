import { execFileSync } from 'node:child_process';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { Hasher } from '../pool/hasher.ts';
import {
  begin,
  contentOf,
  expectedOf,
  fileSystemTraits,
  modifiedNs,
  put,
  reasonOf,
  testDestination,
  uploadOptions,
} from './contract.ts';
import { testConflictPolicies } from './conflict-contract.ts';
import { testMoves, type RecyclingPlace } from './move-contract.ts';
import { openFolderDestination } from './folder-destination.ts';
import { openDestination } from './open-destination.ts';

interface FolderPlace extends RecyclingPlace {
  /** A folder that is removed after the test. */
  scratch: string;
  /** The destination, in the scratch folder, not yet made. */
  root: string;
}

async function makePlace(): Promise<FolderPlace> {
  const scratch = realpathSync(mkdtempSync(path.join(tmpdir(), 'drover-destination-')));
  const root = path.join(scratch, 'destination');
  const below = (relative: string) => path.join(root, relative);
  return {
    scratch,
    root,
    open: async () => openFolderDestination(root),
    readBack: async (relative) =>
      lstatSync(below(relative), { throwIfNoEntry: false }) && readFileSync(below(relative)),
    modifiedNs: async (relative) => lstatSync(below(relative), { bigint: true }).mtimeNs,
    disturb: async (relative, bytes, ns) => {
      mkdirSync(root, { recursive: true });
      writeFileSync(below(relative), bytes);
      utimesSync(below(relative), Number(ns / 1_000_000_000n), Number(ns / 1_000_000_000n));
    },
    bringBack: async (relative) => {
      const at = path.join(root, '.drover-recycled', 'task-1', relative);
      return lstatSync(at, { throwIfNoEntry: false }) && readFileSync(at);
    },
    list: async () => readdirSync(root, { recursive: true, encoding: 'utf8' }).sort(),
    [Symbol.asyncDispose]: async () => rmSync(scratch, { recursive: true }),
  };
}

testDestination(test, 'folder', makePlace, fileSystemTraits);
testConflictPolicies(test, 'folder', makePlace);
testMoves(test, 'folder', makePlace, { movesEdited: false });

const content = Buffer.from('content');
const times = { modifiedNs, createdNs: 0n };

test('the modified time is kept to the nanosecond, also before 1970 and far ahead', async (t) => {
  await using place = await makePlace();
  await using destination = await place.open();
  for (const ns of [
    modifiedNs,
    0n,
    1n,
    -1n,
    -1_234_567_890_123_456_789n,
    9_999_999_999_999_999_999n,
  ]) {
    const file = await put(destination, `file${ns}`, content, { modifiedNs: ns });
    t.is(await place.modifiedNs(`file${ns}`), ns);
    t.is(file.modifiedNs, ns);
    await destination.finishFolder(`folder${ns}`, { modifiedNs: ns, createdNs: 0n }, true);
    t.is(await place.modifiedNs(`folder${ns}`), ns);
  }
});

test('the destination and the folders above it are made', async (t) => {
  await using place = await makePlace();
  const root = path.join(place.root, 'a', 'b');
  await using destination = openFolderDestination(root);
  await put(destination, 'file', content);
  t.deepEqual(readFileSync(path.join(root, 'file')), content);
});

test('the destination may be reached through a link, as it was chosen', async (t) => {
  await using place = await makePlace();
  mkdirSync(path.join(place.scratch, 'real'));
  symlinkSync('real', place.root);
  await using destination = await place.open();
  await put(destination, 'file', content);
  t.deepEqual(readFileSync(path.join(place.scratch, 'real', 'file')), content);
});

test('a file as the destination is refused', async (t) => {
  await using place = await makePlace();
  writeFileSync(place.root, '');
  for (const root of [place.root, path.join(place.root, 'below')]) {
    const error = t.throws(() => openFolderDestination(root), { instanceOf: DroverError });
    t.is(error?.reason, ErrorReason.DESTINATION_UNREACHABLE);
  }
});

test('a folder that holds something is not made again when it is not there, or empty', async (t) => {
  await using place = await makePlace();
  const refusal = (words: RegExp) => {
    const error = t.throws(() => openFolderDestination(place.root, true), { instanceOf: DroverError }); // oxfmt-ignore
    t.is(error?.reason, ErrorReason.DESTINATION_UNREACHABLE);
    t.regex(error!.message, words);
  };
  refusal(/ is not there on this agent's machine, although the task has written into it/);
  t.deepEqual(readdirSync(place.scratch), []);
  mkdirSync(place.root);
  refusal(/ has nothing in it on this agent's machine/);
  writeFileSync(path.join(place.root, 'file'), '');
  await using destination = openFolderDestination(place.root, true);
  await put(destination, 'other', content);
});

test('a folder that was replaced while it was written to is told', async (t) => {
  await using place = await makePlace();
  await using destination = openFolderDestination(place.root);
  await put(destination, 'file', content);
  destination.checkSame();
  renameSync(place.root, `${place.root} away`);
  const gone = t.throws(() => destination.checkSame(), { instanceOf: DroverError });
  t.is(gone?.reason, ErrorReason.DESTINATION_UNREACHABLE);
  mkdirSync(place.root);
  t.throws(() => destination.checkSame(), { message: /was unmounted, mounted or replaced while it was written to/ }); // oxfmt-ignore
});

for (const text of ['\\\\server\\share', 'https://contoso.sharepoint.com/sites/hr'])
  test(`an agent without a sign-in does not write to ${text}`, async (t) => {
    const opening = openDestination(text, undefined);
    const error = await t.throwsAsync(opening, { instanceOf: DroverError });
    t.is(error?.reason, ErrorReason.DESTINATION_UNSUPPORTED);
  });

for (const link of ['link', 'folder/link'])
  test(`nothing goes through the link ${link}`, async (t) => {
    await using place = await makePlace();
    const outside = path.join(place.scratch, 'outside');
    mkdirSync(path.join(outside, 'inner'), { recursive: true });
    writeFileSync(path.join(outside, '.drover-tag-1-0.part'), '');
    mkdirSync(path.join(place.root, 'folder'), { recursive: true });
    symlinkSync(outside, path.join(place.root, link));
    await using destination = await place.open();
    const escapes = ErrorReason.DESTINATION_ESCAPES;
    for (const below of [link, `${link}/new`, `${link}/inner`, `${link}/inner/new`]) {
      t.is(await reasonOf(destination.makeFolder(below)), escapes, below);
      t.is(await reasonOf(destination.finishFolder(below, times, false)), escapes, below);
      t.is(await reasonOf(destination.openUpload(uploadOptions(below, content))), escapes, below);
      const expected = { size: 0, modifiedNs: 0n, id: '', version: '' };
      for (const kind of ['file', 'folder'] as const)
        t.is(await reasonOf(destination.recycle({ path: below, kind, expected, runTag: 'a-1' })), escapes, below); // oxfmt-ignore
      await destination.removeParts(below, ['tag-1-0']);
    }
    t.deepEqual(readdirSync(outside, { recursive: true, encoding: 'utf8' }).sort(), [
      '.drover-tag-1-0.part',
      'inner',
    ]);
    t.not(statSync(path.join(outside, 'inner'), { bigint: true }).mtimeNs, modifiedNs);
  });

test('the folder for what was recycled takes no item of a source', async (t) => {
  await using place = await makePlace();
  await using destination = await place.open();
  const { NAME_INVALID } = ErrorReason;
  for (const at of ['.drover-recycled', '.drover-recycled/a', '.Drover-Recycled/a/b']) {
    t.is(await reasonOf(destination.makeFolder(at)), NAME_INVALID);
    t.is(await reasonOf(destination.finishFolder(at, times, true)), NAME_INVALID);
    t.is(await reasonOf(put(destination, at, content)), NAME_INVALID);
  }
  // Elsewhere it is a name like any other.
  await put(destination, 'a/.drover-recycled', content);
  t.deepEqual(await place.list(), ['a', 'a/.drover-recycled']);
});

test('a link in the place of a file is neither followed nor replaced', async (t) => {
  await using place = await makePlace();
  const outside = path.join(place.scratch, 'outside');
  writeFileSync(outside, 'precious');
  mkdirSync(place.root);
  symlinkSync(outside, path.join(place.root, 'file'));
  await using destination = await place.open();
  const facts = statSync(outside, { bigint: true });
  const expected = { size: Number(facts.size), modifiedNs: facts.mtimeNs, id: '', version: '' };
  for (const options of [
    uploadOptions('file', content),
    uploadOptions('file', content, { expected }),
  ])
    t.is(await reasonOf(destination.openUpload(options)), ErrorReason.DESTINATION_ESCAPES);
  t.is(readFileSync(outside, 'utf8'), 'precious');
  t.true(lstatSync(path.join(place.root, 'file')).isSymbolicLink());
});

test('a link that waits under the name of the half-written file is not written through', async (t) => {
  await using place = await makePlace();
  const outside = path.join(place.scratch, 'outside');
  writeFileSync(outside, 'precious');
  mkdirSync(place.root);
  symlinkSync(outside, path.join(place.root, '.drover-tag-1-0.part'));
  await using destination = await place.open();
  await put(destination, 'file', content);
  t.is(readFileSync(outside, 'utf8'), 'precious');
  t.deepEqual(await place.list(), ['file']);
});

test('what is damaged between writing and reading back is noticed', async (t) => {
  await using place = await makePlace();
  await using destination = await place.open();
  const upload = await begin(destination, uploadOptions('file', content));
  await upload.write(content);
  writeFileSync(path.join(place.root, '.drover-tag-1-0.part'), 'short');
  const commit = upload.commit(new Hasher().whole(content), contentOf(content));
  t.is(await reasonOf(commit), ErrorReason.VERIFICATION_FAILED);
  t.deepEqual(await place.list(), []);
});

test('a folder that was deleted after it was checked is made again', async (t) => {
  await using place = await makePlace();
  await using destination = await place.open();
  await put(destination, 'a/one', content);
  rmSync(path.join(place.root, 'a'), { recursive: true });
  const first = await reasonOf(put(destination, 'a/two', content));
  if (first !== undefined) await put(destination, 'a/two', content);
  t.deepEqual(await place.list(), ['a', 'a/two']);
});

test('an update that somebody changes in the last moment is not overwritten', async (t) => {
  await using place = await makePlace();
  await using destination = await place.open();
  const first = await put(destination, 'file', content);
  const expected = expectedOf(content, first);
  const upload = await begin(destination, uploadOptions('file', content, { expected }));
  await upload.write(content);
  utimesSync(path.join(place.root, 'file'), 1, 1);
  const commit = upload.commit(new Hasher().whole(content), contentOf(content));
  t.is(await reasonOf(commit), ErrorReason.DESTINATION_CONFLICT);
  t.deepEqual(await place.list(), ['file']);
});

test('a name or path that is too long is said to be', async (t) => {
  await using place = await makePlace();
  await using destination = await place.open();
  const tooLong = ErrorReason.PATH_TOO_LONG;
  t.is(await reasonOf(put(destination, 'n'.repeat(256), content)), tooLong);
  t.is(await reasonOf(destination.makeFolder('n'.repeat(256))), tooLong);
  const deep = Array.from({ length: 100 }, () => 'n'.repeat(50)).join('/');
  t.is(await reasonOf(put(destination, deep, content)), tooLong);
});

test.serial('a full disk, and one that cannot be written', async (t) => {
  await using place = await makePlace();
  mkdirSync(place.root);
  if (!mount('-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', place.root)) {
    t.log('skipped: this account may not mount a small file system');
    t.pass();
    return;
  }
  try {
    await using destination = await place.open();
    const big = Buffer.alloc(2 << 20);
    const upload = await begin(destination, uploadOptions('file', big));
    t.is(await reasonOf(upload.write(big)), ErrorReason.DESTINATION_FULL);
    await upload.abort();
    t.deepEqual(await place.list(), []);
    await put(destination, 'small', content);
    mount('-o', 'remount,ro', place.root);
    const denied = ErrorReason.DESTINATION_ACCESS_DENIED;
    t.is(await reasonOf(put(destination, 'other', content)), denied);
    t.is(await reasonOf(destination.makeFolder('folder')), denied);
  } finally {
    execFileSync('umount', [place.root]);
  }
});

function mount(...parameters: string[]): boolean {
  try {
    execFileSync('mount', parameters, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
