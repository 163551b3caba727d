// How many agents are in which state.
import type { AgentState } from '../../gen/drover/v1/agent_pb.ts';
import type { Dispatcher } from '../dispatch/dispatcher.ts';
import type { Reader } from '../store/store.ts';
import { parseAgentName } from '../task/names.ts';
import { stateOf } from './agent-view.ts';

const agentsRead = 200;

/** Reads the row of every agent that joined. */
export async function countAgents(
  reader: Pick<Reader, 'agents'>,
  dispatcher: Pick<Dispatcher, 'liveAgent'>,
): Promise<Map<AgentState, number>> {
  const counts = new Map<AgentState, number>();
  for (let after = ''; ;) {
    const rows = await reader.agents(after, agentsRead);
    for (const row of rows) {
      after = parseAgentName(row.agent!.name, 'name');
      const state = stateOf(row, dispatcher.liveAgent(after));
      counts.set(state, (counts.get(state) ?? 0) + 1);
    }
    if (rows.length < agentsRead) return counts;
  }
}
