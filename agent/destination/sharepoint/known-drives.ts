// What was found out about sites and OneDrives, kept for some minutes: every run and every thread would ask for the same again, and
// nothing of a run can begin before it is answered.

/** A library. */
export interface Drive {
  id: string;
  /** The library's title. */
  name: string;
  /** Without a view's page at its end. */
  webUrl: string;
}

/** Libraries are made and removed now and then; whoever just made one does not wait longer than this. */
const keptMs = 5 * 60_000;
/** How many places are kept; an agent works for few. */
const placesMax = 64;

/** Drives by where they were asked for, such as the address of a site. */
export class KnownDrives {
  readonly #known = new Map<string, { drives: readonly Drive[]; untilMs: number }>();
  /** How often the service was asked. */
  asked = 0;

  /** Undefined when nobody asked lately. */
  get(place: string, nowMs: number): readonly Drive[] | undefined {
    const known = this.#known.get(place);
    return known !== undefined && nowMs < known.untilMs ? known.drives : undefined;
  }

  set(place: string, drives: readonly Drive[], nowMs: number): void {
    this.asked += 1;
    this.#known.delete(place);
    const [oldest] = this.#known.keys();
    if (this.#known.size >= placesMax && oldest !== undefined) this.#known.delete(oldest);
    this.#known.set(place, { drives, untilMs: nowMs + keptMs });
  }

  /** Something was not where it was, or may not be reached any more. */
  clear(): void {
    this.#known.clear();
  }
}
