// Others write to the same folder at the same moment, and the service refuses one of them: its check is on the folder, and says nothing
// about the item. Whoever was refused tries again, after a pause that is partly chance.
import type { Clock } from '../../../lib/time.ts';
import { pause } from '../../../lib/time.ts';
import { GraphFailure } from './graph-error.ts';

const raceTriesMax = 8;
const racePauseMs = 300;

/** Calls until nobody comes in between; throws what the call throws when that is something else, or never ends. */
export async function throughRaces<T>(
  call: () => Promise<T>,
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await call();
    } catch (thrown) {
      if (!isRace(thrown) || tries >= raceTriesMax) throw thrown;
      await pause(clock, racePauseMs * tries * (1 + Math.random()), signal);
      signal.throwIfAborted();
    }
  }
}

/** Where the call has an If-Match, "modified" may be about the item as well: then the call looks at it anew each time. */
function isRace(thrown: unknown): boolean {
  return thrown instanceof GraphFailure && thrown.has('resourceModified');
}
