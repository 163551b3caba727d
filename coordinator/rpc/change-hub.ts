// Changes that watchers may want to see: those of the dispatcher, and those that calls make. Nothing is queued: a watcher is
// told that there is something to read again, and reads it when its turn has come.
import type { Change, Dispatcher } from '../dispatch/dispatcher.ts';

export class ChangeHub {
  readonly #subscribers = new Set<(change: Change) => void>();
  readonly #unsubscribe: () => void;

  constructor(dispatcher: Dispatcher) {
    this.#unsubscribe = dispatcher.subscribe((change) => this.emit(change));
  }

  /** Tells every subscriber. */
  emit(change: Change): void {
    for (const callback of [...this.#subscribers]) callback(change);
  }

  /** Calls back after each change; the answer ends it. */
  subscribe(callback: (change: Change) => void): () => void {
    this.#subscribers.add(callback);
    return () => this.#subscribers.delete(callback);
  }

  close(): void {
    this.#unsubscribe();
    this.#subscribers.clear();
  }
}

/** Remembers that there was something, until it is waited for. */
export class ChangeFlag {
  #raised = false;
  #wake: (() => void) | undefined;

  raise(): void {
    this.#raised = true;
    this.#wake?.();
  }

  /** Lowers the flag as soon as it is up. Rejects with the signal's reason when that aborts. */
  async wait(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (!this.#raised) await this.#untilRaised(signal);
    signal.throwIfAborted();
    this.#raised = false;
  }

  #untilRaised(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#wake = undefined;
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#wake = wake;
      signal.addEventListener('abort', wake, { once: true });
    });
  }
}
