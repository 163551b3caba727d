/** The folder that a path lies in; empty for what lies in none: the source or the destination itself. PURE. */
export function parentFolder(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}
