// What does not work at an agent, whatever it works on.
import type { ErrorReason } from '../../gen/drover/v1/error_pb.ts';

/** Why something does not work, for people. */
export interface Trouble {
  reason: ErrorReason;
  message: string;
}

/** How many troubles are told in words. */
const toldMax = 3;

/** Several in one text. */
export function wordsOf(messages: readonly string[]): string {
  const more = messages.length - toldMax;
  return [...messages.slice(0, toldMax), ...(more > 0 ? [`and ${more} more`] : [])].join('; ');
}
