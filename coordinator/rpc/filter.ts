// Filters of tasks, such as `tags:wave-2 AND (state:FAILED OR state:CANCELLED)`. PURE.
//
//   field:value   the field holds the value, whatever its case; for `state` the value is the whole name, for `tags` one whole tag, case and all
//   field=value   the field is the value
//   NOT term      every task that the term does not want
//
// Terms are joined by AND or by OR. Where both occur, parentheses say what belongs together: of two readings none is guessed. A value with
// spaces or parentheses stands in quotes: in "…" a backslash escapes a quote and a backslash, in '…' nothing is escaped.
import { TaskStateSchema, type Task } from '../../gen/drover/v1/task_pb.ts';
import { DroverError } from '../../lib/error.ts';

const lengthMax = 2000;
const termsMax = 20;
/** How deep parentheses and NOT are nested, at most. */
const depthMax = 10;

/** Whether a task is wanted. */
export type TaskFilter = (task: Task) => boolean;

const texts: Record<string, (task: Task) => string> = {
  name: (task) => task.name,
  source: (task) => task.source,
  destination: (task) => task.destination,
  display_name: (task) => task.displayName,
  agent_group: (task) => task.agentGroup,
};

const fieldNames = ['state', 'tags', ...Object.keys(texts)];

const patterns = {
  not: /NOT\s+/y,
  open: /\(\s*/y,
  close: /\s*\)/y,
  join: /\s+(AND|OR)\s+/y,
  field: /([a-z_]+)\s*([:=])\s*/y,
  value: /"((?:[^"\\]|\\.)*)"|'([^']*)'|([^\s"'()][^\s()]*)/sy,
};

/** Reads a filter; an empty one wants every task. Throws INVALID_ARGUMENT that says where it cannot be read. */
export function parseTaskFilter(text: string): TaskFilter {
  const trimmed = text.trim();
  if (trimmed.length > lengthMax) throw invalid(`is longer than ${lengthMax} characters`);
  return trimmed === '' ? () => true : new FilterParser(trimmed).parse();
}

class FilterParser {
  readonly #text: string;
  #position = 0;
  #terms = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): TaskFilter {
    const filter = this.#joined(0);
    if (this.#position < this.#text.length) throw this.#expected('AND or OR');
    return filter;
  }

  #joined(depth: number): TaskFilter {
    const parts = [this.#part(depth)];
    let joinedBy: string | undefined;
    for (let join = this.#take('join'); join !== undefined; join = this.#take('join')) {
      if (joinedBy !== undefined && join[1] !== joinedBy)
        throw invalid('has AND beside OR; put what belongs together in parentheses');
      joinedBy = join[1];
      parts.push(this.#part(depth));
    }
    if (joinedBy === 'OR') return (task) => parts.some((part) => part(task));
    return (task) => parts.every((part) => part(task));
  }

  #part(depth: number): TaskFilter {
    if (depth > depthMax) throw invalid(`is nested more than ${depthMax} deep`);
    if (this.#take('not') !== undefined) {
      const part = this.#part(depth + 1);
      return (task) => !part(task);
    }
    if (this.#take('open') === undefined) return this.#term();
    const joined = this.#joined(depth + 1);
    if (this.#take('close') === undefined) throw this.#expected(')');
    return joined;
  }

  #term(): TaskFilter {
    const [, field, operator] = this.#take('field') ?? this.#missing('field with : or =');
    const [, escaped, literal, plain] = this.#take('value') ?? this.#missing('value');
    this.#terms += 1;
    if (this.#terms > termsMax) throw invalid(`has more than ${termsMax} terms`);
    const value = escaped?.replaceAll(/\\(["\\])/g, '$1') ?? literal ?? plain ?? '';
    return createTerm(field!, operator!, value);
  }

  #take(kind: keyof typeof patterns): RegExpExecArray | undefined {
    const pattern = patterns[kind];
    pattern.lastIndex = this.#position;
    const match = pattern.exec(this.#text);
    if (match === null) return undefined;
    this.#position += match[0].length;
    return match;
  }

  #missing(what: string): never {
    throw this.#expected(what);
  }

  #expected(what: string): DroverError {
    return invalid(`has no ${what} at "${this.#text.slice(this.#position)}"`);
  }
}

function createTerm(field: string, operator: string, value: string): TaskFilter {
  if (field === 'state') return stateTerm(value);
  if (field === 'tags') return (task) => task.tags.includes(value);
  const text = texts[field];
  if (text === undefined) throw invalid(`names "${field}"; there are ${fieldNames.join(', ')}`);
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
