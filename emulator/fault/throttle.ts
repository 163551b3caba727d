// SharePoint's throttling as arithmetic: resource units of one application in a window of a minute and one of a day. Pure: the
// time is an argument.

export interface ThrottleLimits {
  /** Undefined is no limit. */
  unitsPerMinute: number | undefined;
  unitsPerDay: number | undefined;
  /** Whether a call that is refused uses up units all the same. */
  countRefused: boolean;
}

/** A window begins with the first call after the one before it ended. */
export interface ThrottleWindow {
  startMs: number;
  usedUnits: number;
}

/** One application's use. */
export interface ThrottleState {
  minute: ThrottleWindow;
  day: ThrottleWindow;
}

export interface ThrottleVerdict {
  state: ThrottleState;
  /** Set when the call is refused: the whole seconds after which it is worth trying again. */
  retryAfterSeconds?: number;
  /** The RateLimit headers; empty below four fifths of the minute's limit, and when the day's limit is what refuses. */
  headers: Record<string, string>;
}

export const minuteMs = 60_000;
export const dayMs = 24 * 60 * minuteMs;

/** From this part of the minute's limit on, answers say how much is left. */
const announcedFrom = 0.8;

/** A state in which nothing has been used. */
export const unusedState: ThrottleState = {
  minute: { startMs: -Infinity, usedUnits: 0 },
  day: { startMs: -Infinity, usedUnits: 0 },
};

/** Charges a call that costs `units`. */
export function charge(
  before: ThrottleState,
  units: number,
  nowMs: number,
  limits: ThrottleLimits,
): ThrottleVerdict {
  const minute = windowAt(before.minute, minuteMs, nowMs);
  const day = windowAt(before.day, dayMs, nowMs);
  const minuteExceeded = exceeds(minute, units, limits.unitsPerMinute);
  const dayExceeded = exceeds(day, units, limits.unitsPerDay);
  const refused = minuteExceeded || dayExceeded;
  const charged = refused && !limits.countRefused ? 0 : units;
  const state = { minute: add(minute, charged), day: add(day, charged) };
  const minuteLeft = secondsLeft(minute, minuteMs, nowMs);
  if (!refused) return { state, headers: rateLimit(state.minute, minuteLeft, limits) };
  if (dayExceeded) return { state, retryAfterSeconds: secondsLeft(day, dayMs, nowMs), headers: {} };
  return {
    state,
    retryAfterSeconds: minuteLeft,
    headers: { ...rateLimit(state.minute, minuteLeft, limits), 'RateLimit-Remaining': '0' },
  };
}

function windowAt(window: ThrottleWindow, lengthMs: number, nowMs: number): ThrottleWindow {
  return nowMs - window.startMs < lengthMs ? window : { startMs: nowMs, usedUnits: 0 };
}

function exceeds(window: ThrottleWindow, units: number, limit: number | undefined): boolean {
  return limit !== undefined && window.usedUnits + units > limit;
}

function add({ startMs, usedUnits }: ThrottleWindow, units: number): ThrottleWindow {
  return { startMs, usedUnits: usedUnits + units };
}

function secondsLeft({ startMs }: ThrottleWindow, lengthMs: number, nowMs: number): number {
  return Math.max(1, Math.ceil((startMs + lengthMs - nowMs) / 1000));
}

function rateLimit(
  { usedUnits }: ThrottleWindow,
  resetSeconds: number,
  { unitsPerMinute: limit }: ThrottleLimits,
): Record<string, string> {
  if (limit === undefined || usedUnits < limit * announcedFrom) return {};
  return {
    'RateLimit-Limit': String(limit),
    'RateLimit-Remaining': String(Math.max(0, limit - usedUnits)),
    'RateLimit-Reset': String(resetSeconds),
  };
}
