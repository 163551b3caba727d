// What became of each of many tasks: a line for each, and at the end how many there were.
import type { Message } from '@bufbuild/protobuf';
import { TaskOutcomeSchema, type ApplyToTasksResponse } from '../../gen/drover/v1/task_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { formatCount } from '../../lib/format.ts';
import { exitStatus } from './exit-status.ts';
import type { CommandContext } from './run-command.ts';
import type { StreamView } from './special-views.ts';
import { Table } from './table.ts';

export class ApplyView implements StreamView {
  readonly #context: CommandContext;
  readonly #table: Table;
  #matched = 0;
  #seen = 0;
  #refused = 0;

  constructor(context: CommandContext) {
    const { stdout, columns = ['name', 'run', 'reason', 'message'] } = context;
    this.#context = context;
    const width = stdout.isTerminal ? stdout.columns : undefined;
    this.#table = new Table(TaskOutcomeSchema, { columns, width });
  }

  async next(message: Message): Promise<void> {
    const { step } = message as ApplyToTasksResponse;
    if (step.case === 'matchedTasks') this.#matched = step.value;
    if (step.case !== 'outcome') return;
    this.#seen += 1;
    if (step.value.reason !== ErrorReason.UNSPECIFIED) this.#refused += 1;
    if (this.#context.format === 'json') return;
    const lines = this.#table.lines([step.value]);
    await this.#context.stdout.write(lines.map((line) => `${line}\n`).join(''));
  }

  async end(): Promise<number> {
    const matched = `${formatCount(this.#matched)} ${this.#matched === 1 ? 'task' : 'tasks'}`;
    const refused = this.#refused === 0 ? '' : `, ${formatCount(this.#refused)} of them refused`;
    await this.#context.stderr.write(`drover: ${matched}${refused}\n`);
    const isDone = this.#refused === 0 && this.#seen === this.#matched;
    return isDone ? exitStatus.ok : exitStatus.someFailed;
  }
}
