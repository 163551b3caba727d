// What came of a file of tasks, for a person: what was created first, then everything that is wrong, each with its place.
import { TaskFileFormat, type ImportNote, type ImportTasksResponse } from '../../gen/drover/v1/task_pb.ts'; // oxfmt-ignore
import { escapeControl, formatCount } from '../../lib/format.ts';

const formats = new Map<TaskFileFormat, string>([
  [TaskFileFormat.DROVER_CSV, "Drover's CSV"],
  [TaskFileFormat.MICROSOFT_CSV, "Migration Manager's CSV"],
  [TaskFileFormat.MICROSOFT_JSON, "Migration Manager's JSON"],
]);

/** The lines of an answer. */
export function importLines(answer: ImportTasksResponse): string[] {
  const { problems, problemCount, notes } = answer;
  const more = problemCount - problems.length;
  return [
    summary(answer),
    ...problems.map((problem) => `  ${placed(problem)}`),
    ...(more > 0 ? [`  … and ${formatCount(more)} more problems`] : []),
    ...notes.map((note) => `  note: ${placed(note)}`),
  ];
}

function summary(answer: ImportTasksResponse): string {
  const { format, listedTasks, createdTasks, invalidTasks, problemCount, tasks } = answer;
  const file = `${formats.get(format) ?? 'a file'} with ${count(listedTasks, 'task')}`;
  const wrong = problemCount === 0 ? '' : `; ${count(problemCount, 'problem')} with ${count(invalidTasks, 'task')}:`; // oxfmt-ignore
  if (createdTasks === 0) return `${file}: nothing was created${wrong}`;
  const verb = tasks.length === 0 ? 'would be created' : 'created';
  return `${file}: ${count(createdTasks, 'task')} ${verb}${wrong}`;
}

function count(number: number, noun: string): string {
  return `${formatCount(number)} ${noun}${number === 1 ? '' : 's'}`;
}

function placed({ line, column, field, message }: ImportNote): string {
  const where = line === 0 ? '' : `line ${line}${column === 0 ? '' : `, column ${column}`}`;
  const named = field === '' ? where : `${where}${where === '' ? '' : ' '}(${field})`;
  return escapeControl(named === '' ? message : `${named}: ${message}`);
}
