// Values as a person reads them. Whatever comes from a file system goes through escapeControl
// before it reaches a terminal: a file's name must never move the cursor, change a colour or turn
// the reading direction.

/** An amount of bytes, such as `512 B`, `1.5 KiB` or `213 MiB`. Below zero counts as zero. */
export function formatBytes(bytes: bigint | number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];
  let value = Math.max(0, Number(bytes));
  let unit = 0;
  // 1023.95 would be shown as 1024.0, so the step to the next unit comes a little before the full
  // 1024.
  while (value >= (unit === 0 ? 1024 : 1023.5) && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

/**
 * A span of time, such as `0.4 s`, `12 s`, `3 min 05 s`, `2 h 07 min` or `3 d 04 h`. Below zero
 * counts as zero.
 */
export function formatDuration(durationMs: number): string {
  const seconds = Math.max(0, durationMs) / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${twoDigits(whole % 60)} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)} h ${twoDigits(minutes % 60)} min`;
  const hours = Math.floor(minutes / 60);
  return `${Math.floor(hours / 24)} d ${twoDigits(hours % 24)} h`;
}

/** A text of at most so many characters: a longer one is cut, which is shown. What is no Unicode in it is replaced. */
export function shorten(text: string, lengthMax: number): string {
  if (text.length <= lengthMax) return text.toWellFormed();
  return `${text.slice(0, lengthMax - 1).toWellFormed()}…`;
}

/** A whole number with its thousands set apart, such as `12,345`. */
export function formatCount(count: bigint | number): string {
  // Made when it is needed first: it takes as long as loading a dozen modules.
  countFormat ??= new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
  return countFormat.format(typeof count === 'number' ? Math.round(count) : count);
}

let countFormat: Intl.NumberFormat | undefined;

/**
 * The text with everything that could act on a terminal written out: control characters, DEL, the
 * C1 controls, line and paragraph separators, characters that turn the reading direction, and
 * halves of surrogate pairs. A backslash stays a backslash, so that Windows paths can be read and
 * copied.
 */
export function escapeControl(text: string): string {
  return text.replace(acting, (character) => {
    const short = shortEscapes[character];
    if (short !== undefined) return short;
    const code = character.charCodeAt(0);
    return code <= 0xff
      ? `\\x${code.toString(16).padStart(2, '0')}`
      : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

const acting = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
const shortEscapes: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/**
 * How many columns of a terminal the text takes: none for combining marks, two for wide characters.
 */
export function displayWidth(text: string): number {
  if (plain.test(text)) return text.length;
  let width = 0;
  for (const { segment } of segmentsOf(text))
    width += invisible.test(segment) ? 0 : wide.test(segment) ? 2 : 1;
  return width;
}

/** The text cut to at most `columns` columns, with an ellipsis where something was cut off. */
export function cutToWidth(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  let cut = '';
  let width = 0;
  for (const { segment } of segmentsOf(text)) {
    width += displayWidth(segment);
    if (width > columns - 1) break;
    cut += segment;
  }
  return columns < 1 ? '' : `${cut}…`;
}

/** The text followed by as many spaces as it takes to fill `columns` columns. */
export function padToWidth(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - displayWidth(text)));
}

const plain = /^[\x20-\x7e]*$/;
const invisible = /^[\p{Mn}\p{Me}\p{Cf}]+$/u;
const wide =
  /[\p{Emoji_Presentation}\ufe0f\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]/u;

/** What a reader takes for one character each. */
function segmentsOf(text: string): Intl.Segments {
  // Made when it is needed first, as above.
  segmenter ??= new Intl.Segmenter('en', { granularity: 'grapheme' });
  return segmenter.segment(text);
}

let segmenter: Intl.Segmenter | undefined;

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
