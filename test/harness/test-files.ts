// Which test files there are, and which of them share a process. Loading Node, ava and what is tested costs a file about a second of
// processor time, which is more than most of them spend on testing.
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';

/**
 * Folders whose test files share a process, and how many of them at once. A file belongs to the deepest that it is in, and has its own
 * without one.
 */
export const filesAtOnce = {
  admin: Infinity,
  agent: Infinity,
  // Each starts a tenant.
  'agent/destination/sharepoint': 1,
  coordinator: Infinity,
  'coordinator/rpc': Infinity,
  emulator: Infinity,
  lib: Infinity,
  scripts: Infinity,
  // They start processes, and wait for them half of the time.
  test: 2,
} as const;

export type SharingFolder = keyof typeof filesAtOnce;
export type FolderOfTurns = (typeof foldersOfTurns)[number];

/**
 * What makes a file run alone where all others of its folder run at once: it takes turns or has hooks for something that is dear; or
 * processes, threads, times or a process's own state matter to it, which the others would disturb.
 */
const wordsOfLoners =
  /\btest\.(serial|before|after)|\b(process\.|spawn|execFile|fork\(|createPool|Worker|TestTenant|performance\.|timeout|memoryUsage)/;

/**
 * Have such a word and mind nobody all the same: they call a program that ends at once, ask who runs them, listen to what is said while they
 * wait for nothing, take away at the end what they have made, or have a method of that name.
 */
const sociable = [
  'agent/credential/http-route.test.ts',
  'agent/credential/sign-in-options.test.ts',
  'agent/source/folder-source.test.ts',
  'agent/source/wide-folder.test.ts',
  'agent/vault/vault.test.ts',
  'scripts/chaos-random.test.ts',
  'scripts/quick-start-options.test.ts',
  'scripts/schema-access.test.ts',
];

/**
 * Have a process of their own in any case. What completes on the command line has to come at once, and what a tenant is asked for, or stopped
 * in, within seconds, which it does not beside others; and Microsoft's client is told whom its whole process trusts.
 */
const apart = [
  'admin/cli/completion.test.ts',
  'agent/destination/sharepoint/resume.test.ts',
  'agent/destination/sharepoint/upload-faults.test.ts',
  'coordinator/trust/entra.test.ts',
  'emulator/graph/official-client.test.ts',
];

/** The loners of these folders have a process together, in which they take turns. */
export const foldersOfTurns = ['agent', 'coordinator', 'emulator'] as const;

const root = path.resolve(import.meta.dirname, '..', '..');
const notOurs = ['node_modules', 'gen', '.drover'];

/** The folders whose test files share a process. */
export const sharingFolders = Object.keys(filesAtOnce) as SharingFolder[];

/** Files that have a process of their own; paths below the project's root. */
export function loners(): string[] {
  return testFiles().filter((file) => folderOf(file) === undefined && folderOfTurns(file) === undefined); // oxfmt-ignore
}

/** Files that take turns in the process of a folder; absolute paths. */
export function turnTakersOf(folder: FolderOfTurns): string[] {
  return testFiles()
    .filter((file) => folderOfTurns(file) === folder)
    .map((file) => path.join(root, file));
}

/** Files that share the process of a folder; absolute paths. */
export function sharersOf(folder: SharingFolder): string[] {
  return testFiles()
    .filter((file) => folderOf(file) === folder)
    .map((file) => path.join(root, file));
}

function testFiles(): string[] {
  const isOurs = (name: string) => !notOurs.includes(name);
  return globSync('**/*.test.ts', { cwd: root, exclude: (name) => !isOurs(name) }).toSorted();
}

function folderOfTurns(file: string): FolderOfTurns | undefined {
  if (apart.includes(file) || folderOf(file) !== undefined) return undefined;
  return foldersOfTurns.find((one) => file.startsWith(`${one}/`));
}

function folderOf(file: string): SharingFolder | undefined {
  if (apart.includes(file)) return undefined;
  const folder = sharingFolders.findLast((one) => file.startsWith(`${one}/`));
  if (folder === undefined || filesAtOnce[folder] < Infinity || sociable.includes(file))
    return folder;
  return wordsOfLoners.test(readFileSync(path.join(root, file), 'utf8')) ? undefined : folder;
}
