// What a second item of the same name is called, wherever one has to stand beside another. PURE.

/** The name that is tried as the `number`th of its kind: the number stands before a file's extension. */
export function numberedName(name: string, kind: 'file' | 'folder', number: number): string {
  const dot = kind === 'file' ? name.lastIndexOf('.') : -1;
  const end = dot > 0 ? dot : name.length;
  return `${name.slice(0, end)} (${number})${name.slice(end)}`;
}
