// What is shown of a run's progress never falls: when work is lost that an agent had begun, what was shown stays, until as much is
// done again. PURE.
import type { RunProgress } from '../../gen/drover/v1/run_pb.ts';
import { plannedDone } from '../../lib/planned-done.ts';

/** So many items with so many bytes: of what is planned, done, or said by agents to be done and not reported yet. */
export interface Amount {
  items: bigint;
  bytes: bigint;
}

export class ShownProgress {
  #items = 0n;
  #bytes = 0n;

  /** What to show as in flight, by what really is; no more than what is left to be done. */
  inFlight(progress: RunProgress, real: Amount): Amount {
    const itemsDone = plannedDone(progress);
    const bytesDone = progress.succeededBytes + progress.failedBytes;
    const items = atMost(most(real.items, this.#items - itemsDone), progress.plannedItems - itemsDone); // oxfmt-ignore
    const bytes = atMost(most(real.bytes, this.#bytes - bytesDone), progress.plannedBytes - bytesDone); // oxfmt-ignore
    this.#items = most(this.#items, itemsDone + items);
    this.#bytes = most(this.#bytes, bytesDone + bytes);
    return { items, bytes };
  }
}

const most = (one: bigint, other: bigint): bigint => (one > other ? one : other);

/** No less than nothing. */
function atMost(value: bigint, limit: bigint): bigint {
  return most(value < limit ? value : limit, 0n);
}
