// What people call agents; of one that was removed only its id is known.
import type { Reader } from '../store/store.ts';

export class DeviceNames {
  readonly #store: Reader;
  readonly #known = new Map<string, string>();

  constructor(store: Reader) {
    this.#store = store;
  }

  /** All that were asked for, each once. */
  get names(): string[] {
    return [...new Set(this.#known.values())];
  }

  async nameOf(agent: string): Promise<string> {
    if (agent === '') return '';
    const known = this.#known.get(agent);
    if (known !== undefined) return known;
    const row = await this.#store.agent(agent);
    const name = row?.agent?.displayName || agent;
    this.#known.set(agent, name);
    return name;
  }
}
