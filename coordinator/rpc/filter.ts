// The filter of ListTasks: terms joined by AND, such as `state:RUNNING AND source:"/srv/my share"`. PURE.
//
//   field:value   the field holds the value, whatever its case; for `state` the value is the whole name
//   field=value   the field is the value
//
// A value with spaces stands in quotes: in "…" a backslash escapes a quote and a backslash, in '…' nothing is escaped.
import { TaskStateSchema, type Task } from '../../gen/drover/v1/task_pb.ts';
import { DroverError } from '../../lib/error.ts';

const lengthMax = 2000;
const termsMax = 20;

/** Whether a task is wanted. */
export type TaskFilter = (task: Task) => boolean;

const texts: Record<string, (task: Task) => string> = {
  source: (task) => task.source,
  destination: (task) => task.destination,
  display_name: (task) => task.displayName,
  agent_group: (task) => task.agentGroup,
};

const fieldPattern = /([a-z_]+)\s*([:=])\s*/y;
const valuePattern = /"((?:[^"\\]|\\.)*)"|'([^']*)'|([^\s"']\S*)/sy;
const joinPattern = /\s+AND\s+/y;

/** Reads a filter; an empty one wants every task. Throws INVALID_ARGUMENT that says where it cannot be read. */
export function parseTaskFilter(text: string): TaskFilter {
  const trimmed = text.trim();
  if (trimmed.length > lengthMax) throw invalid(`is longer than ${lengthMax} characters`);
  if (trimmed === '') return () => true;
  const terms = [...readTerms(trimmed)];
  if (terms.length > termsMax) throw invalid(`has more than ${termsMax} terms`);
  return (task) => terms.every((term) => term(task));
}

function* readTerms(text: string): Generator<TaskFilter> {
  let position = 0;
  const take = (pattern: RegExp, expected: string): RegExpExecArray => {
    pattern.lastIndex = position;
    const match = pattern.exec(text);
    if (match === null) throw invalid(`has no ${expected} at "${text.slice(position)}"`);
    position += match[0].length;
    return match;
  };
  for (;;) {
    const [, field, operator] = take(fieldPattern, 'field with : or =');
    const [, escaped, literal, plain] = take(valuePattern, 'value');
    const value = escaped?.replaceAll(/\\(["\\])/g, '$1') ?? literal ?? plain ?? '';
    yield createTerm(field!, operator!, value);
    if (position === text.length) return;
    take(joinPattern, 'AND');
  }
}

function createTerm(field: string, operator: string, value: string): TaskFilter {
  if (field === 'state') return stateTerm(value);
  const text = texts[field];
  if (text === undefined)
    throw invalid(`names "${field}"; there are state, ${Object.keys(texts).join(', ')}`);
  if (operator === '=') return (task) => text(task) === value;
  const wanted = value.toLowerCase();
  return (task) => text(task).toLowerCase().includes(wanted);
}

function stateTerm(value: string): TaskFilter {
  const known = TaskStateSchema.values.filter(({ number }) => number !== 0);
  const wanted = known.find(({ localName }) => localName === value.toUpperCase());
  if (wanted === undefined)
    throw invalid(
      `has no state "${value}"; there are ${known.map(({ localName }) => localName).join(', ')}`,
    );
  return (task) => task.state === wanted.number;
}

function invalid(description: string): DroverError {
  return DroverError.invalid('filter', description);
}
