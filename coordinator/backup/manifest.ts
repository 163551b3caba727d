// What a backup says of itself. It is written last, so that a folder without it is no backup; by its checksums a file that has changed
// since is found before anything is built on it.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { DroverError } from '../../lib/error.ts';

/** The format of backups that this program writes, and the newest it reads. */
const backupFormat = 1;
const manifestName = 'backup.json';

export interface ManifestFile {
  /** Below the backup's folder, with "/" between its parts. */
  path: string;
  size: number;
  /** Lower-case hexadecimal. */
  sha256: string;
}

export interface Manifest {
  format: number;
  /** The version of Drover that wrote it. */
  version: string;
  /** RFC 3339. */
  createTime: string;
  rows: number;
  /** Bytes of the rows. */
  bytes: number;
  files: ManifestFile[];
}

/** Describes all files in the folder, and writes that beside them. */
export async function writeManifest(
  folder: string,
  facts: Pick<Manifest, 'version' | 'createTime' | 'rows' | 'bytes'>,
): Promise<void> {
  const files: ManifestFile[] = [];
  for (const name of await filesBelow(folder, '')) files.push(await describeFile(folder, name));
  const manifest: Manifest = { format: backupFormat, ...facts, files };
  await writeFile(path.join(folder, manifestName), `${JSON.stringify(manifest, undefined, 2)}\n`, {
    mode: 0o600,
  });
}

/** What the backup in this folder says of itself. Throws INVALID_ARGUMENT when it is none, is damaged, or is of a newer version. */
export async function readManifest(folder: string): Promise<Manifest> {
  const file = path.join(folder, manifestName);
  let manifest: Manifest;
  try {
    manifest = JSON.parse(await readFile(file, 'utf8')) as Manifest;
  } catch (cause) {
    if (!(cause instanceof SyntaxError))
      throw DroverError.invalid('--from', `${folder} is no backup: ${file} cannot be read`, cause);
    throw damagedBackup(file, 'it is not what was written', cause);
  }
  if (!isManifest(manifest)) throw damagedBackup(file, 'it is not what was written');
  const { format, version } = manifest;
  if (format <= backupFormat) return manifest;
  throw DroverError.invalid(
    '--from',
    `the backup ${folder} was made by Drover ${version}: its format is ${format}, and this version reads formats up to ${backupFormat}; restore it with that version`,
  );
}

/** Throws INVALID_ARGUMENT unless the file in this folder is what the manifest says; `backup` is where it came from. */
export async function checkFile(
  folder: string,
  expected: ManifestFile,
  backup: string,
): Promise<void> {
  const found = await describeFile(folder, expected.path);
  if (found.size === expected.size && found.sha256 === expected.sha256) return;
  throw damagedBackup(path.join(backup, expected.path), 'it has changed since it was made');
}

/** A file of a backup is not what it was; another backup is needed. */
export function damagedBackup(file: string, detail: string, cause?: unknown): DroverError {
  return DroverError.invalid(
    '--from',
    `the backup is damaged: ${file}: ${detail}; take another`,
    cause,
  );
}

async function describeFile(folder: string, name: string): Promise<ManifestFile> {
  const file = path.join(folder, name);
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return { path: name, size: (await stat(file)).size, sha256: hash.digest('hex') };
}

async function filesBelow(folder: string, below: string): Promise<string[]> {
  const names: string[] = [];
  for (const entry of await readdir(path.join(folder, below), { withFileTypes: true })) {
    const name = below === '' ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) names.push(...(await filesBelow(folder, name)));
    else names.push(name);
  }
  return names.toSorted();
}

/** Paths are taken from the file, so that one which leads elsewhere is none. */
function isManifest(value: unknown): value is Manifest {
  if (typeof value !== 'object' || value === null) return false;
  const { format, version, rows, bytes, files } = value as Partial<Manifest>;
  return (
    [format, rows, bytes].every((number) => Number.isSafeInteger(number)) &&
    typeof version === 'string' &&
    Array.isArray(files) &&
    files.every(
      (file: Partial<ManifestFile> | null) =>
        typeof file?.path === 'string' &&
        typeof file.size === 'number' &&
        typeof file.sha256 === 'string' &&
        !file.path.split('/').some((part) => part === '' || part === '.' || part === '..'),
    )
  );
}
