// Garbage of reports, collected where it is cheap. What Connect makes of a piece on its way out stands outside the heap, and little in it: V8
// sees memory grow and a young generation that is not full, and looks through the whole heap for what is free, several times a second in a
// large report. That takes a fifth of its processor time and 40 MiB.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** So much is sent before the young generation is collected, in bytes; from twice that on V8 begins with the whole heap. */
const sentMax = 2 * 1024 * 1024;

type Collect = (options: { type: 'minor' }) => void;

let collect: Collect | undefined;

export class YoungGarbage {
  #sent = 0;

  /** Counts what was sent. */
  sent(bytes: number): void {
    this.#sent += bytes;
    if (this.#sent < sentMax) return;
    this.#sent = 0;
    collect ??= collector();
    collect({ type: 'minor' });
  }
}

/** V8 gives it to what is made while the flag is set. */
function collector(): Collect {
  setFlagsFromString('--expose-gc');
  const found = runInNewContext('gc') as Collect;
  setFlagsFromString('--no-expose-gc');
  return found;
}
