// The items of a drive in the order of their last change, which is what delta reads. An item that changes again leaves a
// stale entry behind; they are swept out once they are more than the others.
import type { Item } from './item.ts';

/** Ordered by sequence; only the last entry of an item counts. */
export class ChangeLog {
  #entries: { sequence: number; item: Item }[] = [];
  #items = new Set<Item>();

  /** Enters an item that has just got a higher sequence than all before. */
  add(item: Item): void {
    this.#items.add(item);
    this.#entries.push({ sequence: item.sequence, item });
    if (this.#entries.length > 2 * this.#items.size + 64) this.#sweep();
  }

  /** The next items that changed after a sequence, at most `count`. */
  after(sequence: number, count: number, isWanted: (item: Item) => boolean): Item[] {
    const found: Item[] = [];
    for (let at = this.#indexAfter(sequence); at < this.#entries.length; at++) {
      const entry = this.#entries[at]!;
      if (!this.#isLive(entry) || !isWanted(entry.item)) continue;
      found.push(entry.item);
      if (found.length === count) break;
    }
    return found;
  }

  /** The sequence of the last change before a time. */
  sequenceAt(timeMs: number): number {
    const live = this.#entries.filter((entry) => this.#isLive(entry));
    return live.findLast(({ item }) => item.changedMs < timeMs)?.sequence ?? 0;
  }

  #isLive({ sequence, item }: { sequence: number; item: Item }): boolean {
    return item.sequence === sequence && this.#items.has(item);
  }

  #indexAfter(sequence: number): number {
    let low = 0;
    for (let high = this.#entries.length; low < high;) {
      const middle = (low + high) >> 1;
      if (this.#entries[middle]!.sequence <= sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #sweep(): void {
    this.#entries = this.#entries.filter((entry) => this.#isLive(entry));
  }
}
