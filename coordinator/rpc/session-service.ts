// AgentSessionService: the bridge between an agent's stream and the dispatcher.
import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { AgentRowSchema, type AgentRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { AgentAvailability } from '../../gen/drover/v1/agent_pb.ts';
import type {
  AgentSessionService,
  AttachRequest,
  AttachResponse,
} from '../../gen/drover/v1/session_pb.ts';
import { removedAgent } from '../trust/identity.ts';
import { withPresence } from './agent-view.ts';
import { requireAgent } from './caller.ts';
import type { ServiceParts } from './service-parts.ts';

type Parts = Pick<ServiceParts, 'store' | 'dispatcher' | 'clock' | 'log'>;

export function createSessionService(parts: Parts): ServiceImpl<typeof AgentSessionService> {
  return {
    attach: (requests, context) => attach(parts, requireAgent(context), requests, context.signal),
  };
}

/** Passes frames on, and keeps in the agent's row what it said of itself, for the time when it is not attached. */
async function* attach(
  parts: Parts,
  agent: string,
  requests: AsyncIterable<AttachRequest>,
  signal: AbortSignal,
): AsyncGenerator<AttachResponse> {
  let attached = false;
  try {
    for await (const response of parts.dispatcher.attach(agent, requests, signal)) {
      if (!attached) {
        attached = true;
        await arrived(parts, agent);
      }
      yield response;
    }
  } finally {
    // When a newer session took its place, the agent has not left.
    if (attached && parts.dispatcher.liveAgent(agent) === undefined) await left(parts, agent);
  }
}

/** Throws UNAUTHENTICATED when somebody removed the agent between its certificate's check and now. */
async function arrived(parts: Parts, agent: string): Promise<void> {
  const live = parts.dispatcher.liveAgent(agent);
  if (live === undefined) return;
  const idle = { slotsUsed: 0, itemsPerSecond: 0, bytesPerSecond: 0n };
  const isKnown = await changeAgent(parts, agent, (row) => ({
    ...row,
    agent: { ...withPresence(row.agent!, live), ...idle },
  }));
  if (!isKnown) throw removedAgent(agent);
}

async function left(parts: Parts, agent: string): Promise<void> {
  const now = timestampFromMs(parts.clock.now());
  await changeAgent(parts, agent, (row) => ({
    ...row,
    agent: { ...row.agent!, lastSeenTime: now },
    // One that is disabled is so attached or not.
    ...(row.agent!.availability === AgentAvailability.DISABLED ? {} : { stateTime: now }),
  }));
}

/** Answers whether there is such an agent, which is taken for true while the store cannot say. */
async function changeAgent(
  { store, log }: Parts,
  id: string,
  change: (row: AgentRow) => AgentRow,
): Promise<boolean> {
  try {
    return await store.commit(async (transaction) => {
      const row = await transaction.agent(id);
      if (row !== undefined) transaction.putAgent(id, create(AgentRowSchema, change(row)));
      return row !== undefined;
    });
  } catch (error) {
    // What an agent last said of itself is for people to read; no work depends on it.
    log.warn({ err: error, agent: id }, 'cannot record what the agent said of itself');
    return true;
  }
}
