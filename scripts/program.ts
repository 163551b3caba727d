// Runs a program to its end and keeps what it wrote; and what a check that runs programs answers.
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';

export interface Output {
  /** 0 for success; 1 when it was ended by a signal. */
  status: number;
  stdout: string;
  /** Standard output, then standard error. */
  all: string;
}

/** What a step found. */
export interface Finding {
  passed: boolean;
  /** Shown behind the step's name. */
  note?: string;
  /** Shown when the step failed. */
  details?: string;
  /** Single tests in it, which are counted besides the step itself. */
  tests?: { passed: number; failed: number };
}

/** Throws when the program cannot be started, or is not done after `timeoutMs`. */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: { folder: string; timeoutMs: number },
): Promise<Output> {
  const child = spawn(program, args, {
    cwd: options.folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    // Colours are for terminals; what is kept here is read by programs first.
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined },
  });
  const ended = new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
  const written = Promise.all([text(child.stdout), text(child.stderr)]);
  const status = await Promise.race([
    ended,
    delay(options.timeoutMs, undefined, { ref: false }).then(() => undefined),
  ]);
  if (status === undefined) {
    child.kill('SIGKILL');
    throw new Error(
      `${program} ${args.join(' ')} was not done after ${options.timeoutMs / 1000} s`,
    );
  }
  const [stdout, stderr] = await written;
  return { status, stdout, all: stdout + stderr };
}
