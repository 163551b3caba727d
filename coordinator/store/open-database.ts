// Opening LevelDB: only where its files are whole, and only a store that this program can read.
import { Level } from 'level';
import path from 'node:path';
import { makeFolders } from '../../lib/make-folders.ts';
import { DroverError } from '../../lib/error.ts';
import { keys } from './keys.ts';
import { damageBeforeOpening, hasStore } from './store-files.ts';
import { damagedStore, openError } from './store-errors.ts';

export type Database = Level<string, Uint8Array>;

/** The format that this program writes; it reads this one and all before it. Stores of before this row was written have none. */
export const storeFormat = 1;

/**
 * LevelDB maps each table it has open into memory, 2 MiB at most; with the 1000 that it keeps by default, 2 GiB would count as this
 * process's, however little of them it needs again.
 */
const openTablesMax = 24;
/** With LevelDB's 4 MiB a long run writes its rows into tables, and merges those, with a quarter more of processor time. */
const writeBufferBytes = 8 * 1024 * 1024;

/**
 * Opens the database in `folder`. Throws DATA_FOLDER_LOCKED when another process has it open, and INVALID_ARGUMENT that says what to
 * do when it is damaged, newer than this program, or, unless it may be made, not there.
 */
export async function openDatabase(folder: string, { make }: { make: boolean }): Promise<Database> {
  if (make) makeFolders(path.dirname(folder), 0o700);
  else if (!hasStore(folder)) throw DroverError.invalid('--data', `there is no store in ${folder}`);
  checkFiles(folder);
  // Not before the files were looked at: a database opens itself when nobody does, and makes what is not there.
  const database: Database = new Level(folder, {
    keyEncoding: 'utf8',
    valueEncoding: 'view',
    maxOpenFiles: openTablesMax,
    writeBufferSize: writeBufferBytes,
  });
  await open(database, folder, make);
  return database;
}

/** Opens a database that was closed. */
export async function openAgain(database: Database, folder: string): Promise<void> {
  checkFiles(folder);
  await open(database, folder, false);
}

function checkFiles(folder: string): void {
  const damage = damageBeforeOpening(folder);
  if (damage !== undefined) throw damagedStore(folder, `${damage.file}: ${damage.words}`);
}

async function open(database: Database, folder: string, make: boolean): Promise<void> {
  try {
    await database.open({ createIfMissing: make });
    await checkFormat(database, folder);
  } catch (error) {
    await database.close();
    throw openError(folder, error);
  }
}

/** A number that stands in a row of its own; undefined when there is no such row. */
export async function readNumber(database: Database, key: string): Promise<number | undefined> {
  const bytes = await database.get(key);
  return bytes === undefined ? undefined : decodeNumber(bytes);
}

/** Such a number of its bytes; NaN when they are none. */
export function decodeNumber(bytes: Uint8Array): number {
  const text = Buffer.from(bytes).toString('latin1');
  return /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
}

export function encodeNumber(value: number): Uint8Array {
  return Buffer.from(String(value));
}

async function checkFormat(database: Database, folder: string): Promise<void> {
  const format = await readNumber(database, keys.format);
  if (format === undefined || (format >= 1 && format <= storeFormat)) return;
  if (Number.isNaN(format)) throw damagedStore(folder, `the row ${keys.format} holds no number`);
  throw DroverError.invalid(
    '--data',
    `the store in ${folder} was written by a newer version of Drover: its format is ${format}, and this version reads formats up to ${storeFormat}; ` +
      'start that version, or bring a backup of this version back',
  );
}
