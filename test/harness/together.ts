// Test files that share a process. Each can still be run by itself; nothing but the check runs them together.
import path from 'node:path';
import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Turns } from './file-turn.ts';
import { declareTests, nameFile } from './named-test.ts';
import { filesAtOnce, sharersOf, turnTakersOf, type FolderOfTurns, type SharingFolder } from './test-files.ts'; // oxfmt-ignore

/** Declares the tests of all files that share the process of a folder, with the name of its file before each title. */
export async function runTogether(folder: SharingFolder): Promise<void> {
  await runFiles(folder, sharersOf(folder), filesAtOnce[folder]);
}

/** The same of the files of a folder that would disturb each other: one file after another. */
export async function runInTurns(folder: FolderOfTurns): Promise<void> {
  await runFiles(folder, turnTakersOf(folder), 1);
}

async function runFiles(folder: string, files: string[], filesAtOnceMax: number): Promise<void> {
  const url = new URL('./named-test.ts', import.meta.url).href;
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'ava' && context.parentURL?.endsWith('.test.ts') === true
        ? { url, shortCircuit: true }
        : next(specifier, context),
  });
  // Types are stripped where they stand, so places in sources are right without; looking for maps at every error is dear.
  process.setSourceMapsEnabled(false);
  const turns = new Turns(filesAtOnceMax);
  for (const file of files) {
    nameFile(path.relative(folder, file), turns);
    await import(pathToFileURL(file).href);
  }
  declareTests();
}
