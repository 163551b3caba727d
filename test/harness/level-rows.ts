// The rows of a LevelDB as bytes, whoever's it is: on the disk they may be compressed, so that a search through its files finds nothing.
import { cpSync, existsSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { Level } from 'level';

/** The folders below this one that hold a LevelDB. */
export function levelFolders(folder: string): string[] {
  const below = readdirSync(folder, { recursive: true, withFileTypes: true });
  return below
    .filter((entry) => entry.isDirectory())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .filter((name) => existsSync(path.join(name, 'CURRENT')));
}

/** All keys and values of a LevelDB that nobody has open. It is read from a copy, because opening one writes to it. */
export async function levelRows(folder: string): Promise<Buffer[]> {
  const copy = `${folder}.copy`;
  cpSync(folder, copy, { recursive: true });
  try {
    await using level = new Level<Uint8Array, Uint8Array>(copy, { keyEncoding: 'view', valueEncoding: 'view' }); // oxfmt-ignore
    const rows = await level.iterator().all();
    return rows.flat().map((bytes) => Buffer.from(bytes));
  } finally {
    rmSync(copy, { recursive: true });
  }
}
