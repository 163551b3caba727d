// An agent as the API shows it: what is stored, and, while it is attached, what it says of itself. PURE.
import { clone } from '@bufbuild/protobuf';
import { timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import type { AgentRow } from '../../gen/drover/store/v1/rows_pb.ts';
import {
  AgentAvailability,
  AgentSchema,
  AgentState,
  type Agent,
} from '../../gen/drover/v1/agent_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import type { LiveAgent } from '../dispatch/dispatcher.ts';

/** An agent that is attached. */
export interface Presence {
  live: LiveAgent;
  /** Since when it is at work, or is not, or finishes what it has. */
  sinceMs: number;
}

/** `presence` is undefined when the agent is not attached. */
export function viewAgent(row: AgentRow, presence: Presence | undefined): Agent {
  const agent = clone(AgentSchema, row.agent!);
  agent.availability = availabilityOf(row);
  agent.state = stateOf(row, presence?.live);
  agent.stateTime = timestampFromMs(stateMs(row, agent.state, presence));
  return presence === undefined
    ? agent
    : withMoment(withPresence(agent, presence.live), presence.live);
}

/** Not part of its presence, because that is kept. */
function withMoment(agent: Agent, live: LiveAgent): Agent {
  const { itemsPerSecond, bytesPerSecond, attention, unknownSettings } = live;
  return {
    ...agent,
    itemsPerSecond,
    bytesPerSecond: BigInt(Math.round(bytesPerSecond)),
    attentionReason: attention?.reason ?? ErrorReason.UNSPECIFIED,
    attentionMessage: attention?.message ?? '',
    attentionSources: [...(attention?.sources ?? [])],
    unknownSettings: [...unknownSettings],
  };
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
    group: live.group,
    sourceRoots: [...live.sourceRoots],
  };
}

/** What somebody wants of an agent; enabled when nobody has said anything. */
export function availabilityOf({ agent }: AgentRow): AgentAvailability {
  return agent!.availability || AgentAvailability.ENABLED;
}

/** `live` is undefined when the agent is not attached. */
export function stateOf(row: AgentRow, live: LiveAgent | undefined): AgentState {
  const availability = availabilityOf(row);
  if (availability === AgentAvailability.DISABLED) return AgentState.DISABLED;
  if (live === undefined) return AgentState.DISCONNECTED;
  if (availability === AgentAvailability.DRAINING || live.draining) return AgentState.DRAINING;
  if (live.attention !== undefined) return AgentState.NEEDS_ATTENTION;
  return live.slotsUsed > 0 ? AgentState.BUSY : AgentState.ONLINE;
}

/**
 * A coordinator that died did not see its agents leave: such an agent has been gone since it was last heard of, as far as that was
 * written down.
 */
function stateMs(row: AgentRow, state: AgentState, presence: Presence | undefined): number {
  const { createTime, lastSeenTime } = row.agent!;
  const changedMs = row.stateTime === undefined ? 0 : timestampMs(row.stateTime);
  if (state === AgentState.DISABLED) return changedMs;
  if (presence !== undefined) return Math.max(presence.sinceMs, changedMs);
  const seen = lastSeenTime ?? createTime;
  return Math.max(changedMs, seen === undefined ? 0 : timestampMs(seen));
}
