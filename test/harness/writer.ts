// A process that keeps changing a file, a thousand times a second, until it is stopped. Between two changes it sleeps: who waits for the
// processor most of the time gets it at once, also beside others that keep it busy.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

const sleep = `const word = new Int32Array(new SharedArrayBuffer(4));
const sleep = () => Atomics.wait(word, 0, 0, 1);
`;

const programs = {
  /** Adds a byte at the end, again and again. */
  grow: `const file = fs.openSync(process.argv[1], 'a');
    console.log('going');
    for (;; sleep()) fs.writeSync(file, 'x');`,
  /** Takes a byte off the end, again and again. */
  shrink: `let size = fs.statSync(process.argv[1]).size;
    console.log('going');
    for (; size > 0; size--, sleep()) fs.truncateSync(process.argv[1], size);`,
} as const;

/** Starts the writer and answers, when it is going, with how to stop it. */
export async function changeConstantly(
  file: string,
  how: keyof typeof programs,
): Promise<() => Promise<void>> {
  const child = spawn(process.execPath, ['-e', sleep + programs[how], file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  await once(child.stdout, 'data');
  return async () => {
    child.kill('SIGKILL');
    await exited;
  };
}
