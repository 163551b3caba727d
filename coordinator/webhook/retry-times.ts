// When an event that could not be delivered is tried again.

const secondMs = 1000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;

/** After the first try that failed, the second, and so on; after the last of these the event is a dead letter. */
export const retryDelaysMs: readonly number[] = [
  5 * secondMs,
  minuteMs,
  5 * minuteMs,
  30 * minuteMs,
  2 * hourMs,
  5 * hourMs,
  10 * hourMs,
];
/** The part of a delay by which it may be longer: who was away is not asked by everybody at once. */
const jitter = 0.2;

/** No wait is longer. */
export const retryDelayMsMax = Math.max(...retryDelaysMs) * (1 + jitter);

/** Milliseconds until the next try of an event that was tried `attempts` times; undefined when there is none. `random` is from 0 up to 1. */
export function retryDelayMs(attempts: number, random: number): number | undefined {
  const delayMs = retryDelaysMs[attempts - 1];
  return delayMs === undefined ? undefined : Math.round(delayMs * (1 + jitter * random));
}
