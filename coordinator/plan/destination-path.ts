/**
 * Whether a path below the destination folder stays below it, by its text alone. The agent checks what the text cannot tell:
 * links that stand at the destination. PURE.
 */
export function isInsideDestination(path: string): boolean {
  return !escaping.test(path);
}

/** A part that is empty, one dot or two, or a NUL anywhere. */
const escaping = /(?:^|\/)\.{0,2}(?:\/|$)|\0/v;
