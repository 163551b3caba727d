// A store that is damaged, or newer than this program, is refused in words that help; nothing of it is served wrongly.
import { create } from '@bufbuild/protobuf';
import test, { type ExecutionContext } from 'ava';
import { Level } from 'level';
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { TaskRowSchema } from '../../gen/drover/store/v1/rows_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { checkStore, type StoreProblem } from './check-store.ts';
import { crc32c } from './checksum.ts';
import { keys } from './keys.ts';
import { openLevelStore } from './level-store.ts';
import { damageOfLog } from './log-file.ts';

/** A store with a few tasks in its log, closed. */
async function storeWithTasks(t: ExecutionContext, tasks: number, bytes = 100): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'drover-damage-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const store = path.join(folder, 'store');
  await using opened = await openLevelStore(store);
  for (let number = 0; number < tasks; number++) await putTask(opened, `t${number}`, bytes);
  return store;
}

function putTask(store: Awaited<ReturnType<typeof openLevelStore>>, id: string, bytes: number) {
  // What cannot be compressed, so that a changed byte changes a value and not the way to it.
  const source = randomBytes(bytes).toString('base64');
  return store.commit((transaction) =>
    transaction.putTask(id, create(TaskRowSchema, { task: { name: id, source } })),
  );
}

/** The store's file of this kind, of which there is one. */
function fileOf(store: string, kind: RegExp): string {
  const names = readdirSync(store).filter((name) => kind.test(name));
  if (names.length !== 1) throw new Error(`there are ${names.join(' ')}`);
  return path.join(store, names[0]!);
}

function change(file: string, at: number): void {
  const bytes = readFileSync(file);
  bytes[at]! ^= 0x40;
  writeFileSync(file, bytes);
}

/** Every file of the store that holds data, with its bytes. */
function contentOf(store: string): Map<string, string> {
  const names = readdirSync(store).filter((name) => !name.startsWith('LOG'));
  return new Map(names.map((name) => [name, readFileSync(path.join(store, name), 'hex')]));
}

async function refusalOf(store: string): Promise<DroverError | undefined> {
  try {
    const opened = await openLevelStore(store);
    await opened.close();
    return undefined;
  } catch (error) {
    return DroverError.from(error);
  }
}

const damages: [what: string, damage: (store: string) => void, words: RegExp][] = [
  ['a changed byte in the log', (store) => change(fileOf(store, /\.log$/), 300), /\.log: the record at byte/],
  ['a missing CURRENT', (store) => rmSync(path.join(store, 'CURRENT')), /CURRENT: it is missing/],
  ['an empty CURRENT', (store) => truncateSync(path.join(store, 'CURRENT')), /CURRENT/],
  ['a missing manifest', (store) => rmSync(fileOf(store, /^MANIFEST/)), /MANIFEST-\d+/],
  ['a changed manifest', (store) => change(fileOf(store, /^MANIFEST/), 10), /./],
  ['a manifest that ends too soon', (store) => truncateSync(fileOf(store, /^MANIFEST/), 20), /./],
]; // oxfmt-ignore

for (const [what, damage, words] of damages)
  test(`refused: ${what}`, async (t) => {
    const store = await storeWithTasks(t, 20);
    damage(store);
    const before = contentOf(store);
    const refusal = await refusalOf(store);
    t.is(refusal?.reason, ErrorReason.INVALID_ARGUMENT, refusal?.message);
    t.regex(refusal!.message, /^--data: the store in .* is damaged: .*drover-coordinator restore/);
    t.regex(refusal!.message, words);
    // What is left must not be made worse: somebody may still want to look at it.
    await new Promise(setImmediate);
    t.deepEqual(contentOf(store), before);
  });

test('a table that is missing is refused', async (t) => {
  const store = await storeWithTasks(t, 20);
  // The log becomes a table when the store is opened again.
  t.is(await refusalOf(store), undefined);
  rmSync(fileOf(store, /\.ldb$/));
  t.regex((await refusalOf(store))!.message, /is damaged: .*missing files/);
});

test('a log whose end is missing is what a power cut leaves: the rest is there', async (t) => {
  const store = await storeWithTasks(t, 20);
  const log = fileOf(store, /\.log$/);
  truncateSync(log, readFileSync(log).length - 50);
  await using opened = await openLevelStore(store);
  t.is((await opened.tasks('', 100)).length, 19);
});

test('a changed byte is found in every record of a log but the last, wherever it is', async (t) => {
  const store = await storeWithTasks(t, 14, 6000);
  const log = readFileSync(fileOf(store, /\.log$/));
  t.true(log.length > 3 * 32 * 1024);
  t.is(damageOfLog(log), undefined);
  for (let at = 0; at < log.length - 9000; at += 499) {
    const changed = Buffer.from(log);
    changed[at]! ^= 1;
    // The last bytes of a block may be too few for a record, and are not used.
    const isUnused = (at % (32 * 1024)) + 7 > 32 * 1024 && log[at] === 0;
    if (!isUnused) t.not(damageOfLog(changed), undefined, `byte ${at}`);
  }
});

test('a changed byte in a table is named by a check', async (t) => {
  const store = await storeWithTasks(t, 200, 1000);
  t.is(await refusalOf(store), undefined);
  const table = fileOf(store, /\.ldb$/);
  const problems: StoreProblem[] = [];
  await checkStore(store, (problem) => problems.push(problem));
  t.deepEqual(problems, []);
  change(table, 100_000);
  await checkStore(store, (problem) => problems.push(problem));
  t.is(problems[0]!.key, table);
  t.regex(problems[0]!.words, /the block at byte \d+ has changed/);
  // And it is not copied as if it were whole.
  await using opened = await openLevelStore(store);
  const copy = path.join(path.dirname(store), 'copy');
  const error = await t.throwsAsync(opened.copyTo(copy), { instanceOf: DroverError });
  t.regex(error!.message, /is damaged: .*the block at byte \d+ has changed/);
  t.false(existsSync(copy));
});

test('what cannot be read of a store that is open is said, and not taken for missing', async (t) => {
  const store = await storeWithTasks(t, 200, 1000);
  t.is(await refusalOf(store), undefined);
  const table = fileOf(store, /\.ldb$/);
  writeFileSync(table, readFileSync(table).fill(0xff, 40_000, 60_000));
  await using opened = await openLevelStore(store);
  const error = await t.throwsAsync(opened.tasks('', 1000), { instanceOf: DroverError });
  t.regex(error!.message, /is damaged: .*drover-coordinator restore/);
});

test('a table that was cut off is said, as damage or as a disk that fails', async (t) => {
  const words = /\.ldb: .* disk, the store is damaged: .*drover-coordinator restore/;
  const store = await storeWithTasks(t, 200, 1000);
  // What was in the log becomes a table each time that the store is opened.
  t.is(await refusalOf(store), undefined);
  const first = fileOf(store, /\.ldb$/);
  {
    await using opened = await openLevelStore(store);
    await putTask(opened, 'u', 1000);
  }
  t.is(await refusalOf(store), undefined);
  // Cut off before it is opened: of one that is mapped into memory the process would end.
  const second = readdirSync(store).find((name) => name.endsWith('.ldb') && !first.endsWith(name));
  truncateSync(path.join(store, second!), 500);
  const opened = await openLevelStore(store);
  const error = await t.throwsAsync(opened.tasks('', 1000), { instanceOf: DroverError });
  await opened.close();
  t.is(error!.reason, ErrorReason.UNAVAILABLE);
  t.regex(error!.message, words);
  // The one that is read when the store is opened.
  truncateSync(first, 100_000);
  t.regex((await refusalOf(store))!.message, words);
});

test('a store of a newer version is refused with its format, one of before formats is taken', async (t) => {
  const folder = await storeWithTasks(t, 1);
  const raw = async (work: (database: Level) => Promise<unknown>) => {
    await using database = new Level(folder);
    await work(database);
  };
  await raw((database) => database.del(keys.format));
  t.is(await refusalOf(folder), undefined);
  await raw(async (database) => t.is(await database.get(keys.format), '1'));
  await raw((database) => database.put(keys.format, '7'));
  t.regex((await refusalOf(folder))!.message, /newer version .* format is 7, .* up to 1/);
  await raw(async (database) => t.is(await database.get(keys.format), '7', 'it is left as it is'));
  await raw((database) => database.put(keys.format, 'x'));
  t.regex((await refusalOf(folder))!.message, /is damaged: the row meta!format holds no number/);
});

test('the checksum is CRC-32C', (t) => {
  // The check value of the standard, and a test vector of RFC 3720.
  t.is(crc32c(Buffer.from('123456789')), 0xe3069283);
  t.is(crc32c(Buffer.alloc(32)), 0x8a9136aa);
});
