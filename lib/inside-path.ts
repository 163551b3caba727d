// Paths below a source or a destination: whether a text stays below it. Links that stand in the way it cannot tell. PURE.

/**
 * Whether a path names something below the folder that it is joined to: not when it is empty, has an empty part (so a leading, doubled or
 * trailing `/`), `.` or `..` as a part, or a NUL. A backslash is a character like any other.
 */
export function isInside(path: string): boolean {
  return !unsafe.test(path);
}

// eslint-disable-next-line no-control-regex
const unsafe = /\x00|(?:^|\/)\.{0,2}(?:\/|$)/;
