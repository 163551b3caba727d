// What is read from a file of tasks: the tasks, and everything that is the matter with it, each with its place.
import type { Task, TaskFileFormat } from '../../gen/drover/v1/task_pb.ts';

/** How many tasks a file may list. */
export const listedTasksMax = 50_000;
/** How many bytes a file of tasks may have. */
export const taskFileBytesMax = 32 * 1024 * 1024;

/** Something about a file, and where it stands. */
export interface FileNote {
  /** From 1; 0 where it is about no line in particular. */
  line: number;
  /** Of CSV the column of the table, of JSON the character of the line, from 1; 0 where it is about the whole line. */
  column: number;
  /** The field of the task, or what the file calls it. */
  field: string;
  message: string;
}

/** A task as a file lists it. */
export interface ListedTask {
  /** Where it begins. */
  line: number;
  /** The last part of its name; empty when the file says none. */
  taskId: string;
  /** With the fields that the file states, and no others. */
  task: Task;
  /** What the file says of which library is meant, so that it is looked at once; undefined where only the destination tells. */
  library?: string;
  /** Where a field stands, such as `source` or `settings.max_attempts`, and what the file calls it. */
  placeOf: (field: string) => { line: number; column: number; field: string };
}

export interface TaskFile {
  format: TaskFileFormat;
  /** How many tasks are listed, those that could not be read among them. */
  listed: number;
  /** Those that could be read. */
  tasks: ListedTask[];
  /** Why the others could not be read. */
  problems: FileNote[];
  /** Part of the file could not be read at all, so that nobody knows what it lists there. */
  isBroken: boolean;
  /** What is said and left out of account, each once. */
  notes: FileNote[];
}

/** Lets others work; what goes through a whole file calls it again and again. */
export type Pause = () => Promise<void>;

/** After how many tasks others get a turn: some milliseconds' work. */
const tasksAtOnce = 250;

/** What `read` makes of each, without what it makes nothing of; others get a turn in between. */
export async function readEach<T, R>(
  values: readonly T[],
  pause: Pause,
  read: (value: T) => R | undefined,
): Promise<R[]> {
  const results: R[] = [];
  for (const [index, value] of values.entries()) {
    if (index % tasksAtOnce === 0) await pause();
    const result = read(value);
    if (result !== undefined) results.push(result);
  }
  return results;
}

/** Notes that are told once, however often they come up. */
export class NoteCollector {
  readonly #notes = new Map<string, { note: FileNote; count: number }>();

  add(note: FileNote): void {
    const key = `${note.field}\0${note.message}`;
    const known = this.#notes.get(key);
    if (known === undefined) this.#notes.set(key, { note, count: 1 });
    else known.count += 1;
  }

  /** Each with how often it came up. */
  list(): FileNote[] {
    return [...this.#notes.values()].map(({ note, count }) =>
      count === 1 ? note : { ...note, message: `${note.message} (${count} times)` },
    );
  }
}
