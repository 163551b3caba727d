// AgentService: the agents as administrators see them.
import type { ServiceImpl } from '@connectrpc/connect';
import type { Agent, AgentService, ListAgentsRequest } from '../../gen/drover/v1/agent_pb.ts';
import { pause } from '../../lib/time.ts';
import { agentName, parseAgentName } from '../task/names.ts';
import { viewAgent } from './agent-view.ts';
import { ChangeFlag } from './change-hub.ts';
import { notFound } from './lookup.ts';
import { readPageRequest, writePageToken } from './paging.ts';
import type { ServiceParts } from './service-parts.ts';

/** The least time between two looks at the agents that changed. */
const watchIntervalMs = 500;
const agentsRead = 200;

type Parts = Pick<ServiceParts, 'store' | 'dispatcher' | 'clock' | 'changes'>;

export function createAgentService(parts: Parts): Partial<ServiceImpl<typeof AgentService>> {
  return {
    getAgent: async ({ name }) => {
      const agent = await readAgent(parts, parseAgentName(name, 'name'));
      if (agent === undefined) throw notFound('agent', name);
      return { agent };
    },
    listAgents: (request) => listAgents(parts, request),
    watchAgents: (_request, { signal }) => watchAgents(parts, signal),
  };
}

async function readAgent({ store, dispatcher }: Parts, id: string): Promise<Agent | undefined> {
  const row = await store.agent(id);
  return row === undefined ? undefined : viewAgent(row, dispatcher.liveAgent(id));
}

async function listAgents({ store, dispatcher }: Parts, request: ListAgentsRequest) {
  const scope = ['agents'];
  const { size, cursor } = readPageRequest(request, scope);
  const rows = await store.agents(cursor, size + 1);
  const page = rows.slice(0, size).map((row) => {
    const id = parseAgentName(row.agent!.name, 'name');
    return { id, agent: viewAgent(row, dispatcher.liveAgent(id)) };
  });
  const next = rows.length > size ? page.at(-1)!.id : undefined;
  return { agents: page.map(({ agent }) => agent), nextPageToken: writePageToken(next, scope) };
}

/** What changed is kept as a set of ids: at most one entry for each agent, however often it changes. */
async function* watchAgents(parts: Parts, signal: AbortSignal) {
  const changed = new Set<string>();
  const flag = new ChangeFlag();
  const unsubscribe = parts.changes.subscribe((change) => {
    if (change.kind !== 'agent') return;
    changed.add(change.agent);
    flag.raise();
  });
  try {
    for await (const agent of allAgents(parts)) yield { agent };
    for (;;) {
      await flag.wait(signal);
      const ids = [...changed];
      changed.clear();
      for (const id of ids) {
        const agent = await readAgent(parts, id);
        if (agent !== undefined) yield { agent };
      }
      await pause(parts.clock, watchIntervalMs, signal);
    }
  } finally {
    unsubscribe();
  }
}

async function* allAgents({ store, dispatcher }: Parts): AsyncGenerator<Agent> {
  for (let after = ''; ;) {
    const rows = await store.agents(after, agentsRead);
    for (const row of rows) {
      after = row.agent!.name.slice(agentName('').length);
      yield viewAgent(row, dispatcher.liveAgent(after));
    }
    if (rows.length < agentsRead) return;
  }
}
