// Texts of reports. PURE.

const comma = 0x2c;
const secondsPerDay = 86_400;
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
  return needsQuotes(defused) ? `"${defused.replaceAll('"', '""')}"` : defused;
}

/** Whether a cell with this text in it stands in quotes. */
export function needsQuotes(text: string): boolean {
  return /[",\r\n]/.test(text);
}

/** `=`, `+`, `-`, `@`, tab and line breaks, and the wide forms of the first four. */
function beginsFormula(code: number): boolean {
  if (code > 0x40) return code === 0xff1d || code === 0xff0b || code === 0xff0d || code === 0xff20;
  return code < comma
    ? code === 0x2b || code === 0x09 || code === 0x0d || code === 0x0a
    : code === 0x2d || code === 0x3d || code === 0x40;
}

/**
 * R0 for the first run of a task, as Migration Manager counts them.
 * @param run tasks/{task}/runs/{run}
 */
export function roundOf(run: string): string {
  return `R${Number(run.slice(run.lastIndexOf('/') + 1)) - 1}`;
}

/*
 * Numbers as parts of times, each made once: V8 keeps the texts of numbers that it makes for a while, and every collection of garbage copies them.
 */
const clockTexts = Array.from({ length: 1440 }, (_, minute) => `${padded(Math.floor(minute / 60), 2)}:${padded(minute % 60, 2)}:`); // oxfmt-ignore
const secondTexts = Array.from({ length: 60 }, (_, second) => padded(second, 2));
const thousandthTexts = Array.from({ length: 1000 }, (_, value) => padded(value, 3));

function padded(value: number, digits: number): string {
  return String(value).padStart(digits, '0');
}

/**
 * A time as protojson writes it, in UTC: with no fraction of a second, or one of 3, 6 or 9 digits.
 * @param nanoseconds since 1970, of 64 bits
 */
export function timeText(nanoseconds: bigint): string {
  split(nanoseconds);
  const { seconds, rest } = parts;
  const day = Math.floor(seconds / secondsPerDay);
  const second = seconds - day * secondsPerDay;
  const minute = Math.floor(second / 60);
  // In this order most of the steps are short texts, which cost less than long ones.
  const clock = clockTexts[minute]! + secondTexts[second - minute * 60]!;
  return dayText(day) + clock + fractionText(rest);
}

/** The fraction of a second with its dot, where there is one, and the end of the time. */
function fractionText(nanoseconds: number): string {
  if (nanoseconds === 0) return 'Z';
  const micros = Math.floor(nanoseconds / 1000);
  const millis = Math.floor(micros / 1000);
  const nano = nanoseconds - micros * 1000;
  const micro = micros - millis * 1000;
  const text = `.${thousandthTexts[millis]}`;
  if (nano === 0 && micro === 0) return `${text}Z`;
  if (nano === 0) return `${text}${thousandthTexts[micro]}Z`;
  return `${text}${thousandthTexts[micro]}${thousandthTexts[nano]}Z`;
}

const days = new Map<number, string>();

/** A day since 1970 as the first part of a time, such as `2026-01-31T`. */
function dayText(day: number): string {
  const known = days.get(day);
  if (known !== undefined) return known;
  if (days.size >= daysKeptMax) days.clear();
  const text = new Date(day * msPerDay).toISOString().slice(0, 11);
  days.set(day, text);
  return text;
}

const halves = new DataView(new ArrayBuffer(8));
/** Where the last `split` left its answer; an object for each would be garbage at once. */
const parts = { seconds: 0, rest: 0 };

/**
 * Splits nanoseconds into seconds and the rest, which is not negative. As two numbers of 32 bits: arithmetic with a bigint makes new ones. With
 * 2^32 = 4 * 10^9 + 294,967 * 1000 + 296 no step leaves what a number holds exactly.
 */
function split(nanoseconds: bigint): void {
  halves.setBigInt64(0, nanoseconds);
  const high = halves.getInt32(0);
  const thousands = high * 294_967;
  const millions = Math.floor(thousands / 1_000_000);
  const rest = (thousands - millions * 1_000_000) * 1000 + high * 296 + halves.getUint32(4);
  const carried = Math.floor(rest / 1_000_000_000);
  parts.seconds = high * 4 + millions + carried;
  parts.rest = rest - carried * 1_000_000_000;
}
