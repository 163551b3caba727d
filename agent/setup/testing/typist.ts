// A person at a terminal, for tests: waits for words on the screen, and types.
import { PassThrough } from 'node:stream';
import type { Terminal } from '../prompt-asker.ts';

export const keys = { enter: '\r', down: '\u001B[B', ctrlC: '\u0003', ctrlD: '\u0004' };

export class Typist {
  readonly #input = new PassThrough();
  readonly #output = new PassThrough();
  readonly #ended = new AbortController();
  readonly #waiting = new Set<() => void>();
  /** All that was ever shown. */
  screen = '';
  /** What was seen already. */
  #seen = 0;

  constructor() {
    // A terminal does not end with a prompt.
    this.#output.end = () => this.#output;
    this.#output.setEncoding('utf8');
    this.#output.on('data', (text: string) => {
      this.screen += text;
      for (const look of this.#waiting) look();
    });
  }

  get terminal(): Terminal {
    return { input: this.#input, output: this.#output, signal: this.#ended.signal };
  }

  /** As a signal from elsewhere. */
  stop(): void {
    this.#ended.abort();
  }

  /** Waits for words that come after those that were waited for last, then types. */
  async answer(words: string, ...typed: string[]): Promise<void> {
    await this.see(words);
    // A prompt takes keys once it has been shown; the turn in which it is lets it get there.
    await new Promise((resolve) => setImmediate(resolve));
    for (const text of typed) this.#input.write(text);
  }

  see(words: string): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        const at = this.screen.indexOf(words, this.#seen);
        if (at < 0) return;
        this.#seen = at + words.length;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }
}
