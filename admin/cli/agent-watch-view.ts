// `drover agents watch`: a line for each agent, and another one whenever something about it changes that a person would act on.
// Its rates and when it was heard of change all the time, and are no news.
import type { Message } from '@bufbuild/protobuf';
import { AgentSchema, type Agent, type WatchAgentsResponse } from '../../gen/drover/v1/agent_pb.ts';
import { exitStatus } from './exit-status.ts';
import type { CommandContext } from './run-command.ts';
import type { StreamView } from './special-views.ts';
import { Table, type LeadingColumn } from './table.ts';

/** What is shown when nothing is asked for, whatever the first agent has: the others may have more. */
const watchedColumns = [
  ...['name', 'state', 'state_time', 'group', 'slots_used', 'slots'],
  'attention_message',
];

/** Shows agents as they come, go, and are put to work. */
export class AgentWatchView implements StreamView {
  readonly #context: CommandContext;
  readonly #table: Table;
  /** What was shown of each agent last, by its name. */
  readonly #shown = new Map<string, string>();

  constructor(context: CommandContext, leading: readonly LeadingColumn[]) {
    const { stdout, columns = watchedColumns } = context;
    const width = stdout.isTerminal ? stdout.columns : undefined;
    this.#context = context;
    this.#table = new Table(AgentSchema, { columns, width, leading });
  }

  async next(message: Message): Promise<void> {
    const { agent, removedAgent } = message as WatchAgentsResponse;
    if (this.#context.format === 'json') return;
    if (removedAgent !== '') {
      this.#shown.delete(removedAgent);
      await this.#context.stdout.write(`${removedAgent}  removed\n`);
    }
    if (agent === undefined) return;
    const news = newsOf(agent);
    if (this.#shown.get(agent.name) === news) return;
    this.#shown.set(agent.name, news);
    const lines = this.#table.lines([agent]);
    await this.#context.stdout.write(lines.map((line) => `${line}\n`).join(''));
  }

  end(): Promise<number> {
    return Promise.resolve(exitStatus.ok);
  }
}

function newsOf(agent: Agent) {
  const { state, availability, slots, slotsUsed, group, sourceRoots, version } = agent;
  const { attentionReason, attentionMessage } = agent;
  const attention = [attentionReason, attentionMessage];
  return JSON.stringify([state, availability, slots, slotsUsed, group, sourceRoots, version, attention]); // oxfmt-ignore
}
