// Paths as they stand in messages: a name may hold newlines, escape codes and worse, and a message is read on terminals.

/** The path in double quotes, with control characters as `\xNN` or `\uNNNN`; "the folder itself" for the empty path. */
export function printablePath(path: string): string {
  if (path === '') return 'the folder itself';
  // Direction marks and line separators change how the rest of a line is shown, so they are escaped as well.
  const escaped = path.replace(
    // eslint-disable-next-line no-control-regex
    /[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (character) => {
      const code = character.charCodeAt(0).toString(16);
      return code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u${code.padStart(4, '0')}`;
    },
  );
  return `"${escaped}"`;
}
