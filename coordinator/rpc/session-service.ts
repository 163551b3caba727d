// AgentSessionService: the bridge between an agent's stream and the dispatcher.
import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { AgentRowSchema } from '../../gen/drover/store/v1/rows_pb.ts';
import type { Agent } from '../../gen/drover/v1/agent_pb.ts';
import type {
  AgentSessionService,
  AttachRequest,
  AttachResponse,
} from '../../gen/drover/v1/session_pb.ts';
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
        const live = parts.dispatcher.liveAgent(agent);
        if (live !== undefined)
          await changeAgent(parts, agent, (stored) => ({ ...withPresence(stored, live), slotsUsed: 0 })); // prettier-ignore
      }
      yield response;
    }
  } finally {
    const lastSeenTime = timestampFromMs(parts.clock.now());
    if (attached) await changeAgent(parts, agent, (stored) => ({ ...stored, lastSeenTime }));
  }
}

async function changeAgent(
  { store, log }: Parts,
  id: string,
  change: (agent: Agent) => Agent,
): Promise<void> {
  try {
    await store.commit(async (transaction) => {
      const row = await transaction.agent(id);
      if (row !== undefined)
        transaction.putAgent(id, create(AgentRowSchema, { ...row, agent: change(row.agent!) }));
    });
  } catch (error) {
    // What an agent last said of itself is for people to read; no work depends on it.
    log.warn({ err: error, agent: id }, 'cannot record what the agent said of itself');
  }
}
