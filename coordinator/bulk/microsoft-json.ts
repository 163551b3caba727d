// The JSON of Migration Manager and SPMT: {"Tasks": [{"SourcePath", "TargetPath", "TargetList", "TargetListRelativePath", "Settings": {…}}]}. PURE.
import { create } from '@bufbuild/protobuf';
import { TaskSettingsSchema, type TaskSettings } from '../../gen/drover/v1/settings_pb.ts';
import { TaskFileFormat, TaskSchema } from '../../gen/drover/v1/task_pb.ts';
import { destinationIn } from './microsoft-csv.ts';
import { readMicrosoftSetting } from './microsoft-settings.ts';
import { readJson, type PlacedValue } from './read-json.ts';
import {
  NoteCollector,
  readEach,
  type FileNote,
  type ListedTask,
  type Pause,
  type TaskFile,
} from './task-file.ts';

type Place = { line: number; column: number };
/** The values of an object by their keys in lower case: Microsoft's programs do not tell upper from lower case. */
type Entries = Map<string, Place & { key: string; value: PlacedValue }>;

/** Where what the messages name stands. */
const keys: Record<string, string> = {
  source: 'SourcePath',
  destination: 'TargetPath',
  site: 'TargetPath',
  library: 'TargetList',
  folder: 'TargetListRelativePath',
};

/** Which key a setting of Drover comes from, for what is wrong with its value. */
const settingKeys: Record<string, string> = {
  'settings.migrate_hidden_items': 'MigrateHiddenItems',
  'settings.created_after': 'MigrateItemsCreatedAfter',
  'settings.modified_after': 'MigrateItemsModifiedAfter',
  'settings.exclude_extensions': 'SkipFilesWithExtensions',
  'settings.migrate_items_with_invalid_names': 'FilterOutPathSpecialCharacters',
  'settings.preserve_permissions': 'PreservePermission',
};

/** Reads the text of such a file; a task that cannot be read is a problem. */
export async function readMicrosoftJson(text: string, pause: Pause): Promise<TaskFile> {
  const { root, problems } = await readJson(text, pause);
  const file: TaskFile = {
    format: TaskFileFormat.MICROSOFT_JSON,
    listed: 0,
    tasks: [],
    problems,
    isBroken: problems.length > 0,
    notes: [],
  };
  if (root === undefined) return file;
  const notes = new NoteCollector();
  const values = tasksIn(root, problems, notes);
  file.listed = values.length;
  file.tasks = await readEach(values, pause, (value) => new TaskReader(value, problems, notes).read()); // oxfmt-ignore
  file.notes = notes.list();
  return file;
}

function tasksIn(root: PlacedValue, problems: FileNote[], notes: NoteCollector): PlacedValue[] {
  const entries = root.kind === 'object' ? entriesOf(root, problems) : undefined;
  const tasks = entries?.get('tasks');
  if (tasks?.value.kind !== 'array') {
    const message = 'the file has to be {"Tasks": […]}, with the list of tasks';
    problems.push({ ...placeOf(tasks?.value ?? root), field: 'Tasks', message });
    return [];
  }
  for (const [name, entry] of entries ?? [])
    if (name !== 'tasks') notes.add(ignored(entry, 'is not known; left out of account'));
  return tasks.value.values;
}

/** Reads one task of the file. */
class TaskReader {
  readonly #value: PlacedValue;
  readonly #problems: FileNote[];
  readonly #notes: NoteCollector;
  #settingPlaces: Entries = new Map();

  constructor(value: PlacedValue, problems: FileNote[], notes: NoteCollector) {
    this.#value = value;
    this.#problems = problems;
    this.#notes = notes;
  }

  /** Undefined when something is wrong with it, which is a problem then. */
  read(): ListedTask | undefined {
    const before = this.#problems.length;
    if (this.#value.kind !== 'object') {
      this.#refuse(this.#value, '', 'a task has to be an object: {"SourcePath": …}');
      return undefined;
    }
    const entries = entriesOf(this.#value, this.#problems);
    const [source, site, library, folder] =
      ['SourcePath', 'TargetPath', 'TargetList', 'TargetListRelativePath'] // oxfmt-ignore
        .map((key) => this.#text(entries, key));
    const to = destinationIn(
      { site: site ?? '', library: library ?? '', folder: folder ?? '' },
      (name, message) => this.#refuse(this.#placeOfKey(entries, keys[name]!), keys[name]!, message),
    );
    const settings = this.#settings(entries);
    for (const entry of entries.values()) this.#ignore(entry);
    if (to === undefined || this.#problems.length > before) return undefined;
    const task = create(TaskSchema, {
      source: source?.trim() ?? '',
      destination: to.destination,
      ...(settings === undefined ? {} : { settings }),
    });
    const { line } = this.#value;
    const settingPlaces = this.#settingPlaces;
    return {
      line,
      taskId: '',
      task,
      library: to.library,
      placeOf: (field) => {
        const setting = settingKeys[field];
        const key = setting ?? keys[field] ?? '';
        const found = (setting === undefined ? entries : settingPlaces).get(key.toLowerCase());
        return { ...placeOf(found ?? this.#value), field: key === '' ? field : key };
      },
    };
  }

  #text(entries: Entries, key: string): string | undefined {
    const found = entries.get(key.toLowerCase())?.value;
    if (found === undefined || (found.kind === 'literal' && found.value === null)) return undefined;
    if (found.kind === 'literal' && typeof found.value === 'string') return found.value;
    this.#refuse(found, key, 'must be a text');
    return undefined;
  }

  #settings(entries: Entries): TaskSettings | undefined {
    const found = entries.get('settings')?.value;
    if (found === undefined) return undefined;
    if (found.kind !== 'object') {
      this.#refuse(found, 'Settings', 'must be an object: {"MigrateHiddenItems": …}');
      return undefined;
    }
    const settings = create(TaskSettingsSchema);
    this.#settingPlaces = entriesOf(found, this.#problems);
    for (const { key, value } of this.#settingPlaces.values()) {
      const literal = value.kind === 'literal' ? value.value : value;
      const { problem, note } = readMicrosoftSetting(key, literal, settings);
      if (problem !== undefined) this.#refuse(value, key, problem);
      if (note !== undefined) this.#notes.add({ ...placeOf(value), field: key, message: note });
    }
    return settings;
  }

  #ignore(entry: Place & { key: string }): void {
    const name = entry.key.toLowerCase();
    if (name === 'settings' || Object.values(keys).some((key) => key.toLowerCase() === name))
      return;
    const isOther = name === 'items' || name === 'migrationtype';
    const why = isOther ? 'it is about SharePoint as a source' : 'is not known';
    this.#notes.add(ignored(entry, `${why}; left out of account`));
  }

  #placeOfKey(entries: Entries, key: string): Place {
    return entries.get(key.toLowerCase())?.value ?? this.#value;
  }

  #refuse(at: Place, field: string, message: string): void {
    this.#problems.push({ ...placeOf(at), field, message });
  }
}

function entriesOf(value: PlacedValue & { kind: 'object' }, problems: FileNote[]): Entries {
  const entries: Entries = new Map();
  for (const entry of value.entries) {
    const name = entry.key.toLowerCase();
    if (entries.has(name))
      problems.push({ ...placeOf(entry), field: entry.key, message: 'is there twice' });
    entries.set(name, entry);
  }
  return entries;
}

function ignored({ line, column, key }: Place & { key: string }, message: string): FileNote {
  return { line, column, field: key, message };
}

function placeOf({ line, column }: Place): Place {
  return { line, column };
}
