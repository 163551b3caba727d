// Keeps what a person signed in to beyond a restart: the refresh token, and so the right to act for them. It is sealed, and only the
// owner of the file can read it.
import { chmodSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { ICachePlugin } from '@azure/msal-node';
import { DroverError } from '../../lib/error.ts';
import type { Logger } from '../../lib/log.ts';
import { makeFolders } from '../../lib/make-folders.ts';
import { writeWholeFile } from '../../lib/write-whole-file.ts';
import type { SealedBox } from '../../lib/sealed-box.ts';

/** MSAL's cache in a sealed file; without one, in memory only. A damaged file is left aside: somebody signs in anew. */
export function tokenCache(file: string | undefined, box: SealedBox, log: Logger): ICachePlugin {
  let content = file === undefined ? '' : readCache(file, box, log);
  return {
    beforeCacheAccess: async (context) => {
      if (content !== '') context.tokenCache.deserialize(content);
    },
    afterCacheAccess: async (context) => {
      if (!context.cacheHasChanged) return;
      content = context.tokenCache.serialize();
      if (file !== undefined) writeCache(file, box.seal(Buffer.from(content)));
    },
  };
}

function readCache(file: string, box: SealedBox, log: Logger): string {
  try {
    const sealed = readFileSync(file);
    chmodSync(file, 0o600);
    const content = box.open(sealed);
    if (content !== undefined) return Buffer.from(content).toString('utf8');
    log.warn({ file }, 'the sign-in that was kept is damaged, or was sealed with another key; sign in anew'); // oxfmt-ignore
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT')
      log.warn({ file, code }, 'the sign-in that was kept cannot be read; sign in anew');
  }
  return '';
}

function writeCache(file: string, content: Uint8Array): void {
  try {
    makeFolders(path.dirname(file), 0o700);
    writeWholeFile(file, content, 0o600);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? '';
    throw DroverError.invalid('--data', `${file} cannot be written (${code})`, cause);
  }
}
