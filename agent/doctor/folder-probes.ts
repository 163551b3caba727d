// Whether the agent can keep what it has to keep, and read what it is to read.
import { randomBytes } from 'node:crypto';
import { lstatSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { opendir, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseLocation } from '../../lib/location.ts';
import { formatBytes } from '../../lib/format.ts';
import { failed, failure, ok, warning, type Outcome } from './outcome.ts';

/** The journal, logs and what is half-written need some; the files that are moved are never kept here. */
const freeBytesLeast = 64 * 1024 ** 2;
const freeBytesComfortable = 1024 ** 3;
/** More entries than that are not counted. */
const entriesCounted = 1000;
const answerMsMax = 15_000;

/** Whether a folder that is there can be written to and has room. Leaves nothing in it. */
export function probeDataFolder(folder: string): Outcome {
  const trouble = probeWritable(folder);
  if (trouble !== undefined) return trouble;
  const { bavail, bsize } = statfsSync(folder);
  const freeBytes = bavail * bsize;
  const free = `${formatBytes(freeBytes)} are free there`;
  if (freeBytes < freeBytesLeast)
    return failed(`${folder}: only ${free}`, 'Make room on that disk, or choose another folder with --data.'); // oxfmt-ignore
  if (freeBytes < freeBytesComfortable)
    return warning(`${folder} can be written to, and only ${free}`, 'Make room on that disk soon.');
  return ok(`${folder} can be written to, and ${free}`);
}

/** What is in the way of writing into a folder; undefined when nothing is. */
export function probeWritable(folder: string): Outcome | undefined {
  const file = path.join(folder, `.drover-check-${randomBytes(6).toString('hex')}`);
  try {
    writeFileSync(file, 'written to see whether it can be', { flag: 'wx', mode: 0o600 });
    rmSync(file);
    return undefined;
  } catch (cause) {
    const code = codeOf(cause);
    return failed(
      `the folder ${folder} cannot be written to: ${writeWords[code] ?? code}`,
      'Give the user that the agent runs as the right to write there, or choose another folder.',
    );
  }
}

const writeWords: Record<string, string> = {
  ENOENT: 'it is not there',
  ENOTDIR: 'it is not a folder',
  EACCES: 'this user may not (EACCES)',
  EPERM: 'this user may not (EPERM)',
  EROFS: 'its file system is read-only (EROFS)',
  ENOSPC: 'the disk is full (ENOSPC)',
  EDQUOT: "this user's quota is used up (EDQUOT)",
};

/** Whether everybody but its owner is kept out of what is there; on Windows the folder's own rights do that. */
export function probeOwnerOnly(folder: string, names: readonly string[]): Outcome {
  if (process.platform === 'win32') return ok('rights are those of the folder');
  const open = names.filter((name) => isOpenToOthers(path.join(folder, name)));
  if (open.length === 0) return ok('what is secret is readable by its owner only');
  const list = open.map((name) => path.join(folder, name)).join(' ');
  return failed(
    `others can read what is secret: ${list}`,
    `Run: chmod go= ${list}; then renew what stood in there.`,
  );
}

function isOpenToOthers(file: string): boolean {
  const stats = lstatSync(file, { throwIfNoEntry: false });
  return stats !== undefined && (stats.mode & 0o077) !== 0;
}

/** Whether a folder or share can be read: it is there, and lists what is in it. */
export async function probeSource(text: string): Promise<Outcome> {
  const location = readLocation(text);
  if ('state' in location) return location;
  if (location.kind === 'sharepoint')
    return failed(`"${text}" is a place in SharePoint`, 'Give a folder or a share to read from.');
  if (location.kind === 'unc' && process.platform !== 'win32')
    return failed(
      `"${text}" is a Windows share, and on this platform shares are read through a mount`,
      'Mount the share with an account that can read it (mount -t cifs), and give the mounted folder. No account is kept here.',
    );
  const folder = location.kind === 'unc' ? text : location.path;
  return await Promise.race([probeFolder(folder), noAnswer(folder)]);
}

/** A share whose server is gone answers nothing at all, for minutes. */
async function noAnswer(folder: string): Promise<Outcome> {
  await delay(answerMsMax, undefined, { ref: false });
  return failed(
    `the folder ${folder} does not answer: nothing came in ${answerMsMax / 1000} seconds`,
    'See whether the server of the share runs, and mount the share again.',
  );
}

function readLocation(text: string): ReturnType<typeof parseLocation> | Outcome {
  try {
    return parseLocation(text, 'source');
  } catch (thrown) {
    return failure(thrown, 'Give the absolute path of a folder, such as /srv/share.');
  }
}

async function probeFolder(folder: string): Promise<Outcome> {
  try {
    if (!(await stat(folder)).isDirectory())
      return failed(`${folder} is not a folder`, 'Give a folder; everything below it can then be migrated.'); // oxfmt-ignore
    const entries = await countEntries(folder);
    if (entries === 0)
      return warning(
        `${folder} can be read, and there is nothing in it`,
        'If it should not be empty, see whether the share is mounted.',
      );
    const many = entries > entriesCounted ? `more than ${entriesCounted}` : String(entries);
    return ok(`${folder} can be read: ${many} ${entries === 1 ? 'entry' : 'entries'}`);
  } catch (cause) {
    const code = codeOf(cause);
    return failed(
      `the folder ${folder} cannot be read: ${readWords[code] ?? code}`,
      readAdvice[code] ?? 'See whether the folder can be listed as the user that the agent runs as.', // oxfmt-ignore
    );
  }
}

const readWords: Record<string, string> = {
  ENOENT: 'it is not there (ENOENT)',
  ENOTDIR: 'a part of its path is not a folder (ENOTDIR)',
  EACCES: 'this user may not (EACCES)',
  EPERM: 'this user may not (EPERM)',
  EIO: 'its disk or share does not answer as it should (EIO)',
  ESTALE: 'the share it is mounted from is gone (ESTALE)',
  EHOSTDOWN: 'the server of the share does not answer (EHOSTDOWN)',
};

const readAdvice: Record<string, string> = {
  ENOENT: 'Look for a mistake in the path; a share has to be mounted first.',
  EACCES: 'Give the user that the agent runs as the right to read there, or run the agent as one who has it.', // oxfmt-ignore
  EPERM: 'Give the user that the agent runs as the right to read there, or run the agent as one who has it.', // oxfmt-ignore
  ESTALE: 'Mount the share again.',
};

async function countEntries(folder: string): Promise<number> {
  await using opened = await opendir(folder);
  let count = 0;
  while (count <= entriesCounted && (await opened.read()) !== null) count += 1;
  return count;
}

function codeOf(thrown: unknown): string {
  return (thrown as NodeJS.ErrnoException).code ?? String(thrown);
}
