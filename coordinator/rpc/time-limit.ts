// Times as people write them for filters: a day, a time, or a span back from now. PURE.

const hourMs = 3_600_000;
const spanMs: Partial<Record<string, number>> = { h: hourMs, d: 24 * hourMs, w: 7 * 24 * hourMs };
const spanMonths: Partial<Record<string, number>> = { m: 1, y: 12 };
/** The longest span: a hundred thousand hours are eleven years, years of so many never end. */
const amountMax = 100_000;

/** What a text that is no time is told. */
export const timeLimitExpectation =
  'must be a day such as 2024-01-31, a time such as 2024-01-31T08:00:00Z, or a span back from the start of the run such as -90d (h, d, w, m for months, y)';

/** Whether the text is a span back from now. */
export function isSpan(text: string): boolean {
  return text.startsWith('-');
}

/**
 * The time that a text stands for, in milliseconds since 1970: `2024-01-31` is midnight UTC, `-90d` is reckoned back from `nowMs`; months
 * and years keep the day of the month, or take the last one that there is. Undefined for what is no time between the years 1 and 9999.
 */
export function parseTimeLimit(text: string, nowMs: number): number | undefined {
  const timeMs = isSpan(text) ? before(text, nowMs) : at(text);
  return timeMs === undefined || timeMs < firstMs || timeMs > lastMs ? undefined : timeMs;
}

const firstMs = Date.parse('0001-01-01T00:00:00Z');
const lastMs = Date.parse('9999-12-31T23:59:59.999Z');

function at(text: string): number | undefined {
  const [, day, time, zone] =
    /^(\d{4}-\d{2}-\d{2})(?:[Tt](\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?)([Zz]|[+-]\d{2}:\d{2}))?$/.exec(text) ?? []; // oxfmt-ignore
  if (day === undefined || !isDay(day)) return undefined;
  const timeMs = Date.parse(`${day}T${time ?? '00:00:00'}${(zone ?? 'Z').toUpperCase()}`);
  return Number.isNaN(timeMs) ? undefined : timeMs;
}

/** The engine takes the 31st of February for a day in March. */
function isDay(day: string): boolean {
  const timeMs = Date.parse(`${day}T00:00:00Z`);
  return !Number.isNaN(timeMs) && new Date(timeMs).toISOString().startsWith(day);
}

function before(text: string, nowMs: number): number | undefined {
  const [, digits, unit] = /^-(\d{1,6})([hdwmy])$/.exec(text) ?? [];
  const amount = Number(digits);
  if (unit === undefined || amount > amountMax) return undefined;
  const span = spanMs[unit];
  return span === undefined
    ? monthsBefore(amount * spanMonths[unit]!, nowMs)
    : nowMs - amount * span;
}

function monthsBefore(months: number, nowMs: number): number {
  const date = new Date(nowMs);
  const day = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() - months);
  const lastDay = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0));
  date.setUTCDate(Math.min(day, lastDay.getUTCDate()));
  return date.getTime();
}
