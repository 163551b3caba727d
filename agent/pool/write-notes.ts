// A thread tells the main thread of a file that changed since the scan, before it appears at the destination as it is now, and waits until
// that is kept: whoever takes the batch over if this agent dies could not tell it from a file that somebody put there.
import type { MessagePort } from 'node:worker_threads';

/** What is about to be written of one item. */
export interface WriteNote {
  /** Below the source. */
  path: string;
  /** Bytes. */
  size: number;
  /** Nanoseconds since 1970. */
  modifiedNs: bigint;
}

/** The thread's end of the port. */
export class WriteNotes implements Disposable {
  readonly #port: MessagePort | undefined;
  readonly #waiting: ((isKept: boolean) => void)[] = [];
  #isClosed = false;

  /** Without a port nobody wants to know. */
  constructor(port: MessagePort | undefined) {
    this.#port = port;
    // Answers come in the order of the notes.
    port?.on('message', (isKept: boolean) => this.#waiting.shift()?.(isKept));
    port?.on('close', () => {
      this.#isClosed = true;
      for (const answer of this.#waiting.splice(0)) answer(false);
    });
  }

  /** Answers whether the note is kept; when it is not, because the job was stopped before that was possible, nothing may be written. */
  async keep(note: WriteNote): Promise<boolean> {
    if (this.#port === undefined) return true;
    if (this.#isClosed) return false;
    const kept = new Promise<boolean>((resolve) => this.#waiting.push(resolve));
    this.#port.postMessage(note);
    return await kept;
  }

  [Symbol.dispose](): void {
    this.#port?.close();
  }
}

/** The main thread's end: `keep` is called for each note, and the thread goes on when it has answered; it never rejects. */
export function answerNotes(port: MessagePort, keep: (note: WriteNote) => Promise<boolean>): void {
  let last = Promise.resolve();
  port.on('message', (note: WriteNote) => {
    last = last.then(() => keep(note)).then((isKept) => port.postMessage(isKept));
  });
}
