// What somebody wants of an agent: stored first, then the dispatcher follows.
import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { AgentRowSchema, type AgentRow } from '../../gen/drover/store/v1/rows_pb.ts';
import {
  AgentAvailabilitySchema,
  AgentSchema,
  type AgentAvailability,
} from '../../gen/drover/v1/agent_pb.ts';
import type { Reader } from '../store/store.ts';
import { agentName } from '../task/names.ts';
import { availabilityOf } from './agent-view.ts';
import { notFound } from './lookup.ts';
import type { ServiceParts } from './service-parts.ts';

type Parts = Pick<ServiceParts, 'store' | 'dispatcher' | 'clock' | 'changes' | 'log'>;

/** Answers with the agent's row as it is then. Asked again for the same it changes nothing. Throws NOT_FOUND. */
export async function setAvailability(
  { store, dispatcher, clock, changes, log }: Parts,
  id: string,
  availability: AgentAvailability,
): Promise<AgentRow> {
  const row = await store.commit(async (transaction) => {
    const before = await requireAgentRow(transaction, id);
    if (availabilityOf(before) === availability) return before;
    const agent = create(AgentSchema, { ...before.agent!, availability });
    const stateTime = timestampFromMs(clock.now());
    const after = create(AgentRowSchema, { ...before, agent, stateTime });
    transaction.putAgent(id, after);
    return after;
  });
  // Also when nothing was changed: a call that was cut off between the commit and this is repeated so.
  dispatcher.setAvailability(id, availability);
  log.info({ agent: agentName(id), availability: AgentAvailabilitySchema.value[availability]?.localName }, 'what is wanted of an agent is set'); // oxfmt-ignore
  changes.emit({ kind: 'agent', agent: id });
  return row;
}

/** From the commit on its certificate is refused. Throws NOT_FOUND. */
export async function removeAgent(
  { store, dispatcher, changes, log }: Parts,
  id: string,
): Promise<void> {
  await store.commit(async (transaction) => {
    await requireAgentRow(transaction, id);
    transaction.deleteAgent(id);
  });
  dispatcher.removeAgent(id);
  log.info({ agent: agentName(id) }, 'agent removed');
  changes.emit({ kind: 'agent', agent: id });
}

/** Throws NOT_FOUND when there is no such agent. */
export async function requireAgentRow(reader: Reader, id: string): Promise<AgentRow> {
  const row = await reader.agent(id);
  if (row === undefined) throw notFound('agent', agentName(id));
  return row;
}
