/**
 * Whether a path below the destination folder stays below it, by its text alone. The agent checks what the text cannot tell:
 * links that stand at the destination. PURE.
 */
export function isInsideDestination(path: string): boolean {
  if (path.includes('\0')) return false;
  return path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}
