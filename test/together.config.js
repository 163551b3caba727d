// Ava's configuration for all tests at once; see harness/test-files.ts.
import { existsSync } from 'node:fs';
import plain from '../ava.config.js';
import { foldersOfTurns, loners, sharingFolders } from './harness/test-files.ts';

const together = [...sharingFolders, ...foldersOfTurns.map((folder) => `${folder}-in-turns`)].map((name) => `test/together/${name.replaceAll('/', '-')}.ts`); // oxfmt-ignore
const missing = together.find((file) => !existsSync(file));
if (missing !== undefined) throw new Error(`${missing} is missing: its tests would not run`);

export default {
  ...plain,
  files: [...together, ...loners()],
  // For nothing at all to end: all tests of a folder begin at once, and on a busy machine it takes a while until the first of them has ended.
  timeout: '5m',
  // What takes long comes first, so that no core is idle while the last file is still at its beginning.
  sortTestFiles: (one, other) => rank(one) - rank(other),
};

/** End-to-end tests, other files that share a process, then single files of some seconds. */
function rank(file) {
  if (file.endsWith('/test/together/test.ts')) return 0;
  return file.includes('/test/together/') ? 1 : 2;
}
