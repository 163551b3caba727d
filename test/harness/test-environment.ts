// Where the processes of a test run keep what they write: temporary folders in memory when there is room, because a synced write to a
// disk costs milliseconds and one to memory microseconds, and compiled code where the npm scripts keep it, too.
import { chmodSync, mkdirSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import path from 'node:path';

const memoryFolder = '/dev/shm';
/** What the tests of two processes use at once is a tenth of it. */
const memoryRoomBytes = 4 * 1024 ** 3;
const namePrefix = 'drover-tests-';

/** Variables for ava's children; what the person who starts it has set counts. */
export function testEnvironment(): Record<string, string> {
  const { TMPDIR = makeMemoryFolder(), NODE_COMPILE_CACHE = compileCache() } = process.env;
  return { NODE_COMPILE_CACHE, ...(TMPDIR === undefined ? {} : { TMPDIR }) };
}

function compileCache(): string {
  return path.resolve(import.meta.dirname, '..', '..', '.drover', 'compile-cache');
}

/** A folder in memory that goes with this process; undefined where memory is no file system, or is scarce. */
function makeMemoryFolder(): string | undefined {
  try {
    removeAbandoned();
    const { bavail, bsize } = statfsSync(memoryFolder);
    if (bavail * bsize < memoryRoomBytes) return undefined;
    const folder = path.join(memoryFolder, `${namePrefix}${process.pid}`);
    mkdirSync(folder);
    // Tests start agents as other users.
    chmodSync(folder, 0o1777);
    process.on('exit', () => remove(folder));
    return folder;
  } catch {
    return undefined;
  }
}

/** Takes away what a run has left that was killed. */
function removeAbandoned(): void {
  for (const name of readdirSync(memoryFolder).filter((entry) => entry.startsWith(namePrefix)))
    if (!isAlive(Number(name.slice(namePrefix.length)))) remove(path.join(memoryFolder, name));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function remove(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  } catch {
    // A process that is still ending may write into it; the next run takes it away.
  }
}
