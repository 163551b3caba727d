// Reads a file of tasks, in whichever of the formats it is written. PURE.
import { TaskFileFormat } from '../../gen/drover/v1/task_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { decodeText } from './decode-text.ts';
import { isDroverHeader, readDroverCsv } from './drover-csv.ts';
import { readMicrosoftCsv } from './microsoft-csv.ts';
import { readMicrosoftJson } from './microsoft-json.ts';
import { readCsv } from './read-csv.ts';
import type { TaskColumn } from './task-columns.ts';
import { listedTasksMax, taskFileBytesMax, type Pause, type TaskFile } from './task-file.ts';

export interface ReadOptions {
  /** UNSPECIFIED: found out from the content. */
  format: TaskFileFormat;
  /** The columns of Drover's own CSV. */
  columns: readonly TaskColumn[];
  pause: Pause;
}

/** Throws INVALID_ARGUMENT that names `content` when it is no file of tasks at all, or a larger one than is taken. */
export async function readTaskFile(content: Uint8Array, options: ReadOptions): Promise<TaskFile> {
  if (content.length > taskFileBytesMax)
    throw refuse(`has ${content.length} bytes; a file has at most ${taskFileBytesMax}`);
  const text = decodeText(content, 'content');
  if (text.trim() === '') throw refuse('is empty');
  const file = await readText(text, options);
  if (file.listed > listedTasksMax)
    throw refuse(`lists more than ${listedTasksMax} tasks; import them in several files`);
  if (file.listed === 0 && file.problems.length === 0) throw refuse('lists no task');
  return file;
}

async function readText(text: string, { format, columns, pause }: ReadOptions): Promise<TaskFile> {
  if (format === TaskFileFormat.MICROSOFT_JSON) return readMicrosoftJson(text, pause);
  if (format === TaskFileFormat.UNSPECIFIED && isJson(text)) return readMicrosoftJson(text, pause);
  const table = await readCsv(text, listedTasksMax + 1, pause);
  const header = table.rows[0]?.cells ?? [];
  if (format === TaskFileFormat.MICROSOFT_CSV) return readMicrosoftCsv(table, pause);
  if (isDroverHeader(header)) return readDroverCsv(table, columns, pause);
  if (format === TaskFileFormat.UNSPECIFIED) return readMicrosoftCsv(table, pause);
  throw refuse('has no first line that names the columns, with source and destination among them');
}

/** JSON begins with a bracket, once comments are passed over; no line of a table does. */
function isJson(text: string): boolean {
  let at = 0;
  for (;;) {
    while (/\s/.test(text.charAt(at))) at += 1;
    if (text.startsWith('//', at)) at = endOf(text, '\n', at);
    else if (text.startsWith('/*', at)) at = endOf(text, '*/', at);
    else return /[{[]/.test(text.charAt(at));
  }
}

/** Where what begins at `from` and goes up to `mark` has ended. */
function endOf(text: string, mark: string, from: number): number {
  const found = text.indexOf(mark, from);
  return found < 0 ? text.length : found + mark.length;
}

function refuse(description: string): DroverError {
  return DroverError.invalid('content', description);
}
