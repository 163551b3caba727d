// What is known about the room at a destination that has little left. A file that found none is a reason not to send others that are as
// large: a hundred thousand uploads in vain would be a burden on a service that throttles, and each takes as long as a good one. Smaller
// files may still find room, and after a while somebody may have made some.

/** After so long the next file is tried again, whatever its size. */
const forgottenMs = 30_000;
/** How many runs are remembered; an agent works for few at a time. */
const runsMax = 16;

/** For one run, in one thread. */
export class Room {
  #refusedBytes = Infinity;
  #untilMs = 0;

  /** The destination had no room for a file of this size. */
  refused(bytes: number, nowMs: number): void {
    this.#refusedBytes = nowMs < this.#untilMs ? Math.min(this.#refusedBytes, bytes) : bytes;
    this.#untilMs = nowMs + forgottenMs;
  }

  /** The size for which there was no room shortly before, where a file of `bytes` needs as much; undefined: it is worth trying. */
  tooSmallFor(bytes: number, nowMs: number): number | undefined {
    if (nowMs >= this.#untilMs || bytes < this.#refusedBytes) return undefined;
    return this.#refusedBytes;
  }
}

const rooms = new Map<string, Room>();

/** What this thread knows about the room at the destination of a run, tasks/{task}/runs/{run}. */
export function roomOf(run: string): Room {
  let room = rooms.get(run);
  if (room === undefined) {
    room = new Room();
    const [oldest] = rooms.keys();
    if (rooms.size >= runsMax && oldest !== undefined) rooms.delete(oldest);
    rooms.set(run, room);
  }
  return room;
}
