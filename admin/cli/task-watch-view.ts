// `drover tasks watch`: the progress of a run, drawn over itself on a terminal, a line for each
// change where it is not one.
import type { Message } from '@bufbuild/protobuf';
import { RunState } from '../../gen/drover/v1/run_pb.ts';
import type { WatchTaskResponse } from '../../gen/drover/v1/task_pb.ts';
import { cutToWidth, displayWidth, escapeControl, formatCount } from '../../lib/format.ts';
import { hasEnded, progressLine, renderProgress } from '../../lib/progress-view.ts';
import { formatTime } from './cell.ts';
import { exitStatus } from './exit-status.ts';
import type { CommandContext } from './run-command.ts';
import type { StreamView } from './special-views.ts';

/** Lines are not printed more often than this. */
const linePauseMs = 1000;

/** Shows each state of the watched task, and ends with the status of its run. */
export class TaskWatchView implements StreamView {
  readonly #context: CommandContext;
  #latest: WatchTaskResponse | undefined;
  #drawn: readonly string[] = [];
  #printed = '';
  #printedAtMs = -Infinity;

  constructor(context: CommandContext) {
    this.#context = context;
  }

  async next(message: Message): Promise<void> {
    this.#latest = message as WatchTaskResponse;
    if (this.#context.format === 'json') return;
    if (this.#context.stdout.isTerminal) await this.#draw(this.#latest);
    else await this.#print(this.#latest, false);
  }

  async end(): Promise<number> {
    const latest = this.#latest;
    const { format, stdout } = this.#context;
    const run = latest?.run;
    if (format === 'table' && latest !== undefined) {
      if (!stdout.isTerminal) await this.#print(latest, true);
      const advice = adviceAfter(latest);
      if (advice !== '') await stdout.write(`${advice}\n`);
    }
    if (run === undefined || !hasEnded(run)) return exitStatus.wrongState;
    return run.state === RunState.SUCCEEDED ? exitStatus.ok : exitStatus.someFailed;
  }

  async #draw(latest: WatchTaskResponse): Promise<void> {
    const { stdout } = this.#context;
    // One column is left free: a terminal may begin a new line by itself when the last one is
    // written to.
    const width = stdout.columns - 1;
    const lines = latest.run
      ? renderProgress(latest.run, width)
      : [cutToWidth(notRun(latest), width)];
    const back =
      this.#drawn.length > 0 ? `\x1b[${rowsOf(this.#drawn, stdout.columns)}A\r\x1b[J` : '';
    this.#drawn = lines;
    await stdout.write(`${back}${lines.join('\n')}\n`);
  }

  async #print(latest: WatchTaskResponse, isLast: boolean): Promise<void> {
    const line = latest.run ? progressLine(latest.run) : notRun(latest);
    const nowMs = this.#context.clock.steady();
    const due = isLast || nowMs - this.#printedAtMs >= linePauseMs;
    if (line === this.#printed || !due) return;
    this.#printed = line;
    this.#printedAtMs = nowMs;
    await this.#context.stdout.write(`${line}\n`);
  }
}

/** How many rows the lines take now: a terminal that was made narrower since has broken them. */
function rowsOf(lines: readonly string[], columns: number): number {
  const rows = lines.map((line) => Math.max(1, Math.ceil(displayWidth(line) / columns)));
  return rows.reduce((sum, one) => sum + one, 0);
}

function notRun(latest: WatchTaskResponse): string {
  const name = escapeControl(latest.task?.name ?? 'the task');
  const next = latest.task?.nextRunTime;
  const later = next === undefined ? '' : `; it is run by itself at ${formatTime(next)}`;
  return `${name} has not been run${later}`;
}

function adviceAfter({ task, run }: WatchTaskResponse): string {
  if (run === undefined) return `Run it with: drover tasks run ${escapeControl(task?.name ?? '')}`;
  const failed = run.progress?.failedItems ?? 0n;
  if (failed === 0n) return '';
  return `List the ${formatCount(failed)} failed: drover items list ${escapeControl(run.name)} --state failed`;
}
