// Migration Manager's CSV: six columns, of which the second and third are about SharePoint as a source and stay empty. SPMT has two more. PURE.
import { create } from '@bufbuild/protobuf';
import { TaskFileFormat, TaskSchema } from '../../gen/drover/v1/task_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { destinationOf, type MicrosoftPlace } from './microsoft-place.ts';
import type { CsvRow, CsvTable } from './read-csv.ts';
import {
  NoteCollector,
  readEach,
  type FileNote,
  type ListedTask,
  type Pause,
  type TaskFile,
} from './task-file.ts';

/** The first row that is written. */
export const microsoftHeader: readonly string[] = ['FileSharePath', '', '', 'SharePointSite', 'DocLibrary', 'DocSubFolder']; // oxfmt-ignore

/** What the columns are called: by Migration Manager, and by SPMT. */
const columnNames = [
  ['filesharepath', 'source'],
  ['sourcedoclib'],
  ['sourcesubfolder'],
  ['sharepointsite', 'targetweb'],
  ['doclibrary', 'targetdoclib'],
  ['docsubfolder', 'targetsubfolder'],
  ['registerashubsite'],
  ['associatewithhuburl'],
] as const;

const columnsMin = 6;

/** Where what the messages name stands, from 0. */
const places: Record<string, number> = {
  source: 0,
  destination: 3,
  site: 3,
  library: 4,
  folder: 5,
};

/** Reads the table of such a file; a row that cannot be read is a problem. */
export async function readMicrosoftCsv(table: CsvTable, pause: Pause): Promise<TaskFile> {
  const [first, ...others] = table.rows;
  const hasHeader = first !== undefined && isHeader(first.cells);
  const rows = hasHeader ? others : table.rows;
  const notes = new NoteCollector();
  const problems = [...table.problems];
  if (hasHeader) checkHeader(first, problems);
  const isBroken = problems.length > 0;
  const tasks =
    problems.length > table.problems.length
      ? []
      : await readEach(rows, pause, (row) => readRow(row, problems, notes));
  return {
    format: TaskFileFormat.MICROSOFT_CSV,
    listed: rows.length,
    tasks,
    problems,
    isBroken,
    notes: notes.list(),
  };
}

const normal = (cell: string): string => cell.toLowerCase().replaceAll(/[\s_]/g, '');

function placeIn(cell: string): number {
  return columnNames.findIndex((names) => names.some((name) => name === normal(cell)));
}

/** A source that is called "source" is none: two names at least make a header. */
function isHeader(cells: readonly string[]): boolean {
  return cells.filter((cell) => placeIn(cell) >= 0).length >= 2;
}

function checkHeader({ line, cells }: CsvRow, problems: FileNote[]): void {
  for (const [index, cell] of cells.entries()) {
    const place = placeIn(cell);
    if (cell.trim() === '' || place === index) continue;
    const message =
      place < 0
        ? `is none of the columns ${microsoftHeader.join(',')}`
        : `has to be column ${place + 1}; the order is ${microsoftHeader.join(',')}`;
    problems.push({ line, column: index + 1, field: cell, message });
  }
}

function readRow(
  { line, cells }: CsvRow,
  problems: FileNote[],
  notes: NoteCollector,
): ListedTask | undefined {
  const before = problems.length;
  const nameOf = (index: number) => microsoftHeader[index] || columnNames[index]?.[0] || '';
  const refuse = (index: number, message: string) =>
    problems.push({ line, column: index + 1, field: nameOf(index), message });
  const filled = cells.findLastIndex((cell) => cell.trim() !== '') + 1;
  if (cells.length < columnsMin) {
    const message = `the line has ${cells.length} of the six columns ${microsoftHeader.join(',')}; columns that are empty have to be there too`;
    problems.push({ line, column: 0, field: '', message });
    return undefined;
  }
  for (const index of [1, 2])
    if (cells[index]!.trim() !== '')
      refuse(index, 'is about a source in SharePoint, which Drover does not read; leave it empty');
  if (filled > columnNames.length)
    refuse(columnNames.length, 'has no meaning: there are six columns');
  for (const index of [6, 7])
    if ((cells[index] ?? '').trim() !== '')
      notes.add({ line, column: index + 1, field: nameOf(index), message: 'hub sites are not made by Drover; left out of account' }); // oxfmt-ignore
  const [source, , , site, library, folder] = cells as [string, string, string, string, string, string]; // oxfmt-ignore
  const to = destinationIn({ site, library, folder }, (name, message) => refuse(places[name] ?? 3, message)); // oxfmt-ignore
  if (to === undefined || problems.length > before) return undefined;
  const task = create(TaskSchema, { source: source.trim(), destination: to.destination });
  const placeOf = (field: string) => {
    const index = places[field] ?? -1;
    return { line, column: index + 1, field: nameOf(index) || field };
  };
  return { line, taskId: '', task, library: to.library, placeOf };
}

/** The destination of a place; undefined when `refuse` was told what is wrong with it. */
export function destinationIn(
  place: MicrosoftPlace,
  refuse: (name: string, message: string) => void,
): { destination: string; library: string } | undefined {
  try {
    return destinationOf(place);
  } catch (thrown) {
    const { violations, message } = DroverError.from(thrown);
    refuse(violations[0]?.field ?? 'site', violations[0]?.description ?? message);
    return undefined;
  }
}
