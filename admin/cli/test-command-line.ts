// For tests: the command line, called in this process, with what it writes.
import { apiFiles } from '../../gen/api.ts';
import { docs } from '../../gen/docs.ts';
import { systemClock } from '../../lib/time.ts';
import { runCommandLine, type CommandLineOptions } from './command-line.ts';

/** What a command did. */
export interface CommandResult {
  status: number;
  stdout: string;
  stderr: string;
}

/** Runs the command line in this process and collects what it writes. */
export async function runWords(
  words: readonly string[],
  more: Partial<CommandLineOptions> = {},
): Promise<CommandResult> {
  const texts = { stdout: '', stderr: '' };
  const collect = (name: keyof typeof texts) => ({
    isTerminal: false,
    columns: 80,
    write: (text: string | Uint8Array) => {
      // Byte for byte: what is in it, such as a byte order mark, is for the test to see.
      texts[name] += typeof text === 'string' ? text : Buffer.from(text).toString();
      return Promise.resolve();
    },
  });
  const status = await runCommandLine({
    words,
    environment: {},
    files: apiFiles,
    docs,
    stdin: (async function* () {})(),
    stdout: collect('stdout'),
    stderr: collect('stderr'),
    clock: systemClock,
    signal: new AbortController().signal,
    retryPausesMs: [1, 1],
    ...more,
  });
  return { status, ...texts };
}
