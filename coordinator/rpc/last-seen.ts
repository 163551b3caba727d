// Writes down now and then that attached agents are there, for the case that the coordinator dies and cannot see them leave.
import { create } from '@bufbuild/protobuf';
import { timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import { AgentRowSchema } from '../../gen/drover/store/v1/rows_pb.ts';
import { AgentSchema } from '../../gen/drover/v1/agent_pb.ts';
import type { Logger } from '../../lib/log.ts';
import type { Clock } from '../../lib/time.ts';
import type { Dispatcher } from '../dispatch/dispatcher.ts';
import type { Store, Transaction } from '../store/store.ts';

/** How much too early a time may be that is shown after a crash. */
const intervalMs = 60_000;

export interface LastSeenParts {
  store: Store;
  dispatcher: Pick<Dispatcher, 'attachedAgents' | 'liveAgent'>;
  clock: Clock;
  log: Logger;
}

/** Begins; the answer ends it, and resolves when nothing more is written. */
export function keepLastSeen(parts: LastSeenParts): () => Promise<void> {
  const { clock, log } = parts;
  let writing: Promise<void> = Promise.resolve();
  let closed = false;
  const tick = () => {
    writing = writeAll(parts)
      .catch((error: unknown) => log.warn({ err: error }, 'cannot record which agents are there'))
      .finally(() => {
        if (!closed) cancel = clock.after(intervalMs, tick);
      });
  };
  let cancel = clock.after(intervalMs, tick);
  return async () => {
    closed = true;
    cancel();
    await writing;
  };
}

/** One commit for all agents. */
async function writeAll({ store, dispatcher }: LastSeenParts): Promise<void> {
  const agents = dispatcher.attachedAgents();
  if (agents.length === 0) return;
  await store.commit(async (transaction) => {
    for (const agent of agents) await write(transaction, agent, dispatcher.liveAgent(agent)?.lastSeenTimeMs); // oxfmt-ignore
  });
}

async function write(transaction: Transaction, id: string, seenMs: number | undefined) {
  const row = await transaction.agent(id);
  if (row?.agent === undefined || seenMs === undefined) return;
  const { lastSeenTime } = row.agent;
  if (lastSeenTime !== undefined && timestampMs(lastSeenTime) >= seenMs) return;
  const agent = create(AgentSchema, { ...row.agent, lastSeenTime: timestampFromMs(seenMs) });
  transaction.putAgent(id, create(AgentRowSchema, { ...row, agent }));
}
