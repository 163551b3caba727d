// Rows of a CSV file, each with the line it begins on; what separates the cells is found out. PURE.
import { parse } from 'csv-parse';
import type { FileNote, Pause } from './task-file.ts';

export interface CsvRow {
  /** From 1. */
  line: number;
  cells: string[];
}

export interface CsvTable {
  /** Without the lines that are empty. */
  rows: CsvRow[];
  problems: FileNote[];
}

/** Some milliseconds' work, after which others get a turn. */
const sliceBytes = 64 * 1024;
/** The most bytes of one row: a task with everything in it has some 100,000. */
const rowBytesMax = 1024 * 1024;
/** How far the separator is looked for. */
const firstLineMax = 10_000;

/**
 * Reads what can be read, and stops once there are more than `rowsMax` rows. A cell with a quote inside is taken as it is; a quote that is never
 * closed is a problem.
 */
export async function readCsv(text: string, rowsMax: number, pause: Pause): Promise<CsvTable> {
  const table: CsvTable = { rows: [], problems: [] };
  let line = 1;
  let isLost = false;
  const parser = parse({
    delimiter: separatorOf(text.slice(0, firstLineMax)),
    relax_column_count: true,
    relax_quotes: true,
    raw: true,
    max_record_size: rowBytesMax,
    skip_records_with_error: true,
  });
  parser.on('skip', ({ code }: { code: string }, raw: string | undefined) => {
    if (isLost) return;
    isLost = code === 'CSV_MAX_RECORD_SIZE';
    table.problems.push({ line, column: 0, field: '', message: wordsOf(code) });
    line += linesIn(raw ?? '');
  });
  parser.on('data', ({ raw, record }: { raw: string; record: string[] }) => {
    if (isLost) return;
    if (record.some((cell) => cell.trim() !== '')) table.rows.push({ line, cells: record });
    line += linesIn(raw);
  });
  const ended = new Promise((resolve, reject) => parser.on('end', resolve).on('error', reject));
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length && !isLost && table.rows.length <= rowsMax; at += sliceBytes) {
    parser.write(bytes.subarray(at, at + sliceBytes));
    await pause();
  }
  parser.end();
  await ended;
  return table;
}

function wordsOf(code: string): string {
  if (code === 'CSV_QUOTE_NOT_CLOSED')
    return 'a cell of this line begins with a quote that is never closed; all that follows would be part of it';
  if (code === 'CSV_MAX_RECORD_SIZE')
    return `the line has more than ${rowBytesMax} bytes; is a quote not closed?`;
  return `the line cannot be read as CSV (${code})`;
}

/** The separator that the first line has most of, outside of quotes. */
function separatorOf(text: string): string {
  const counts = new Map([',', ';', '\t'].map((separator) => [separator, 0]));
  let isQuoted = false;
  for (const character of text) {
    if (character === '"') isQuoted = !isQuoted;
    else if (isQuoted) continue;
    else if (/[\r\n]/.test(character) && [...counts.values()].some((count) => count > 0)) break;
    else if (counts.has(character)) counts.set(character, counts.get(character)! + 1);
  }
  return [...counts].reduce((best, one) => (one[1] > best[1] ? one : best))[0];
}

function linesIn(raw: string): number {
  return raw.match(/\r\n|\r|\n/g)?.length ?? 0;
}
