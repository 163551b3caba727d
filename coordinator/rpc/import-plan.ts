// What becomes of a file of tasks: the rows that are to be stored, and everything that is wrong.
import { create } from '@bufbuild/protobuf';
import { TaskRowSchema, type TaskRow } from '../../gen/drover/store/v1/rows_pb.ts';
import type { ImportTasksRequest, Task } from '../../gen/drover/v1/task_pb.ts';
import { migrationKey } from '../bulk/same-place.ts';
import { readEach, type FileNote, type ListedTask, type Pause, type TaskFile } from '../bulk/task-file.ts'; // oxfmt-ignore
import { restarted } from '../schedule/schedule-row.ts';
import type { Reader, Transaction } from '../store/store.ts';
import { taskName } from '../task/names.ts';
import { randomBase32 } from '../trust/agent-id.ts';
import { inheritance, newTask } from './create-task.ts';
import { judgeListed, problemsOf, withDefaults, type JudgeOptions } from './judge-listed.ts';

/** A listed task that can be made, as far as is known. */
export interface Candidate {
  listed: ListedTask;
  /** With the defaults of the request. */
  task: Task;
}

/** A task that is to be stored. */
export interface NewTask {
  listed: ListedTask;
  id: string;
  row: TaskRow;
}

/** The listed tasks that can be made; what is wrong with the others goes to `problems`. */
export async function judgeFile(
  file: TaskFile,
  request: ImportTasksRequest,
  { options, problems, pause }: { options: JudgeOptions; problems: FileNote[]; pause: Pause },
): Promise<Candidate[]> {
  return readEach(file.tasks, pause, (listed) => {
    const task = withDefaults(listed.task, request);
    const found = judgeListed(listed, task, options);
    problems.push(...found);
    return found.length > 0 ? undefined : { listed, task };
  });
}

/**
 * Those that no other of the file, and no task that is there, is the same as. Nobody means to migrate one folder to one place twice, and two tasks
 * that do would take each other's files for edits.
 */
export async function withoutDoubles(
  candidates: readonly Candidate[],
  store: Reader,
  { problems, pause }: { problems: FileNote[]; pause: Pause },
): Promise<Candidate[]> {
  const known = await knownMigrations(store, pause);
  const ids = new Map<string, number>();
  return readEach(candidates, pause, (candidate) => {
    const { listed, task } = candidate;
    const key = migrationKey(task);
    const other = known.get(key);
    const line = ids.get(listed.taskId);
    if (other !== undefined)
      problems.push({ ...listed.placeOf('source'), message: `${other} has this source and this destination already` }); // oxfmt-ignore
    if (line !== undefined)
      problems.push({ ...listed.placeOf('task_id'), message: `line ${line} has this id already` });
    if (other !== undefined || line !== undefined) return undefined;
    known.set(key, `line ${listed.line}`);
    if (listed.taskId !== '') ids.set(listed.taskId, listed.line);
    return candidate;
  });
}

const rowsRead = 500;

/** What the tasks that are there migrate, with their names. */
async function knownMigrations(store: Reader, pause: Pause): Promise<Map<string, string>> {
  const known = new Map<string, string>();
  let after = '';
  for (;;) {
    const rows = await store.tasks(after, rowsRead);
    for (const { task } of rows) known.set(migrationKey(task!), task!.name);
    if (rows.length < rowsRead) return known;
    after = rows.at(-1)!.task!.name.slice(taskName('').length);
    await pause();
  }
}

/** The rows of the tasks, each with an id of its own. */
export async function newTasks(
  candidates: readonly Candidate[],
  nowMs: number,
  pause: Pause,
): Promise<NewTask[]> {
  const taken = new Set(candidates.map(({ listed }) => listed.taskId));
  return readEach(candidates, pause, ({ listed, task }) => {
    const id = listed.taskId === '' ? freeId(taken) : listed.taskId;
    const row = restarted(create(TaskRowSchema, { task: newTask(id, task, nowMs) }), nowMs);
    return { listed, id, row };
  });
}

/** Of 50,000 ids that are made two can be the same. */
function freeId(taken: Set<string>): string {
  for (;;) {
    const id = `t-${randomBase32(8)}`;
    if (taken.has(id)) continue;
    taken.add(id);
    return id;
  }
}

/** Those whose ids are free in the store, with what was kept of earlier tasks of theirs; `takes` are the ids of which something was. */
export async function takeIds(
  transaction: Transaction,
  tasks: readonly NewTask[],
  { problems, pause }: { problems: FileNote[]; pause: Pause },
): Promise<{ free: NewTask[]; heirs: string[] }> {
  const free: NewTask[] = [];
  const heirs: string[] = [];
  for (const [index, task] of tasks.entries()) {
    if (index % rowsRead === 0) await pause();
    const { listed, id, row } = task;
    try {
      const inherited = await inheritance(transaction, id, row.task!);
      if (inherited !== undefined) heirs.push(id);
      free.push(inherited === undefined ? task : { ...task, row: create(TaskRowSchema, { ...row, ...inherited }) }); // oxfmt-ignore
    } catch (thrown) {
      problems.push(...problemsOf(listed, thrown));
    }
  }
  return { free, heirs };
}
