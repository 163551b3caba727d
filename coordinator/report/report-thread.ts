// What runs in each thread that makes reports.
import { move, transferableSymbol, valueSymbol } from 'piscina';
import { itemLines, type LinesJob } from './item-lines.ts';

/**
 * Makes the lines of a job; its pieces go to the main thread without being copied. What is thrown goes there, too, with its stack: it is always a
 * damaged batch or a bug.
 */
export default function makeLines(job: LinesJob): unknown {
  // The next piece is made where this one is.
  const pieces = Array.from(itemLines(job), (piece) => new Uint8Array(piece));
  return move({
    get [transferableSymbol]() {
      return pieces.map(({ buffer }) => buffer);
    },
    get [valueSymbol]() {
      return pieces;
    },
  });
}

/** When it answers, everything is loaded. */
export function loaded(): void {}
