// Compares what evidence says was migrated with what is at the source now: each file is read and hashed again.
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import path from 'node:path';
import { DroverError } from '../../lib/error.ts';
import type { EvidenceItem } from '../../lib/evidence.ts';
import { isInside } from '../../lib/inside-path.ts';

/** How the files compare. */
export interface Comparison {
  same: number;
  different: number;
}

/** What is wrong with one file. */
export interface Difference {
  path: string;
  /** In words. */
  message: string;
}

/**
 * Looks at every file of which the evidence has a hash. `report` gets each difference as it is found. Throws INVALID_ARGUMENT when `folder`
 * is not a folder that can be read.
 */
export async function compareSource(
  items: AsyncIterable<EvidenceItem>,
  folder: string,
  report: (difference: Difference) => Promise<void>,
): Promise<Comparison> {
  await checkFolder(folder);
  const counts: Comparison = { same: 0, different: 0 };
  const buffer = Buffer.allocUnsafe(1024 * 1024);
  for await (const item of items) {
    if (item.sha256 === undefined) continue;
    const message = await difference(item, folder, buffer);
    if (message === undefined) counts.same += 1;
    else {
      counts.different += 1;
      await report({ path: item.path, message });
    }
  }
  return counts;
}

async function checkFolder(folder: string): Promise<void> {
  try {
    if ((await stat(folder)).isDirectory()) return;
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    throw DroverError.invalid('--against-source', `${folder} cannot be read: ${detail}`, error);
  }
  throw DroverError.invalid('--against-source', `${folder} is not a folder`);
}

async function difference(
  item: EvidenceItem,
  folder: string,
  buffer: Buffer,
): Promise<string | undefined> {
  if (!isInside(item.path)) return 'its path leads out of the source, so it is not looked at';
  try {
    // A link that took the file's place is not what was migrated.
    await using handle = await open(
      path.join(folder, item.path),
      constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
    );
    const facts = await handle.stat();
    if (!facts.isFile()) return 'it is not a file any more';
    if (facts.size !== item.size) return `it has ${facts.size} bytes now, and had ${String(item.size)}`; // oxfmt-ignore
    const hash = createHash('sha256');
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length);
      if (bytesRead === 0) break;
      hash.update(buffer.subarray(0, bytesRead));
    }
    return hash.digest('hex') === item.sha256 ? undefined : 'its content is another one now';
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return 'it is not there any more';
    if (code === 'ELOOP') return 'a link has its place now';
    return `it cannot be read: ${message}`;
  }
}
