// Cells of Drover's own CSV, so that a spreadsheet shows them and runs none of them: what a spreadsheet takes for a formula gets an apostrophe in
// front, which is taken off again on import. PURE.

/** `""` stands for an empty text, where an empty cell stands for an absent field. */
export const emptyText = '""';

const formula = /^'*[=+\-@\t\r\n]/;
const guarded = /^'+(?:[=+\-@\t\r\n]|""$)/;

/** The cell of a text; `readCell` gives it back. */
export function writeCell(text: string): string {
  if (text === '') return emptyText;
  return formula.test(text) || /^'*""$/.test(text) ? `'${text}` : text;
}

/** The text of a cell; undefined when it is empty. */
export function readCell(cell: string): string | undefined {
  if (cell === '') return undefined;
  if (cell === emptyText) return '';
  return guarded.test(cell) ? cell.slice(1) : cell;
}

/** Whether a spreadsheet may take the cell for a formula. */
export function isFormula(cell: string): boolean {
  return /^[=+\-@\t\r\n]/.test(cell);
}

/** The text of a list: `a;b`, and `;` for one that is empty. */
export function writeList(values: readonly string[]): string {
  return values.length === 0 ? ';' : values.map(writeValue).join(';');
}

/** The values in the text of a list; undefined when a quote is not closed. */
export function readList(text: string): string[] | undefined {
  if (text.trim() === ';') return [];
  const values: string[] = [];
  const value = /\s*"((?:[^"]|"")*)"\s*(;|$)|([^";][^;]*|)(;|$)/y;
  for (;;) {
    const match = value.exec(text);
    if (match === null) return undefined;
    const [, quoted, quotedEnd, plain = '', plainEnd] = match;
    if (quoted !== undefined) values.push(quoted.replaceAll('""', '"'));
    // What people write is "a; b;"; an empty value is none unless it is quoted.
    else if (plain.trim() !== '') values.push(plain.trim());
    if ((quotedEnd ?? plainEnd) !== ';') return values;
  }
}

function writeValue(value: string): string {
  const isPlain = value !== '' && value === value.trim() && !/[;"]/.test(value);
  return isPlain ? value : `"${value.replaceAll('"', '""')}"`;
}
