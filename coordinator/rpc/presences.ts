// Since when attached agents are at work, or are not: nobody says so, so it is seen here. Nothing of it is stored.
import type { Clock } from '../../lib/time.ts';
import type { Dispatcher, LiveAgent } from '../dispatch/dispatcher.ts';
import type { Presence } from './agent-view.ts';
import type { ChangeHub } from './change-hub.ts';

interface Seen {
  attachTimeMs: number;
  doing: string;
  sinceMs: number;
}

export interface PresencesParts {
  dispatcher: Pick<Dispatcher, 'liveAgent'>;
  changes: Pick<ChangeHub, 'subscribe'>;
  clock: Clock;
}

export class Presences {
  readonly #parts: PresencesParts;
  /** By the agent's id; those that are attached. */
  readonly #seen = new Map<string, Seen>();

  constructor(parts: PresencesParts) {
    this.#parts = parts;
    parts.changes.subscribe((change) => {
      if (change.kind === 'agent') this.of(change.agent);
    });
  }

  /** Undefined when the agent is not attached. */
  of(agent: string): Presence | undefined {
    const live = this.#parts.dispatcher.liveAgent(agent);
    if (live === undefined) {
      this.#seen.delete(agent);
      return undefined;
    }
    const { attachTimeMs } = live;
    const doing = doingOf(live);
    let seen = this.#seen.get(agent);
    if (seen?.attachTimeMs !== attachTimeMs) seen = { attachTimeMs, doing, sinceMs: attachTimeMs };
    else if (seen.doing !== doing) seen = { attachTimeMs, doing, sinceMs: this.#parts.clock.now() };
    this.#seen.set(agent, seen);
    return { live, sinceMs: seen.sinceMs };
  }
}

function doingOf({ draining, slotsUsed, attention }: LiveAgent): string {
  if (draining) return 'draining';
  if (attention !== undefined) return 'ailing';
  return slotsUsed > 0 ? 'working' : 'nothing';
}
