// A folder that appears whole or not at all: it is made under another name beside its place, forced to the disk, and renamed.
import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { hasNoRoom } from '../store/store-errors.ts';

/**
 * Makes `folder`, for its owner only, with what `fill` puts into it. When anything fails nothing is left, and what went wrong is thrown:
 * UNAVAILABLE with what the file system says, and what `fill` throws by itself.
 */
export async function makeWholeFolder<T>(
  folder: string,
  fill: (temporary: string) => Promise<T>,
): Promise<T> {
  const temporary = `${folder}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await mkdir(temporary, { mode: 0o700 });
    const result = await fill(temporary);
    await syncTree(temporary);
    await rename(temporary, folder);
    await syncOne(path.dirname(folder));
    return result;
  } catch (cause) {
    await rm(temporary, { recursive: true, force: true });
    throw folderError(folder, cause);
  }
}

async function syncTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const place = path.join(folder, entry.name);
    await (entry.isDirectory() ? syncTree(place) : syncOne(place));
  }
  await syncOne(folder);
}

async function syncOne(place: string): Promise<void> {
  await using handle = await open(place);
  await handle.sync();
}

function folderError(folder: string, cause: unknown): unknown {
  if (hasNoRoom(cause))
    return new DroverError(
      ErrorReason.UNAVAILABLE,
      `there is not enough room on the disk of ${folder}; nothing was left there`,
      { cause, metadata: { folder } },
    );
  if (cause instanceof DroverError || !(cause instanceof Error) || cause.name === 'AbortError')
    return cause;
  return new DroverError(ErrorReason.UNAVAILABLE, `${folder} cannot be made: ${cause.message}`, {
    cause,
    metadata: { folder },
  });
}
