// The computer's own programs for services, behind one interface, so that the rest is tested without them.
import { execFile } from 'node:child_process';

/** What a program said. */
export interface Answer {
  /** Undefined when there is no such program. */
  status: number | undefined;
  /** Both outputs. */
  text: string;
}

/** What the commands have to know of the computer. */
export interface Computer {
  platform: NodeJS.Platform;
  /** Undefined where there are no such numbers. */
  userId: number | undefined;
  homeFolder: string;
  /** Where user units lie when it is not below the home folder: $XDG_CONFIG_HOME. */
  configFolder: string | undefined;
  /** Where system units lie. */
  systemUnits: string;
  /** Where systemd looks for sealed credentials. */
  sealedCredentials: string;
  node: string;
  program: string;
  run(program: string, args: readonly string[]): Promise<Answer>;
}

/** Longer than it takes to stop an agent in order. */
const runMsMax = 360_000;

export function runProgram(program: string, args: readonly string[]): Promise<Answer> {
  return new Promise((resolve) => {
    execFile(
      program,
      [...args],
      { timeout: runMsMax, windowsHide: true },
      (error, stdout, stderr) => {
        const text = `${stdout}${stderr}`.trim();
        const code = error === null ? 0 : error.code;
        if (code === 'ENOENT') resolve({ status: undefined, text: '' });
      else resolve({ status: typeof code === 'number' ? code : 1, text: text || String(error?.message ?? '') }); // oxfmt-ignore
      },
    );
  });
}
