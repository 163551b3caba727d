// Two computers whose clocks differ: from when on that is trouble, and its words. PURE.
import { formatDuration } from '../../lib/format.ts';

/** Certificates and tokens are taken for wrong when clocks differ by more. */
export const clockSkewMsMax = 5 * 60_000;

/** What to do about it. */
export const clockSkewAdvice =
  'Set the clocks of both computers by the same time service; certificates and tokens are refused otherwise.';

/** What is wrong, `aheadMs` being how much later it is at the coordinator; undefined when nothing is. */
export function clockSkewWords(aheadMs: number): string | undefined {
  if (Math.abs(aheadMs) <= clockSkewMsMax) return undefined;
  const away = formatDuration(Math.abs(aheadMs));
  return `this computer's clock is ${away} ${aheadMs > 0 ? 'behind' : 'ahead of'} the coordinator's`;
}
