// Which test files there are, and which of them share a process. Loading Node, ava and what is tested costs a file about a second of
// processor time, which is more than most of them spend on testing.
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Folders whose test files share a process. A file belongs to the deepest that it is in, and has its own without one. */
export const sharingFolders = [
  'admin',
  'agent',
  'coordinator',
  'coordinator/rpc',
  'emulator',
  'lib',
  'scripts',
] as const;

export type SharingFolder = (typeof sharingFolders)[number];

/**
 * What makes a file run alone: it takes turns or has hooks, which would hold for all in its process; or processes, threads,
 * times or a process's own state matter to it, which the others would disturb.
 */
const wordsOfLoners =
  /\btest\.(serial|before|after)|\b(process\.|spawn|execFile|fork\(|createPool|Worker|TestTenant|performance\.|timeout|memoryUsage)/;

/**
 * Have such a word and mind nobody all the same: they call a program that ends at once, ask who runs them, take away at the end what they
 * have made, or have a method of that name.
 */
const sociable = [
  'agent/credential/http-route.test.ts',
  'agent/credential/sign-in-options.test.ts',
  'agent/source/folder-source.test.ts',
  'agent/source/wide-folder.test.ts',
  'agent/vault/vault.test.ts',
  'scripts/chaos-random.test.ts',
  'scripts/schema-access.test.ts',
];

/**
 * What completes on the command line has to come at once, and what a tenant is asked for within seconds; neither does when others keep the
 * process busy.
 */
const impatient = ['admin/cli/completion.test.ts', 'coordinator/trust/entra.test.ts'];

const root = path.resolve(import.meta.dirname, '..', '..');
const notOurs = ['node_modules', 'gen', '.drover'];

/** Files that have a process of their own; paths below the project's root. */
export function loners(): string[] {
  return testFiles().filter((file) => folderOf(file) === undefined);
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

function folderOf(file: string): SharingFolder | undefined {
  if (impatient.includes(file)) return undefined;
  const text = readFileSync(path.join(root, file), 'utf8');
  if (wordsOfLoners.test(text) && !sociable.includes(file)) return undefined;
  return sharingFolders.findLast((folder) => file.startsWith(`${folder}/`));
}
