// The suite of what becomes of files that were renamed or moved at the source, or are gone from it; every destination passes it.
import type { ExecutionContext, TestFn } from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { expectedOf, put, reasonOf, uploadOptions, type DestinationPlace } from './contract.ts';
import type { Destination, ExpectedFile, MoveOptions, RecycleOptions } from './destination.ts';

/** A place from which things can be recycled. */
export interface RecyclingPlace extends DestinationPlace {
  /** The content of a file that was recycled, by the path and the id that it had; undefined when it was not. */
  bringBack(path: string, id: string): Promise<Buffer | undefined>;
}

/** What not every destination does. */
export interface MoveTraits {
  /** A file that somebody edited is known by its id and moved all the same; else it is known by what it is. */
  movesEdited: boolean;
}

/** Registers the suite's tests. `makePlace` is called once for each. */
export function testMoves(
  test: TestFn,
  kind: string,
  makePlace: () => Promise<RecyclingPlace>,
  traits: MoveTraits,
): void {
  const check = (title: string, body: (scene: Scene) => Promise<void>) =>
    test(`${kind}: ${title}`, async (t) => {
      await using place = await makePlace();
      await using destination = await place.open();
      await body({ t, place, destination });
    });
  testMoving(check);
  testNotMoving(check, traits);
  testRecycling(check);
  testFolders(check);
}

interface Scene {
  t: ExecutionContext;
  place: RecyclingPlace;
  destination: Destination;
}

type Register = (title: string, body: (scene: Scene) => Promise<void>) => void;

const content = Buffer.from('the content');
const editNs = 1_500_000_000_000_000_000n;
const escaping = ['../out', '/out', 'a//b', '', '.'];

/** A file that an earlier run wrote. */
const written = async ({ destination }: Scene, path: string, bytes = content) =>
  expectedOf(bytes, await put(destination, path, bytes));

const move = (
  { destination }: Scene,
  from: string,
  to: string,
  expected: ExpectedFile,
  isUnreported: MoveOptions['isUnreported'] = () => false,
) => destination.moveFile({ from, to, expected, isUnreported });

const recycle = (
  { destination }: Scene,
  path: string,
  expected?: ExpectedFile,
  kind: RecycleOptions['kind'] = 'file',
) => destination.recycle({ path, kind, expected, runTag: 'task-1' });

/** What stands there; what was recycled is not there any more. */
const list = async ({ place }: Scene) =>
  (await place.list()).filter((path) => !path.startsWith('.drover-recycled'));

function testMoving(check: Register): void {
  for (const [what, from, to, wanted] of [
    ['another name', 'a/old', 'a/new', ['a', 'a/new']],
    ['another folder, which is made', 'a/file', 'b/c/file', ['a', 'b', 'b/c', 'b/c/file']],
    ['the top', 'a/file', 'file', ['a', 'file']],
    ['a name in other case', 'file.txt', 'FILE.txt', ['FILE.txt']],
  ] as const)
    check(`a file gets ${what}, and stays what it is`, async (scene) => {
      const { t, place, destination } = scene;
      const expected = await written(scene, from);
      const answer = await move(scene, from, to, expected);
      if (answer.kind !== 'moved') throw new Error('it was not moved');
      t.deepEqual(await list(scene), [...wanted]);
      t.deepEqual(await place.readBack(to), content);
      t.is(await place.modifiedNs(to), expected.modifiedNs);
      const { id, version, modifiedNs } = answer.file;
      t.deepEqual({ ...expected, id, version, modifiedNs }, expected);
      // As after a death between the move and its report.
      t.deepEqual(await move(scene, from, to, expected), answer);
      t.deepEqual(await list(scene), [...wanted]);
      // It is what the next run expects there.
      await put(destination, to, Buffer.from('new'), { expected });
      t.is((await place.readBack(to))?.toString(), 'new');
    });

  for (const path of escaping)
    check(`a move from or to ${JSON.stringify(path)} is refused`, async (scene) => {
      const { t } = scene;
      const expected = await written(scene, 'file');
      const { DESTINATION_ESCAPES } = ErrorReason;
      t.is(await reasonOf(move(scene, path, 'other', expected)), DESTINATION_ESCAPES);
      t.is(await reasonOf(move(scene, 'file', path, expected)), DESTINATION_ESCAPES);
      t.is(await reasonOf(recycle(scene, path, expected)), DESTINATION_ESCAPES);
      t.deepEqual(await list(scene), ['file']);
    });
}

function testNotMoving(check: Register, { movesEdited }: MoveTraits): void {
  const notMoved = { kind: 'not-moved' };

  check('what is not there any more is not moved', async (scene) => {
    const { t } = scene;
    const expected = { size: 1, modifiedNs: 1n, id: 'gone', version: 'gone' };
    t.deepEqual(await move(scene, 'a/old', 'new', expected), notMoved);
    await scene.destination.makeFolder('folder');
    t.deepEqual(await move(scene, 'folder', 'new', expected), notMoved);
    await written(scene, 'other');
    t.deepEqual(await move(scene, 'other', 'new', expected), notMoved);
    t.deepEqual(await move(scene, 'other/below', 'new', expected), notMoved);
    t.deepEqual(await list(scene), ['folder', 'other']);
  });

  check('what has the new place stays', async (scene) => {
    const { t, place, destination } = scene;
    const expected = await written(scene, 'old');
    await place.disturb('new', Buffer.from('theirs'), editNs);
    const answer = await move(scene, 'old', 'new', expected);
    t.true(answer.kind === 'existing' && answer.isFile && answer.size === 6);
    await destination.makeFolder('folder');
    const other = await move(scene, 'old', 'folder', expected);
    t.true(other.kind === 'existing' && !other.isFile);
    t.deepEqual(await list(scene), ['folder', 'new', 'old']);
    t.is((await place.readBack('new'))?.toString(), 'theirs');
    t.deepEqual(await place.readBack('old'), content);
  });

  check('a file in the way is a conflict', async (scene) => {
    const { t } = scene;
    const expected = await written(scene, 'old');
    await written(scene, 'a');
    const { DESTINATION_CONFLICT } = ErrorReason;
    t.is(await reasonOf(move(scene, 'old', 'a/new', expected)), DESTINATION_CONFLICT);
    t.deepEqual(await list(scene), ['a', 'old']);
  });

  check(
    `what somebody edited is ${movesEdited ? 'moved with the edit' : 'not moved'}`,
    async (scene) => {
      const { t, place } = scene;
      const expected = await written(scene, 'old');
      await place.disturb('old', Buffer.from('edited'), editNs);
      const answer = await move(scene, 'old', 'new', expected);
      t.is(answer.kind, movesEdited ? 'moved' : 'not-moved');
      const at = movesEdited ? 'new' : 'old';
      t.deepEqual(await list(scene), [at]);
      t.is((await place.readBack(at))?.toString(), 'edited');
      t.is(await place.modifiedNs(at), editNs);
      // The next run that has a new content for it sees the edit.
      const options = uploadOptions(at, content, { expected });
      t.is((await scene.destination.openUpload(options)).kind, 'existing');
    },
  );

  check('what this task wrote after that and did not report is not moved', async (scene) => {
    const { t, place } = scene;
    const expected = await written(scene, 'old');
    await place.disturb('old', Buffer.from('unreported'), editNs);
    const isUnreported: MoveOptions['isUnreported'] = ({ isFile, size, modifiedNs }) =>
      isFile && size === 10 && modifiedNs === editNs;
    t.deepEqual(await move(scene, 'old', 'new', expected, isUnreported), notMoved);
    t.is((await place.readBack('old'))?.toString(), 'unreported');
  });
}

function testRecycling(check: Register): void {
  check('a file is recycled, and can be brought back', async (scene) => {
    const { t, place } = scene;
    const expected = await written(scene, 'a/file');
    t.deepEqual(await recycle(scene, 'a/file', expected), { kind: 'recycled' });
    t.deepEqual(await list(scene), ['a']);
    t.deepEqual(await recycle(scene, 'a/file', expected), { kind: 'gone' });
    t.deepEqual(await recycle(scene, 'b/file', expected), { kind: 'gone' });
    t.deepEqual(await place.bringBack('a/file', expected.id), content);
  });

  check('what was recycled makes room for the next', async (scene) => {
    const { t, place } = scene;
    const first = await written(scene, 'file');
    t.deepEqual(await recycle(scene, 'file', first), { kind: 'recycled' });
    const second = await written(scene, 'file', Buffer.from('second'));
    t.is((await place.readBack('file'))?.toString(), 'second');
    t.deepEqual(await recycle(scene, 'file', second), { kind: 'recycled' });
    t.deepEqual(await list(scene), []);
  });

  check(
    'what somebody changed is shown, and recycled by who expects exactly that',
    async (scene) => {
      const { t, place } = scene;
      const expected = await written(scene, 'file');
      await place.disturb('file', Buffer.from('edited'), editNs);
      const answer = await recycle(scene, 'file', expected);
      if (answer.kind !== 'existing') throw new Error('it was not shown');
      t.like(answer, { isFile: true, size: 6, modifiedNs: editNs });
      t.is((await recycle(scene, 'file')).kind, 'existing');
      t.is((await place.readBack('file'))?.toString(), 'edited');
      t.deepEqual(await recycle(scene, 'file', answer.asExpected), { kind: 'recycled' });
      t.deepEqual(await list(scene), []);
    },
  );
}

function testFolders(check: Register): void {
  check('a folder is recycled when it is empty, and can be made again', async (scene) => {
    const { t, destination } = scene;
    const expected = await written(scene, 'a/b/file');
    t.deepEqual(await recycle(scene, 'a/b', undefined, 'folder'), { kind: 'not-empty' });
    t.deepEqual(await recycle(scene, 'a', undefined, 'folder'), { kind: 'not-empty' });
    t.deepEqual(await list(scene), ['a', 'a/b', 'a/b/file']);
    await recycle(scene, 'a/b/file', expected);
    for (const path of ['a/b', 'a'])
      t.deepEqual(await recycle(scene, path, undefined, 'folder'), { kind: 'recycled' });
    t.deepEqual(await list(scene), []);
    t.deepEqual(await recycle(scene, 'a', undefined, 'folder'), { kind: 'gone' });
    t.deepEqual(await recycle(scene, 'a/b', undefined, 'folder'), { kind: 'gone' });
    await destination.makeFolder('a/b');
    await written(scene, 'a/c/file');
    t.deepEqual(await list(scene), ['a', 'a/b', 'a/c', 'a/c/file']);
  });

  check('a file in the place of a folder is shown, and so is the reverse', async (scene) => {
    const { t } = scene;
    const expected = await written(scene, 'file');
    await scene.destination.makeFolder('folder');
    const folder = await recycle(scene, 'folder', expected);
    t.true(folder.kind === 'existing' && !folder.isFile);
    const file = await recycle(scene, 'file', expected, 'folder');
    t.true(file.kind === 'existing' && file.isFile);
    t.deepEqual(await list(scene), ['file', 'folder']);
  });
}
