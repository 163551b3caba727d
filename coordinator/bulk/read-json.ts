// JSON as people write it, with comments, trailing commas and a byte order mark, with the place of every key. PURE.
import { printParseErrorCode, visit } from 'jsonc-parser';
import type { FileNote } from './task-file.ts';

/** A value with where it begins. Of an object, keys are in their order; one that is there twice is there twice. */
export type PlacedValue = { line: number; column: number } & (
  | { kind: 'object'; entries: { key: string; line: number; column: number; value: PlacedValue }[] }
  | { kind: 'array'; values: PlacedValue[] }
  | { kind: 'literal'; value: unknown }
);

/** How deep values are nested, at most: files of tasks have five levels. */
const depthMax = 50;

type Open = PlacedValue & { kind: 'object' | 'array' };
type Place = { line: number; column: number };

/** Reads a JSON text; `root` is undefined when it cannot be read, and `problems` say where. */
export function readJson(text: string): { root: PlacedValue | undefined; problems: FileNote[] } {
  const problems: FileNote[] = [];
  const open: Open[] = [];
  let root: PlacedValue | undefined;
  let key: { key: string; line: number; column: number } | undefined;
  const place = (line: number, character: number): Place => ({
    line: line + 1,
    column: character + 1,
  });
  const add = (value: PlacedValue) => {
    const parent = open.at(-1);
    if (parent === undefined) root = value;
    else if (parent.kind === 'array') parent.values.push(value);
    else if (key !== undefined) parent.entries.push({ ...key, value });
    key = undefined;
  };
  const begin = (value: Open): boolean => {
    add(value);
    open.push(value);
    if (open.length <= depthMax) return true;
    problems.push({ ...value, field: '', message: `is nested more than ${depthMax} deep` });
    return false;
  };
  visit(
    text,
    {
      onObjectBegin: (_offset, _length, line, character) =>
        begin({ ...place(line, character), kind: 'object', entries: [] }),
      onArrayBegin: (_offset, _length, line, character) =>
        begin({ ...place(line, character), kind: 'array', values: [] }),
      onObjectEnd: () => void open.pop(),
      onArrayEnd: () => void open.pop(),
      onObjectProperty: (name, _offset, _length, line, character) => {
        key = { key: name, ...place(line, character) };
      },
      onLiteralValue: (value: unknown, _offset, _length, line, character) =>
        add({ ...place(line, character), kind: 'literal', value }),
      onError: (code, _offset, _length, line, character) =>
        void problems.push({
          ...place(line, character),
          field: '',
          message: `cannot be read as JSON here: ${printParseErrorCode(code)}`,
        }),
    },
    { allowTrailingComma: true },
  );
  return { root: problems.length > 0 ? undefined : root, problems };
}
