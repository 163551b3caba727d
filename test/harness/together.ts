// Test files that share a process. Each can still be run by itself; nothing but the check runs them together.
import path from 'node:path';
import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Turns } from './file-turn.ts';
import { declareTests, nameFile } from './named-test.ts';
import { filesAtOnce, sharersOf, type SharingFolder } from './test-files.ts';

/** Declares the tests of all files that share the process of a folder, with the name of its file before each title. */
export async function runTogether(folder: SharingFolder): Promise<void> {
  const url = new URL('./named-test.ts', import.meta.url).href;
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'ava' && context.parentURL?.endsWith('.test.ts') === true
        ? { url, shortCircuit: true }
        : next(specifier, context),
  });
  // Types are stripped where they stand, so places in sources are right without; looking for maps at every error is dear.
  process.setSourceMapsEnabled(false);
  const turns = new Turns(filesAtOnce[folder]);
  for (const file of sharersOf(folder)) {
    nameFile(path.relative(folder, file), turns);
    await import(pathToFileURL(file).href);
  }
  declareTests();
}
