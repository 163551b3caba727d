// The columns of reports: each says how it stands in a line of CSV and in an object of JSON. PURE.
import type { DescEnum } from '@bufbuild/protobuf';
import { ReportFormat } from '../../gen/drover/v1/report_pb.ts';
import type { Place } from './item-places.ts';
import { byteOrderMark, csvText, timeText } from './report-text.ts';

type TextOf<T> = (row: T) => string;

/** One column of rows of this type. */
export interface Column<T> {
  /** Its title in CSV; empty for one that is in JSON only. */
  title: string;
  /** Its name in JSON; empty for one that is in CSV only. */
  name: string;
  /** The cell of CSV, with the quotes that it needs. */
  csv: TextOf<T>;
  /** The name and the value in JSON, with a comma before them; nothing where the value is empty. */
  json: TextOf<T>;
  /** What the value is made of, where many rows have that in common: while it is the same as in the row before, so is the value. */
  by?: (row: T) => unknown;
}

/** A column of texts, and what becomes of one in CSV and in JSON. */
function column<T>(
  title: string,
  name: string,
  value: TextOf<T>,
  form: { csv: (text: string) => string; json: (text: string) => string },
): Column<T> {
  const key = `,${JSON.stringify(name)}:`;
  const json: TextOf<T> = (row) => {
    const found = value(row);
    return found === '' ? '' : key + form.json(found);
  };
  return { title, name, csv: (row) => form.csv(value(row)), json };
}

const asItIs = (found: string): string => found;
const outside = { csv: csvText, json: (found: string) => JSON.stringify(found) };
const own = { csv: asItIs, json: (found: string) => `"${found}"` };
const bare = { csv: asItIs, json: asItIs };

/** A text that comes from outside, such as a path. */
export function text<T>(title: string, name: string, value: TextOf<T>): Column<T> {
  return column(title, name, value, outside);
}

/** Where an item is. */
export function placed<T>(title: string, name: string, value: (row: T) => Place): Column<T> {
  return { ...text<T>(title, name, (row) => value(row).text), csv: (row) => value(row).csv };
}

/** A text of our own that needs no quotes and is no formula; or a number of 64 bits, which protojson writes as a text. */
export function plain<T>(title: string, name: string, value: TextOf<T>): Column<T> {
  return column(title, name, value, own);
}

/** A number; a negative one, too, is no formula. */
export function number<T>(title: string, name: string, value: TextOf<T>): Column<T> {
  return column(title, name, value, bare);
}

/** A time, in nanoseconds since 1970; 0 where there is none. */
export function time<T>(title: string, name: string, value: (row: T) => bigint): Column<T> {
  return plain(title, name, (row) => {
    const found = value(row);
    return found === 0n ? '' : timeText(found);
  });
}

/** A value of an enum: without its prefix in CSV, whole in JSON; nothing for the unspecified one. */
export function word<T>(
  title: string,
  name: string,
  type: DescEnum,
  value: (row: T) => number,
): Column<T> {
  const key = `,${JSON.stringify(name)}:`;
  const known = new Map(
    type.values.map((one) => [one.number, { csv: one.localName, json: `${key}"${one.name}"` }]),
  );
  known.set(0, { csv: '', json: '' });
  // What a newer version wrote is shown by its number.
  const textsOf = (found: number) => known.get(found) ?? { csv: String(found), json: `${key}${found}` }; // oxfmt-ignore
  return {
    title,
    name,
    csv: (row) => textsOf(value(row)).csv,
    json: (row) => textsOf(value(row)).json,
  };
}

/** A column of Migration Manager for something that Drover does not have. */
export function empty<T>(title: string): Column<T> {
  return { title, name: '', csv: () => '', json: () => '' };
}

/** Makes the lines of a report. */
export interface LineWriter<T> {
  /** Stands before the first line, with what marks the text as UTF-8; empty in JSON. */
  header: string;
  line: TextOf<T>;
}

/** What writes lines in a form. Whoever writes the first line of a report writes the header before it. */
export function lineWriter<T>(format: ReportFormat, columns: readonly Column<T>[]): LineWriter<T> {
  return format === ReportFormat.JSONL ? jsonWriter(columns) : csvWriter(columns);
}

export function csvWriter<T>(columns: readonly Column<T>[]): LineWriter<T> {
  const shown = columns.filter(({ title }) => title !== '');
  const [first = () => '', ...others] = together(shown, 'csv', ',');
  const line = (row: T): string => {
    let made = first(row);
    for (const cells of others) made += `,${cells(row)}`;
    return `${made}\r\n`;
  };
  return {
    header: `${byteOrderMark}${shown.map(({ title }) => csvText(title)).join(',')}\r\n`,
    line,
  };
}

export function jsonWriter<T>(columns: readonly Column<T>[]): LineWriter<T> {
  const named = columns.filter(({ name }) => name !== '');
  const members = together(named, 'json', '');
  const line = (row: T): string => {
    let made = '';
    for (const member of members) made += member(row);
    // Without the comma before the first one.
    return `{${made.slice(1)}}\n`;
  };
  return { header: '', line };
}

/** Neighbours that are made of the same are joined, and made once for all rows that follow each other and have it in common. */
function together<T>(
  columns: readonly Column<T>[],
  form: 'csv' | 'json',
  between: string,
): TextOf<T>[] {
  const found: TextOf<T>[] = [];
  for (let start = 0; start < columns.length;) {
    const { by } = columns[start]!;
    let end = start + 1;
    while (by !== undefined && end < columns.length && columns[end]!.by === by) end += 1;
    const texts = columns.slice(start, end).map((one) => one[form]);
    found.push(by === undefined ? texts[0]! : remembered(texts, by, between));
    start = end;
  }
  return found;
}

function remembered<T>(texts: TextOf<T>[], by: (row: T) => unknown, between: string): TextOf<T> {
  let known: unknown;
  let made = '';
  return (row) => {
    const now = by(row);
    if (now !== known) made = texts.map((text) => text(row)).join(between);
    known = now;
    return made;
  };
}
