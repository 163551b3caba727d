// Texts of reports. PURE.

const comma = 0x2c;
const msPerDay = 86_400_000;
/** Days of which the text is remembered: items that stand together mostly have times that do. */
const daysKeptMax = 10_000;

/** Marks a text as UTF-8 for spreadsheets. */
export const byteOrderMark = '\uFEFF';

/**
 * A text as a cell of RFC 4180. One that a spreadsheet could take for a formula, such as the file name "=cmd()", gets an apostrophe before it,
 * which makes it a text there.
 */
export function csvText(text: string): string {
  if (text === '') return '';
  const defused = beginsFormula(text.charCodeAt(0)) ? `'${text}` : text;
  return /[",\r\n]/.test(defused) ? `"${defused.replaceAll('"', '""')}"` : defused;
}

/** `=`, `+`, `-`, `@`, tab and line breaks, and the wide forms of the first four. */
function beginsFormula(code: number): boolean {
  if (code > 0x40) return code === 0xff1d || code === 0xff0b || code === 0xff0d || code === 0xff20;
  return code < comma
    ? code === 0x2b || code === 0x09 || code === 0x0d || code === 0x0a
    : code === 0x2d || code === 0x3d || code === 0x40;
}

const days = new Map<number, string>();

/** A day since 1970 as the first part of a time, such as `2026-01-31T`. */
export function dayText(day: number): string {
  const known = days.get(day);
  if (known !== undefined) return known;
  if (days.size >= daysKeptMax) days.clear();
  const text = new Date(day * msPerDay).toISOString().slice(0, 11);
  days.set(day, text);
  return text;
}
