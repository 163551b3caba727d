// The columns of reports: each says how it stands in a line of CSV and in an object of JSON. PURE.
import type { DescEnum } from '@bufbuild/protobuf';
import type { Place } from './item-places.ts';
import type { LineBuffer } from './line-buffer.ts';
import { csvText } from './report-text.ts';

const comma = 0x2c;
const quote = 0x22;
const openBrace = 0x7b;

/** One column of rows of this type. */
export interface Column<T> {
  /** Its title in CSV; empty for one that is in JSON only. */
  title: string;
  /** Its name in JSON; empty for one that is in CSV only. */
  name: string;
  /** Writes the cell of CSV, with the quotes that it needs. */
  csv: (row: T, out: LineBuffer) => void;
  /** Writes the name and the value in JSON, with a comma before them; nothing where the value is empty. */
  json: (row: T, out: LineBuffer) => void;
}

/** A text that comes from outside, such as a path. */
export function text<T>(title: string, name: string, value: (row: T) => string): Column<T> {
  const key = keyOf(name);
  return {
    title,
    name,
    csv: (row, out) => out.putCsvText(value(row)),
    json: (row, out) => {
      const found = value(row);
      if (found === '') return;
      out.put(key);
      out.putJsonText(found);
    },
  };
}

/** Where an item is. */
export function placed<T>(title: string, name: string, value: (row: T) => Place): Column<T> {
  const key = keyOf(name);
  return {
    title,
    name,
    csv: (row, out) => out.putCsvPlace(value(row)),
    json: (row, out) => {
      const { folder, name: last, from } = value(row);
      if (folder === '') return;
      out.put(key);
      out.putJsonText(folder + last.slice(from));
    },
  };
}

/** A text of our own that needs no quotes and is no formula; or a number of 64 bits, which protojson writes as a text. */
export function plain<T>(title: string, name: string, value: (row: T) => string): Column<T> {
  const key = keyOf(name);
  return {
    title,
    name,
    csv: (row, out) => out.put(value(row)),
    json: (row, out) => {
      const found = value(row);
      if (found !== '') putQuoted(out, key, () => out.put(found));
    },
  };
}

/** A number; a negative one, too, is no formula. */
export function number<T>(title: string, name: string, value: (row: T) => string): Column<T> {
  const key = keyOf(name);
  return {
    title,
    name,
    csv: (row, out) => out.put(value(row)),
    json: (row, out) => {
      const found = value(row);
      if (found === '') return;
      out.put(key);
      out.put(found);
    },
  };
}

/** Text of our own that the row writes itself; nothing where it writes nothing. */
export function written<T>(
  title: string,
  name: string,
  write: (row: T, out: LineBuffer) => void,
): Column<T> {
  // oxfmt-ignore
  const key = keyOf(name);
  return {
    title,
    name,
    csv: write,
    json: (row, out) => putQuoted(out, key, () => write(row, out)),
  };
}

/** A number of 64 bits without a sign, which protojson writes as a text; nothing for 0 where that means that there is none. */
export function wide<T>(
  title: string,
  name: string,
  value: (row: T) => bigint,
  isZeroShown: boolean,
): Column<T> {
  // oxfmt-ignore
  return written(title, name, (row, out) => {
    const found = value(row);
    if (found !== 0n || isZeroShown) out.putNumber(found);
  });
}

/** A time, in nanoseconds since 1970; 0 where there is none. */
export function time<T>(title: string, name: string, value: (row: T) => bigint): Column<T> {
  return written(title, name, (row, out) => {
    const found = value(row);
    if (found !== 0n) out.putTime(found);
  });
}

/** A value of an enum: without its prefix in CSV, whole in JSON; nothing for the unspecified one. */
export function word<T>(
  title: string,
  name: string,
  type: DescEnum,
  value: (row: T) => number,
): Column<T> {
  const key = keyOf(name);
  const known = new Map(type.values.map(({ number: index, ...one }) => [index, one]));
  known.delete(0);
  return {
    title,
    name,
    csv: (row, out) => {
      const found = value(row);
      // What a newer version wrote is shown by its number.
      if (found !== 0) out.put(known.get(found)?.localName ?? String(found));
    },
    json: (row, out) => {
      const found = value(row);
      if (found === 0) return;
      const { name: whole } = known.get(found) ?? {};
      out.put(whole === undefined ? `${key}${found}` : `${key}"${whole}"`);
    },
  };
}

/** A column of Migration Manager for something that Drover does not have. */
export function empty<T>(title: string): Column<T> {
  return { title, name: '', csv: () => {}, json: () => {} };
}

function keyOf(name: string): string {
  return `,${JSON.stringify(name)}:`;
}

/** A value in quotes with its key; neither when nothing is written. */
function putQuoted(out: LineBuffer, key: string, write: () => void): void {
  const start = out.length;
  out.put(key);
  out.putByte(quote);
  const before = out.length;
  write();
  if (out.length === before) out.cutTo(start);
  else out.putByte(quote);
}

/** Writes the lines of a report. */
export interface LineWriter<T> {
  /** Stands before the first line; empty in JSON. */
  header: string;
  put: (row: T, out: LineBuffer) => void;
}

export function csvWriter<T>(columns: readonly Column<T>[]): LineWriter<T> {
  const shown = columns.filter(({ title }) => title !== '');
  const cells = shown.map(({ csv }) => csv);
  const put = (row: T, out: LineBuffer): void => {
    for (const cell of cells) {
      cell(row, out);
      out.putByte(comma);
    }
    out.cutTo(out.length - 1);
    out.put('\r\n');
  };
  return { header: `${shown.map(({ title }) => csvText(title)).join(',')}\r\n`, put };
}

export function jsonWriter<T>(columns: readonly Column<T>[]): LineWriter<T> {
  const members = columns.filter(({ name }) => name !== '').map(({ json }) => json);
  const put = (row: T, out: LineBuffer): void => {
    const start = out.length;
    for (const member of members) member(row, out);
    // The comma before the first one.
    if (out.length === start) out.putByte(openBrace);
    else out.setByte(start, openBrace);
    out.put('}\n');
  };
  return { header: '', put };
}
