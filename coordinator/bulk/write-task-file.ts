// Writes tasks to a file that can be imported again. What a format cannot say is left out, and told. PURE.
import { stringify } from 'csv-stringify/sync';
import { TaskFileFormat, type Task } from '../../gen/drover/v1/task_pb.ts';
import { isFormula } from './cell-text.ts';
import { headerCells, taskCells } from './drover-csv.ts';
import { microsoftHeader } from './microsoft-csv.ts';
import { microsoftPlace, type MicrosoftPlace } from './microsoft-place.ts';
import { writeMicrosoftSettings } from './microsoft-settings.ts';
import type { TaskColumn } from './task-columns.ts';

/** Writes a file piece by piece: `begin`, `tasks` for each page of them, `end`. */
export interface TaskFileWriter {
  begin(): string;
  tasks(tasks: readonly Task[]): string;
  end(): string;
  /** What was left out, in words; complete after `end`. */
  notes(): string[];
}

/** A writer for the format; UNSPECIFIED is Drover's own CSV. Undefined for a format that is not known. */
export function taskFileWriter(
  format: TaskFileFormat,
  columns: readonly TaskColumn[],
): TaskFileWriter | undefined {
  switch (format) {
    case TaskFileFormat.UNSPECIFIED:
    case TaskFileFormat.DROVER_CSV:
      return droverWriter(columns);
    case TaskFileFormat.MICROSOFT_CSV:
      return new MicrosoftWriter(csvForm);
    case TaskFileFormat.MICROSOFT_JSON:
      return new MicrosoftWriter(jsonForm());
    default:
      return undefined;
  }
}

/** So that Excel takes the file for UTF-8. */
const byteOrderMark = '\uFEFF';

const csvLines = (rows: readonly (readonly string[])[]): string =>
  stringify(rows as string[][], { record_delimiter: 'windows', quoted_match: /[\r\n]/ });

function droverWriter(columns: readonly TaskColumn[]): TaskFileWriter {
  return {
    begin: () => byteOrderMark + csvLines([headerCells(columns)]),
    tasks: (tasks) => csvLines(tasks.map((task) => taskCells(task, columns))),
    end: () => '',
    notes: () => [],
  };
}

/** A task as Microsoft's files have it. */
interface MicrosoftTask extends MicrosoftPlace {
  source: string;
  settings: Record<string, unknown>;
}

interface MicrosoftForm {
  /** What it is called in what is told. */
  name: string;
  hasSettings: boolean;
  /** Why it has no words for a task; undefined when it has. */
  refuses: (task: MicrosoftTask) => string | undefined;
  begin: () => string;
  tasks: (tasks: readonly MicrosoftTask[]) => string;
  end: () => string;
}

const csvForm: MicrosoftForm = {
  name: "Migration Manager's CSV",
  hasSettings: false,
  // Migration Manager takes every character for part of the name, so nothing can stand in front of it.
  refuses: ({ source, site, library, folder }) =>
    [source, site, library, folder].some(isFormula)
      ? 'have a name that a spreadsheet would take for a formula'
      : undefined,
  begin: () => byteOrderMark + csvLines([microsoftHeader]),
  tasks: (tasks) => csvLines(tasks.map(({ source, site, library, folder }) => [source, '', '', site, library, folder])), // oxfmt-ignore
  end: () => '',
};

function jsonForm(): MicrosoftForm {
  let separator = '';
  return {
    name: "Migration Manager's JSON",
    hasSettings: true,
    refuses: () => undefined,
    begin: () => '{\n  "Tasks": [',
    tasks: (tasks) => {
      let text = '';
      for (const { source, site, library, folder, settings } of tasks) {
        const said = {
          SourcePath: source,
          TargetPath: site,
          TargetList: library,
          TargetListRelativePath: folder,
          ...(Object.keys(settings).length === 0 ? {} : { Settings: settings }),
        };
        text += `${separator}\n    ${JSON.stringify(said)}`;
        separator = ',';
      }
      return text;
    },
    end: () => '\n  ]\n}\n',
  };
}

class MicrosoftWriter implements TaskFileWriter {
  readonly #form: MicrosoftForm;
  readonly #left = new Map<string, { names: string[]; count: number }>();

  constructor(form: MicrosoftForm) {
    this.#form = form;
  }

  begin(): string {
    return this.#form.begin();
  }

  tasks(tasks: readonly Task[]): string {
    return this.#form.tasks(tasks.flatMap((task) => this.#say(task) ?? []));
  }

  end(): string {
    return this.#form.end();
  }

  notes(): string[] {
    return [...this.#left].map(([what, { names, count }]) => {
      const more = count > names.length ? ` and ${count - names.length} more` : '';
      return `${this.#form.name} ${what}: ${names.join(', ')}${more}`;
    });
  }

  #say(task: Task): MicrosoftTask | undefined {
    const place = microsoftPlace(task.destination);
    if (place === undefined) {
      this.#leave('knows only SharePoint and OneDrive as destinations; left out are', task);
      return undefined;
    }
    const { settings, leftOut } =
      task.settings === undefined
        ? { settings: {}, leftOut: [] }
        : writeMicrosoftSettings(task.settings);
    const said = { ...place, source: task.source, settings };
    const refused = this.#form.refuses(said);
    if (refused !== undefined) {
      this.#leave(`cannot be trusted with tasks that ${refused}; left out are`, task);
      return undefined;
    }
    for (const field of unsaid(task)) this.#leave(`has no ${field}, which is left out of`, task);
    const lost = this.#form.hasSettings ? leftOut : [...leftOut, ...Object.keys(settings)];
    if (lost.length > 0) this.#leave('has not all the settings, of which some are left out of', task); // oxfmt-ignore
    return said;
  }

  #leave(what: string, { name }: Task): void {
    const left = this.#left.get(what) ?? { names: [], count: 0 };
    left.count += 1;
    if (left.names.length < namesToldMax) left.names.push(name);
    this.#left.set(what, left);
  }
}

/** How many tasks are named of those that something is left out of. */
const namesToldMax = 10;

/** What is set of a task and has no place in Microsoft's files. */
function unsaid({ displayName, agentGroup, schedule, tags }: Task): string[] {
  return [
    ...(displayName === '' ? [] : ['display name']),
    ...(agentGroup === '' ? [] : ['agent group']),
    ...(schedule === undefined ? [] : ['schedule']),
    ...(tags.length === 0 ? [] : ['tags']),
  ];
}
