// Paths below a source or a destination: whether a text stays below it. Links that stand in the way it cannot tell. PURE.

/**
 * Whether a path names something below the folder that it is joined to: not when it is empty, has an empty part (so a leading, doubled or
 * trailing `/`), `.` or `..` as a part, or a NUL. A backslash is a character like any other.
 */
export function isInside(path: string): boolean {
  return !unsafe.test(path);
}

/**
 * The same for folders of a platform's own file system: Windows takes a backslash for a separator, and what stands after a colon for a stream
 * of the file before it.
 */
export function isInsideOn(platform: NodeJS.Platform, path: string): boolean {
  return isInside(path) && (platform !== 'win32' || !/[\\:]/.test(path));
}

// eslint-disable-next-line no-control-regex
const unsafe = /\x00|(?:^|\/)\.{0,2}(?:\/|$)/;
