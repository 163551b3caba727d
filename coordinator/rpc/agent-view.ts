// An agent as the API shows it: what is stored, and, while it is attached, what it says of itself. PURE.
import { clone } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { AgentRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { AgentSchema, AgentState, type Agent } from '../../gen/drover/v1/agent_pb.ts';
import type { LiveAgent } from '../dispatch/dispatcher.ts';

/** `live` is undefined when the agent is not attached. */
export function viewAgent(row: AgentRow, live: LiveAgent | undefined): Agent {
  const agent = clone(AgentSchema, row.agent!);
  agent.state = agentState(live);
  return live === undefined ? agent : withPresence(agent, live);
}

/** The agent with what it said of itself when it was attached. */
export function withPresence(agent: Agent, live: LiveAgent): Agent {
  const { version, platform, slots, locationKinds, attachTimeMs, lastSeenTimeMs } = live;
  return {
    ...agent,
    version,
    platform,
    slots,
    locationKinds: [...locationKinds],
    slotsUsed: live.slotsUsed,
    attachTime: timestampFromMs(attachTimeMs),
    lastSeenTime: timestampFromMs(lastSeenTimeMs),
  };
}

function agentState(live: LiveAgent | undefined): AgentState {
  if (live === undefined) return AgentState.DISCONNECTED;
  if (live.draining) return AgentState.DRAINING;
  return live.slotsUsed > 0 ? AgentState.BUSY : AgentState.ONLINE;
}
