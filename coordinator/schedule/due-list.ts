// Tasks by the time they are due at, the next one first: a heap, so that thousands of tasks cost nothing until one is due.

interface Entry {
  task: string;
  dueMs: number;
}

/** How many entries that count no more may stand in the heap beside as many that do. */
const slack = 64;

/** Holds at most one time for each task. */
export class DueList {
  readonly #dueMs = new Map<string, number>();
  /** A binary heap; an entry counts only while it is the one of its task. */
  #heap: Entry[] = [];

  /** How many tasks are due at some time. */
  get size(): number {
    return this.#dueMs.size;
  }

  /** When the next task is due; undefined when there is none. */
  get nextMs(): number | undefined {
    this.#dropStale();
    return this.#heap[0]?.dueMs;
  }

  /** Whether a time is set for a task. */
  has(task: string): boolean {
    return this.#dueMs.has(task);
  }

  /** Sets when a task is due, in place of what was set before; undefined: never. */
  set(task: string, dueMs: number | undefined): void {
    if (dueMs === this.#dueMs.get(task)) return;
    if (dueMs === undefined) this.#dueMs.delete(task);
    else {
      this.#dueMs.set(task, dueMs);
      this.#push({ task, dueMs });
    }
    if (this.#heap.length > 2 * this.#dueMs.size + slack) this.#rebuild();
  }

  /** Takes out the next task that is due by `nowMs`; undefined when none is. */
  take(nowMs: number): { task: string; dueMs: number } | undefined {
    this.#dropStale();
    const [first] = this.#heap;
    if (first === undefined || first.dueMs > nowMs) return undefined;
    this.#pop();
    this.#dueMs.delete(first.task);
    return first;
  }

  #dropStale(): void {
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (this.#dueMs.get(first.task) === first.dueMs) return;
      this.#pop();
    }
  }

  #rebuild(): void {
    this.#heap = [...this.#dueMs].map(([task, dueMs]) => ({ task, dueMs }));
    // A sorted list is a heap.
    this.#heap.sort((one, other) => one.dueMs - other.dueMs);
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    for (
      let above = (at - 1) >> 1;
      at > 0 && heap[above]!.dueMs > entry.dueMs;
      above = (at - 1) >> 1
    ) {
      // oxfmt-ignore
      heap[at] = heap[above]!;
      at = above;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      if (left >= heap.length) break;
      const right = left + 1;
      const least = right < heap.length && heap[right]!.dueMs < heap[left]!.dueMs ? right : left;
      if (heap[least]!.dueMs >= last.dueMs) break;
      heap[at] = heap[least]!;
      at = least;
    }
    heap[at] = last;
  }
}
