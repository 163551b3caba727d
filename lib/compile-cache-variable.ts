// For tests that start a program with an environment of its own: compiled code is kept where this process keeps it, because compiling
// all of it anew is half of such a program's start.
import { getCompileCacheDir } from 'node:module';
import path from 'node:path';

/** The variable that tells Node where compiled code is kept; none when this process does not keep it. */
export function compileCacheVariable(): Record<string, string> {
  const folder = getCompileCacheDir();
  // Node names a folder of its version below the one that it is told.
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: path.dirname(folder) };
}
