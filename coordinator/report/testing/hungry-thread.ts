// For tests: what a thread runs that needs ever more memory.
import { itemLines, type LinesJob } from '../item-lines.ts';

/** Makes the lines of a job, if it is small. */
export default function makeLines(job: LinesJob): Uint8Array[] {
  const kept: number[][] = [];
  while (job.items > 2000) kept.push(new Array<number>(100_000).fill(kept.length));
  return Array.from(itemLines(job), (piece) => new Uint8Array(piece));
}

export function loaded(): void {}
