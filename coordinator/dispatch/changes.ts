// Who wants to know that something changed. A change carries no state: whoever hears of it reads what is now.
import type { Change } from './dispatcher.ts';

export class Changes {
  readonly #subscribers = new Set<(change: Change) => void>();

  /** Calls back at each change; the answer ends it. */
  subscribe(callback: (change: Change) => void): () => void {
    this.#subscribers.add(callback);
    return () => this.#subscribers.delete(callback);
  }

  emit(change: Change): void {
    for (const callback of this.#subscribers) callback(change);
  }
}
