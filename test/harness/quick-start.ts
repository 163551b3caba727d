// The quick start as a process, and what is left of its processes.
import { execFile, execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from './folders.ts';

export const quickStartScript = path.join(projectRoot, 'scripts', 'quick-start.ts');

export interface Ended {
  status: number;
  stdout: string;
  stderr: string;
}

/** Runs the quick start to its end, for a person who stands in the folder. */
export function quickStart(folder: string, ...args: string[]): Promise<Ended> {
  const env = { ...process.env, INIT_CWD: folder };
  return new Promise((resolve) =>
    execFile(process.execPath, [quickStartScript, ...args], { env }, (error, stdout, stderr) =>
      resolve({ status: error === null ? 0 : Number(error.code ?? 1), stdout, stderr }),
    ),
  );
}

/** Processes of the project whose command line names the folder. */
export function processesOf(folder: string): number[] {
  return commandLines()
    .filter(
      ([pid, line]) => pid !== process.pid && line.includes('main.ts') && line.includes(folder),
    )
    .map(([pid]) => pid);
}

/** Ends all processes of a folder. */
export async function endProcessesOf(folder: string): Promise<void> {
  for (const pid of processesOf(folder)) process.kill(pid, 'SIGTERM');
  await untilGone(folder);
}

export async function untilGone(folder: string): Promise<void> {
  while (processesOf(folder).length > 0) await new Promise((resolve) => setTimeout(resolve, 50));
}

function commandLines(): [pid: number, line: string][] {
  if (process.platform !== 'linux') {
    const lines = execFileSync('ps', ['-axo', 'pid=,command='], { encoding: 'utf8' }).split('\n');
    return lines.map((line) => [Number.parseInt(line, 10), line]);
  }
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid): [number, string][] => {
    try {
      return [[Number(pid), readFileSync(`/proc/${pid}/cmdline`, 'utf8')]];
    } catch {
      // It ended while we looked.
      return [];
    }
  });
}
