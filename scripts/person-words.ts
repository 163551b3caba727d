// What a program writes to its log for a person: its logs are lines of JSON, so every other line is such a word. A sign-in code is
// one, which has to be shown while the program waits for it.
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const lookMs = 100;
const blockBytes = 64 * 1024;

/** All words for a person that stand in a log. */
export function personWords(logFile: string): string {
  return readFileSync(logFile, 'utf8').split('\n').filter(isForPerson).join('\n');
}

/** Shows each line that is written for a person, from the log's beginning on, until the signal aborts. */
export async function followPersonWords(
  logFile: string,
  show: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const log = openSync(logFile, 'r');
  try {
    const block = Buffer.alloc(blockBytes);
    const decoder = new TextDecoder();
    let rest = '';
    while (!signal.aborted) {
      const length = readSync(log, block);
      if (length === 0) await delay(lookMs, undefined, { signal }).catch(() => undefined);
      const lines = (rest + decoder.decode(block.subarray(0, length), { stream: true })).split(
        '\n',
      );
      rest = lines.pop() ?? '';
      for (const line of lines.filter(isForPerson)) show(line);
    }
  } finally {
    closeSync(log);
  }
}

function isForPerson(line: string): boolean {
  return line !== '' && !line.startsWith('{');
}
