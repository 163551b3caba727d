// When a lease is taken from one agent because others would be done with it sooner. PURE.
import { itemUnits, workUnits, type WorkSize } from './work-size.ts';

/** Work that would take its holder no longer than this stays where it is. */
const remainingMsMin = 2_000;
/** How much longer it must take where it is. Its agent loses what it has begun, and others have to be told. */
const gainMin = 1.5;
/** As long as a lease is worked on for less than this, its own speed is not known. */
const ownSpeedAfterMs = 1_000;

/** A lease, as far as the choice needs it. */
export interface Holding {
  size: WorkSize;
  /** What of it is done. */
  done: WorkSize;
  /** How long it is worked on. */
  workedMs: number;
  /** Units a second of one thread of its agent; undefined when it is not known. */
  unitsPerSecond: number | undefined;
}

/** Who has nothing to do. */
export interface Idle {
  threads: number;
  /** Units a second of one thread of them; undefined when it is not known. */
  unitsPerSecond: number | undefined;
}

/** Whether the idle threads, together with the one that has it, would be done with the rest of a lease much sooner. */
export function isWorthTakingBack(holding: Holding, idle: Idle): boolean {
  const speed = speedOf(holding);
  if (speed === undefined || idle.threads === 0) return false;
  const leftUnits = Math.max(workUnits(holding.size) - workUnits(holding.done), 0);
  const hereMs = (leftUnits / speed) * 1000;
  if (hereMs <= remainingMsMin) return false;
  // An agent whose lease is slower than it usually is will be so with another one of it, too.
  const elsewhere = idle.unitsPerSecond ?? speed;
  const leftItems = holding.size.items - holding.done.items;
  // The last item is begun anew by who gets it.
  if (leftItems <= 1) return hereMs > 2 * (workUnits(holding.size) / elsewhere) * 1000;
  const helpers = Math.min(idle.threads, leftItems - 1);
  return hereMs > gainMin * (leftUnits / (speed + helpers * elsewhere)) * 1000;
}

/** Units a second. A lease of which nothing is done after a while has done less than one item in that time. */
function speedOf({ done, workedMs, unitsPerSecond }: Holding): number | undefined {
  if (workedMs < ownSpeedAfterMs) return unitsPerSecond;
  return Math.max(workUnits(done), itemUnits(1)) / (workedMs / 1000);
}
