// What happened when, on the screen and in a file; and what was wrong, which is what a chaos run is for.
import { appendFileSync } from 'node:fs';

export class ChaosLog {
  /** What was wrong, in the order it was noticed. */
  readonly problems: string[] = [];
  readonly #file: string;
  readonly #startMs = performance.now();

  constructor(file: string) {
    this.#file = file;
  }

  say(text: string): void {
    const line = `[${((performance.now() - this.#startMs) / 1000).toFixed(2).padStart(7)} s] ${text}\n`;
    appendFileSync(this.#file, line);
    process.stdout.write(line);
  }

  /** Only for the file: what happens too often to be shown. */
  note(text: string): void {
    appendFileSync(this.#file, `[${((performance.now() - this.#startMs) / 1000).toFixed(2).padStart(7)} s]   ${text}\n`); // oxfmt-ignore
  }

  problem(text: string): void {
    this.problems.push(text);
    this.say(`WRONG: ${text}`);
  }
}
