// The trees that the bench migrates.
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { deterministicBytes } from './deterministic-bytes.ts';

const filesPerFolder = 200;
const blockBytes = 4 * 1024 * 1024;

/** Makes `files` files of `fileBytes` (at most 4 MiB) each, 200 to a folder; answers with how many folders there are. */
export function makeSmallFiles(folder: string, files: number, fileBytes: number): number {
  const folders = Math.ceil(files / filesPerFolder);
  for (let number = 0; number < files; number++) {
    const inner = path.join(folder, `folder ${Math.floor(number / filesPerFolder)}`);
    if (number % filesPerFolder === 0) mkdirSync(inner, { recursive: true });
    writeFileSync(path.join(inner, `file ${number}.bin`), deterministicBytes(number, fileBytes));
  }
  return folders;
}

/** Makes `files` files of `fileBytes` each, which is a multiple of 4 MiB. */
export function makeLargeFiles(folder: string, files: number, fileBytes: number): void {
  mkdirSync(folder, { recursive: true });
  const blocks = fileBytes / blockBytes;
  for (let number = 0; number < files; number++) {
    const file = openSync(path.join(folder, `large ${number}.bin`), 'wx');
    try {
      for (let block = 0; block < blocks; block++)
        writeSync(file, deterministicBytes(number * blocks + block, blockBytes));
    } finally {
      closeSync(file);
    }
  }
}
