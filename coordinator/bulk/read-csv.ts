// Rows of a CSV file, each with the line it begins on; what separates the cells is found out. PURE.
import { parse } from 'csv-parse';
import type { FileNote } from './task-file.ts';

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

/**
 * Reads what can be read. A cell with a quote inside is taken as it is; a quote that is never closed is a problem.
 * @param pause lets others work; it is called again and again.
 */
export async function readCsv(text: string, pause: () => Promise<void>): Promise<CsvTable> {
  const table: CsvTable = { rows: [], problems: [] };
  let line = 1;
  const parser = parse({
    delimiter: separatorOf(text),
    relax_column_count: true,
    relax_quotes: true,
    raw: true,
    skip_records_with_error: true,
  });
  parser.on('skip', (_error: unknown, raw: string | undefined) => {
    const message = 'has a quote that is never closed; all that follows would be one cell';
    table.problems.push({ line, column: 0, field: '', message });
    line += linesIn(raw ?? '');
  });
  parser.on('data', ({ raw, record }: { raw: string; record: string[] }) => {
    if (record.some((cell) => cell.trim() !== '')) table.rows.push({ line, cells: record });
    line += linesIn(raw);
  });
  const ended = new Promise((resolve, reject) => parser.on('end', resolve).on('error', reject));
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += sliceBytes) {
    parser.write(bytes.subarray(at, at + sliceBytes));
    await pause();
  }
  parser.end();
  await ended;
  return table;
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
