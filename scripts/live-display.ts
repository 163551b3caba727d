// Shows a run while it goes: drawn over itself on a terminal, a line now and then where it is not one.
import type { Run } from '../gen/drover/v1/run_pb.ts';
import { hasEnded, progressLine, renderProgress } from '../lib/progress-view.ts';

/** Lines are not printed more often than this. */
const linePauseMs = 1000;
const columnsDefault = 80;

/** What a display writes to: process.stdout, or a test's stand-in. */
export interface Screen {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

export class LiveDisplay {
  readonly #screen: Screen;
  readonly #now: () => number;
  #drawnLines = 0;
  #printed = '';
  #printedAtMs = -Infinity;

  /** `now` answers with milliseconds of any clock that does not jump. */
  constructor(screen: Screen, now: () => number) {
    this.#screen = screen;
    this.#now = now;
  }

  show(run: Run): void {
    if (this.#screen.isTTY === true) this.#draw(run);
    else this.#print(run);
  }

  #draw(run: Run): void {
    // One column is left free: a terminal may begin a new line by itself when the last one is written to.
    const lines = renderProgress(run, (this.#screen.columns || columnsDefault) - 1);
    const back = this.#drawnLines > 0 ? `\x1b[${this.#drawnLines}A\r\x1b[J` : '';
    this.#drawnLines = lines.length;
    this.#screen.write(`${back}${lines.join('\n')}\n`);
  }

  #print(run: Run): void {
    const line = progressLine(run);
    const isDue = hasEnded(run) || this.#now() - this.#printedAtMs >= linePauseMs;
    if (line === this.#printed || !isDue) return;
    this.#printed = line;
    this.#printedAtMs = this.#now();
    this.#screen.write(`${line}\n`);
  }
}
