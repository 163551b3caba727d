// ImportTasks: a file of tasks becomes tasks, in one commit. What takes long (reading, checking, asking agents) is done before the commit, and with
// pauses, so that nobody else waits for it.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import {
  ImportTasksRequestSchema,
  ImportTasksResponseSchema,
  TaskFileFormatSchema,
  type ImportTasksRequest,
  type ImportTasksResponse,
} from '../../gen/drover/v1/task_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { formatCount } from '../../lib/format.ts';
import { readTaskFile } from '../bulk/read-task-file.ts';
import { readEach, type FileNote, type TaskFile } from '../bulk/task-file.ts';
import { nextRunMs } from '../schedule/schedule-row.ts';
import type { Transaction } from '../store/store.ts';
import { taskName } from '../task/names.ts';
import { noteOnCall } from '../trust/audit-call.ts';
import { judgeFile, newTasks, takeIds, withoutDoubles, type Candidate, type NewTask } from './import-plan.ts'; // oxfmt-ignore
import { checkDefaults } from './judge-listed.ts';
import { lookAtLibraries } from './look-at-libraries.ts';
import { repeatableRequest } from './request-id.ts';
import type { TaskServiceParts } from './service-parts.ts';
import { everyKind, servedKinds } from './task-locations.ts';
import { fileColumns } from './task-rules.ts';

/** How many problems an answer tells. */
const problemsToldMax = 1000;
/** How many imports wait for the one that is going. */
const waitingMax = 3;

const pause = () => setImmediate();

/** Imports files, one after the other: so no two of them make the same task. */
export class TaskImporter {
  readonly #parts: TaskServiceParts;
  #last: Promise<unknown> = Promise.resolve();
  #going = 0;

  constructor(parts: TaskServiceParts) {
    this.#parts = parts;
  }

  /**
   * Throws INVALID_ARGUMENT when the content is no file of tasks, or the request asks for what cannot be; what is wrong with the tasks is in the
   * answer.
   */
  async import(request: ImportTasksRequest, signal: AbortSignal): Promise<ImportTasksResponse> {
    if (this.#going > waitingMax)
      throw new DroverError(ErrorReason.TOO_MANY_CALLS, 'other files of tasks are being imported; try again when they are done'); // oxfmt-ignore
    this.#going += 1;
    const imported = this.#last.then(() => new Import(this.#parts, request, signal).run());
    this.#last = imported.catch(() => undefined);
    try {
      return await imported;
    } finally {
      this.#going -= 1;
    }
  }
}

class Import {
  readonly #parts: TaskServiceParts;
  readonly #request: ImportTasksRequest;
  readonly #signal: AbortSignal;
  readonly #problems: FileNote[] = [];

  constructor(parts: TaskServiceParts, request: ImportTasksRequest, signal: AbortSignal) {
    this.#parts = parts;
    this.#request = request;
    this.#signal = signal;
  }

  async run(): Promise<ImportTasksResponse> {
    const { store, clock } = this.#parts;
    const { content, format, validateOnly } = this.#request;
    if (TaskFileFormatSchema.value[format] === undefined)
      throw DroverError.invalid('format', `${format} is no format that is known`);
    checkDefaults(this.#request, clock.now());
    const repeatable = repeatableRequest(ImportTasksRequestSchema, this.#request);
    const earlier = await store.commit((transaction) => repeatable.earlierAnswer(transaction, clock.now())); // oxfmt-ignore
    if (earlier !== undefined) return fromBinary(ImportTasksResponseSchema, earlier);
    const file = await readTaskFile(content, { format, columns: fileColumns, pause });
    this.#problems.push(...file.problems);
    const candidates = await this.#judge(file);
    const tasks = await newTasks(candidates, clock.now(), pause);
    this.#signal.throwIfAborted();
    const hash = createHash('sha256').update(content).digest('hex');
    const { answer, stored } = await store.commit(async (transaction) => {
      const taken = await takeIds(transaction, tasks, { problems: this.#problems, pause });
      const answer = this.#answer(file, taken.free);
      if (validateOnly || answer.createdTasks === 0) return { answer, stored: [] };
      await this.#put(transaction, taken);
      noteOnCall(`imported a file of tasks of ${content.length} bytes with the SHA-256 ${hash}`);
      const binary = toBinary(ImportTasksResponseSchema, answer);
      repeatable.record(transaction, '', clock.now(), binary);
      return { answer, stored: taken.free };
    });
    await this.#tell(stored);
    return answer;
  }

  async #judge(file: TaskFile): Promise<Candidate[]> {
    const { store, dispatcher, clock } = this.#parts;
    const isLooking = this.#request.checkLocations ?? true;
    const kinds = isLooking ? servedKinds(dispatcher) : everyKind;
    const tools = { problems: this.#problems, pause };
    const options = { kinds, nowMs: clock.now() };
    const possible = await judgeFile(file, this.#request, { ...tools, options });
    const single = await withoutDoubles(possible, store, tools);
    if (!isLooking) return single;
    const { usable, problems } = await lookAtLibraries(single, dispatcher, this.#signal);
    this.#problems.push(...problems);
    return usable;
  }

  async #put(
    transaction: Transaction,
    { free, heirs }: { free: NewTask[]; heirs: string[] },
  ): Promise<void> {
    for (const id of heirs) transaction.takeLedger(id);
    await readEach(free, pause, ({ id, row }) => transaction.putTask(id, row));
  }

  #answer(file: TaskFile, free: readonly NewTask[]): ImportTasksResponse {
    const problems = this.#problems.toSorted((one, other) => one.line - other.line || one.column - other.column); // oxfmt-ignore
    const isCreated = problems.length === 0 || (this.#request.skipInvalid && !file.isBroken);
    const created = isCreated ? free : [];
    return create(ImportTasksResponseSchema, {
      format: file.format,
      listedTasks: file.listed,
      createdTasks: created.length,
      invalidTasks: file.listed - free.length,
      problemCount: problems.length,
      problems: problems.slice(0, problemsToldMax),
      notes: file.notes,
      tasks: (this.#request.validateOnly ? [] : created).map(({ listed, id }) => ({
        line: listed.line,
        name: taskName(id),
      })),
    });
  }

  async #tell(stored: readonly NewTask[]): Promise<void> {
    const { scheduler, changes, log } = this.#parts;
    await readEach(stored, pause, ({ id, row }) => {
      scheduler.taskChanged(id, nextRunMs(row));
      changes.emit({ kind: 'task', task: id });
    });
    if (stored.length > 0) log.info({ tasks: stored.length }, `${formatCount(stored.length)} tasks were imported`); // oxfmt-ignore
  }
}
