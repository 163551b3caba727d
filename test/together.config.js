// Ava's configuration for all tests at once; see harness/test-files.ts.
import { existsSync } from 'node:fs';
import plain from '../ava.config.js';
import { loners, sharingFolders } from './harness/test-files.ts';

const together = sharingFolders.map((folder) => `test/together/${folder.replace('/', '-')}.ts`);
const missing = together.find((file) => !existsSync(file));
if (missing !== undefined) throw new Error(`${missing} is missing: its tests would not run`);

export default { ...plain, files: [...together, ...loners()] };
