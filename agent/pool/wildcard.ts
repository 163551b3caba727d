// PURE. Wildcards without expressions: stars and question marks, in time that grows with the text and not, as with expressions, with every way in
// which the stars could share it. A pattern such as *a*a*a*a*a*b would hold up a thread for longer than anybody lives.

/** Whether a name is one that the pattern means: `*` stands for any characters, `?` for one. */
export function matchesName(pattern: string, name: string): boolean {
  return matches(pattern.length, name.length, {
    isMany: (at) => pattern[at] === '*',
    isOne: (at, index) => pattern[at] === '?' || pattern[at] === name[index],
  });
}

/** The same part for part: `**` stands for any parts, every other one is matched with a name. */
export function matchesPath(parts: readonly string[], names: readonly string[]): boolean {
  return matches(parts.length, names.length, {
    isMany: (at) => parts[at] === '**',
    isOne: (at, index) => matchesName(parts[at]!, names[index]!),
  });
}

interface Tests {
  /** Whether this place of the pattern stands for any number. */
  isMany: (at: number) => boolean;
  /** Whether this place of the pattern stands for that of the text. */
  isOne: (at: number, index: number) => boolean;
}

/** Only the last star has to be tried again: what stands before it cannot do better by taking more. */
function matches(patternLength: number, textLength: number, { isMany, isOne }: Tests): boolean {
  let at = 0;
  let index = 0;
  let starAt = -1;
  let starIndex = 0;
  while (index < textLength) {
    if (at < patternLength && isMany(at)) {
      starAt = at++;
      starIndex = index;
    } else if (at < patternLength && isOne(at, index)) {
      at += 1;
      index += 1;
    } else if (starAt >= 0) {
      at = starAt + 1;
      index = ++starIndex;
    } else return false;
  }
  while (at < patternLength && isMany(at)) at += 1;
  return at === patternLength;
}
