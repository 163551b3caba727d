/** The path of the folder that an item is in; empty for the source itself. PURE. */
export function folderOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('/'), 0));
}
