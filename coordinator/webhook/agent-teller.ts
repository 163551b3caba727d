// Tells webhooks when an agent comes into another state. That is stored nowhere, so it is looked at when something about an agent changed, and
// the state that was told last stands in its row: what is told is a difference to that, also over a restart of the coordinator.
import { create } from '@bufbuild/protobuf';
import { AgentRowSchema, type AgentRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { AgentState } from '../../gen/drover/v1/agent_pb.ts';
import type { Logger } from '../../lib/log.ts';
import type { Clock } from '../../lib/time.ts';
import type { Dispatcher } from '../dispatch/dispatcher.ts';
import { stateOf, viewAgent } from '../rpc/agent-view.ts';
import type { ChangeHub } from '../rpc/change-hub.ts';
import type { Store, Transaction } from '../store/store.ts';
import { parseAgentName } from '../task/names.ts';
import { agentEvent } from './event-body.ts';
import { agentType } from './event-types.ts';
import type { Outbox } from './outbox.ts';

/** How long after a start agents may take to come back before those that did not count as gone. */
export const graceMs = 60_000;
/** After a look at agents it rests for so long: an agent that works says something several times a second. */
const restMs = 1000;
const agentsRead = 200;

export interface AgentTellerParts {
  store: Store;
  outbox: Pick<Outbox, 'enter' | 'isIdle'>;
  dispatcher: Pick<Dispatcher, 'liveAgent'>;
  changes: Pick<ChangeHub, 'subscribe'>;
  clock: Clock;
  log: Logger;
}

export class AgentTeller {
  readonly #parts: AgentTellerParts;
  readonly #stops: (() => void)[];
  /** The ids of agents to be looked at. */
  #changed = new Set<string>();
  #isResting = false;
  #isClosed = false;
  #looking: Promise<void> = Promise.resolve();
  #cancelRest: () => void = () => {};

  constructor(parts: AgentTellerParts) {
    this.#parts = parts;
    this.#stops = [
      parts.changes.subscribe((change) => {
        if (change.kind !== 'agent' || parts.outbox.isIdle) return;
        this.#changed.add(change.agent);
        this.#wake();
      }),
      parts.clock.after(graceMs, () => void this.#lookAtAll()),
    ];
  }

  /** Takes the agents as they are for what was told: before the first webhook is made, to which nothing of the past is news. */
  async adopt(): Promise<void> {
    for await (const agents of this.#all())
      await this.#parts.store.commit(async (transaction) => {
        for (const id of agents) {
          const row = await transaction.agent(id);
          if (row !== undefined) putTold(transaction, id, row, this.#stateOf(id, row));
        }
      });
  }

  /** Resolves when nothing more is entered. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const stop of this.#stops) stop();
    await this.#looking;
    this.#cancelRest();
  }

  async #lookAtAll(): Promise<void> {
    if (this.#parts.outbox.isIdle) return;
    try {
      for await (const agents of this.#all()) for (const id of agents) this.#changed.add(id);
    } catch (error) {
      this.#parts.log.error({ err: error }, 'it cannot be read which agents there are, to tell webhooks'); // oxfmt-ignore
    }
    this.#wake();
  }

  /** The ids of all agents, page by page. */
  async *#all(): AsyncGenerator<string[]> {
    for (let after = ''; ;) {
      const rows = await this.#parts.store.agents(after, agentsRead);
      const ids = rows.map(({ agent }) => parseAgentName(agent!.name, 'name'));
      if (ids.length > 0) yield ids;
      if (ids.length < agentsRead) return;
      after = ids.at(-1)!;
    }
  }

  #wake(): void {
    if (this.#isResting || this.#isClosed) return;
    this.#isResting = true;
    const agents = this.#changed;
    this.#changed = new Set();
    this.#looking = this.#look(agents);
  }

  /** Never rejects. */
  async #look(agents: ReadonlySet<string>): Promise<void> {
    const { clock, log } = this.#parts;
    try {
      for (const agent of agents) await this.#tell(agent);
    } catch (error) {
      log.error({ err: error }, 'webhooks cannot be told of agents');
    }
    this.#cancelRest = clock.after(restMs, () => {
      this.#isResting = false;
      if (this.#changed.size > 0) this.#wake();
    });
  }

  async #tell(id: string): Promise<void> {
    const { store, outbox, dispatcher, clock } = this.#parts;
    const seen = await store.agent(id);
    if (seen === undefined || toldState(seen) === this.#stateOf(id, seen)) return;
    await store.commit(async (transaction) => {
      const row = await transaction.agent(id);
      if (row === undefined) return;
      const state = this.#stateOf(id, row);
      if (toldState(row) === state) return;
      const live = dispatcher.liveAgent(id);
      const nowMs = clock.now();
      const agent = viewAgent(row, live && { live, sinceMs: nowMs });
      putTold(transaction, id, row, state);
      await outbox.enter(transaction, [agentEvent(agent, nowMs, agentType(state))]);
    });
  }

  #stateOf(id: string, row: AgentRow): AgentState {
    const state = stateOf(row, this.#parts.dispatcher.liveAgent(id));
    return state === AgentState.BUSY ? AgentState.ONLINE : state;
  }
}

/** Of an agent that nobody was told of nobody knows that it is there. */
function toldState({ toldState: state }: AgentRow): AgentState {
  return state === AgentState.UNSPECIFIED ? AgentState.DISCONNECTED : state;
}

function putTold(transaction: Transaction, id: string, row: AgentRow, state: AgentState): void {
  transaction.putAgent(id, create(AgentRowSchema, { ...row, toldState: state }));
}
