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
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { agentName } from '../task/names.ts';
import { happening } from '../trust/audit-call.ts';
import { withPresence } from './agent-view.ts';
import { peerKey, requireAgent } from './caller.ts';
import type { ServiceParts } from './service-parts.ts';

type Parts = Pick<ServiceParts, 'store' | 'audit' | 'dispatcher' | 'clock' | 'log'>;

/**
 * A session that was heard of so recently was alive when another took its place: its certificate is used twice. One whose connection broke
 * without a word was silent for longer before its agent noticed.
 */
const aliveMs = 10_000;

export function createSessionService(parts: Parts): ServiceImpl<typeof AgentSessionService> {
  return {
    attach: (requests, context) =>
      attach(parts, requests, {
        agent: requireAgent(context),
        address: context.values.get(peerKey).address,
        signal: context.signal,
      }),
  };
}

/** Passes frames on, and keeps in the agent's row what it said of itself, for the time when it is not attached. */
async function* attach(
  parts: Parts,
  requests: AsyncIterable<AttachRequest>,
  { agent, address, signal }: { agent: string; address: string; signal: AbortSignal },
): AsyncGenerator<AttachResponse> {
  let attached = false;
  try {
    for await (const response of parts.dispatcher.attach(agent, requests, signal, address)) {
      if (!attached) {
        attached = true;
        await arrived(parts, agent);
      }
      yield response;
    }
  } catch (error) {
    await noteReplaced(parts, agent, address, error);
    throw error;
  } finally {
    // When a newer session took its place, the agent has not left.
    if (attached && parts.dispatcher.liveAgent(agent) === undefined) await left(parts, agent);
  }
}

/** Enters it in the audit log when a session lost its place to another that showed the same certificate. */
async function noteReplaced(
  { audit }: Parts,
  agent: string,
  address: string,
  error: unknown,
): Promise<void> {
  if (!(error instanceof DroverError) || error.reason !== ErrorReason.SESSION_REPLACED) return;
  const newer = error.metadata['address'] ?? '';
  const heardMs = Number(error.metadata['heardMs']);
  if (newer === address && heardMs > aliveMs) return;
  const resource = agentName(agent);
  const message = `the session from ${address}, which was heard of ${Math.round(heardMs / 1000)} s before, was ended by one from ${newer} that showed a certificate of the same agent`;
  const call = happening('a session took the place of another', resource, newer);
  await audit.note(call, { resource, message });
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
    log.warn({ err: error, agent: agentName(id) }, 'cannot record what the agent said of itself');
    return true;
  }
}
