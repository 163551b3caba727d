// A process that keeps changing a file, as fast as it can, until it is stopped.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

const programs = {
  /** Adds a byte at the end, again and again. */
  grow: `const file = fs.openSync(process.argv[1], 'a');
    console.log('going');
    for (;;) fs.writeSync(file, 'x');`,
  /** Takes a byte off the end, again and again. */
  shrink: `let size = fs.statSync(process.argv[1]).size;
    console.log('going');
    for (; size > 0; size--) fs.truncateSync(process.argv[1], size);`,
} as const;

/** Starts the writer and answers, when it is going, with how to stop it. */
export async function changeConstantly(
  file: string,
  how: keyof typeof programs,
): Promise<() => Promise<void>> {
  const child = spawn(process.execPath, ['-e', programs[how], file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  await once(child.stdout, 'data');
  return async () => {
    child.kill('SIGKILL');
    await exited;
  };
}
