// Drover's own CSV: a column for each field of a task, named in the first line. It says everything that somebody can set of a task. PURE.
import { fromJson, toJson, type JsonObject, type JsonValue } from '@bufbuild/protobuf';
import { TaskFileFormat, TaskSchema, type Task } from '../../gen/drover/v1/task_pb.ts';
import { readCell, writeCell } from './cell-text.ts';
import type { CsvRow, CsvTable } from './read-csv.ts';
import type { TaskColumn } from './task-columns.ts';
import {
  readEach,
  type FileNote,
  type ListedTask,
  type Pause,
  type TaskFile,
} from './task-file.ts';

/** The column of the last part of a task's name. */
export const idColumn = 'task_id';
const namePrefix = 'tasks/';

/** Whether the first row is the header of such a file: it names a source and a destination. */
export function isDroverHeader(cells: readonly string[]): boolean {
  const names = cells.map(columnName);
  return names.includes('source') && names.includes('destination');
}

/** The first row of a file. */
export function headerCells(columns: readonly TaskColumn[]): string[] {
  return [idColumn, ...columns.map(({ name }) => name)];
}

/** The row of a task. */
export function taskCells(task: Task, columns: readonly TaskColumn[]): string[] {
  const json = toJson(TaskSchema, task) as JsonObject;
  return [
    task.name.slice(namePrefix.length),
    ...columns.map(({ path, value }) => {
      const found = valueAt(json, path);
      return found === undefined ? '' : writeCell(value.write(found));
    }),
  ];
}

function valueAt(json: JsonObject, path: readonly string[]): JsonValue | undefined {
  let place: JsonValue | undefined = json;
  for (const key of path) place = (place as JsonObject | undefined)?.[key];
  return place;
}

/** Reads the table of such a file; a row that cannot be read is a problem, or several. */
export async function readDroverCsv(
  table: CsvTable,
  columns: readonly TaskColumn[],
  pause: Pause,
): Promise<TaskFile> {
  const [header, ...rows] = table.rows;
  const file: TaskFile = {
    format: TaskFileFormat.DROVER_CSV,
    listed: rows.length,
    tasks: [],
    problems: [...table.problems],
    isBroken: table.problems.length > 0,
    notes: [],
  };
  const named = header === undefined ? [] : readHeader(header, columns, file.problems);
  if (header === undefined || file.problems.some(({ line }) => line === header.line))
    return { ...file, isBroken: true };
  file.tasks = await readEach(rows, pause, (row) => readRow(row, named, file.problems));
  return file;
}

/** What a column of the file is: a field, the id, or nothing. */
type NamedColumn = { name: string; column: TaskColumn | undefined };

function readHeader(
  { line, cells }: CsvRow,
  columns: readonly TaskColumn[],
  problems: FileNote[],
): NamedColumn[] {
  const known = new Map(columns.map((column) => [column.name, column]));
  const seen = new Set<string>();
  return cells.map((cell, index) => {
    const name = columnName(cell);
    const refuse = (message: string) =>
      problems.push({ line, column: index + 1, field: cell, message });
    if (name !== '' && name !== idColumn && !known.has(name))
      refuse(`is no field of a task that can be set; there are ${headerCells(columns).join(', ')}`);
    if (name !== '' && seen.has(name)) refuse('is there twice');
    seen.add(name);
    return { name, column: known.get(name) };
  });
}

function columnName(cell: string): string {
  return cell.trim().toLowerCase().replaceAll('-', '_');
}

function readRow(
  { line, cells }: CsvRow,
  named: readonly NamedColumn[],
  problems: FileNote[],
): ListedTask | undefined {
  const before = problems.length;
  const refuse = (index: number, message: string) =>
    problems.push({ line, column: index + 1, field: named[index]?.name ?? '', message });
  const json: JsonObject = {};
  let taskId = '';
  for (const [index, cell] of cells.entries()) {
    const given = readCell(cell);
    if (given === undefined) continue;
    const { name, column } = named[index] ?? { name: '', column: undefined };
    if (name === idColumn) taskId = given.trim();
    else if (column === undefined) refuse(index, 'has no name in the first line');
    else {
      const value = column.value.read(given);
      if (value === undefined) refuse(index, `must be ${column.value.expectation}`);
      else put(json, column.path, value);
    }
  }
  if (problems.length > before) return undefined;
  try {
    return { line, taskId, task: fromJson(TaskSchema, json), placeOf: placesOf(line, named) };
  } catch (thrown) {
    problems.push({ line, column: 0, field: '', message: (thrown as Error).message });
    return undefined;
  }
}

function put(json: JsonObject, path: readonly string[], value: JsonValue): void {
  let place = json;
  for (const key of path.slice(0, -1)) place = (place[key] ??= {}) as JsonObject;
  place[path.at(-1)!] = value;
}

/** The column of a field, or that of the field it is part of. */
function placesOf(line: number, named: readonly NamedColumn[]): ListedTask['placeOf'] {
  return (field) => {
    const index = named.findIndex(({ name }) => name === field || name.startsWith(`${field}.`));
    return { line, column: index + 1, field };
  };
}
