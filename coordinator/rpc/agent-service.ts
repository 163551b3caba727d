// AgentService: the agents as administrators see them.
import type { ServiceImpl } from '@connectrpc/connect';
import {
  AgentAvailability,
  type Agent,
  type AgentService,
  type ListAgentsRequest,
} from '../../gen/drover/v1/agent_pb.ts';
import { pause } from '../../lib/time.ts';
import { agentName, parseAgentName } from '../task/names.ts';
import { removeAgent, requireAgentRow, setAvailability } from './agent-control.ts';
import { viewAgent } from './agent-view.ts';
import { inviteAgents } from './invite-agents.ts';
import { ChangeFlag } from './change-hub.ts';
import { readPageRequest, writePageToken } from './paging.ts';
import { Presences } from './presences.ts';
import type { ServiceParts } from './service-parts.ts';

/** The least time between two looks at the agents that changed. */
const watchIntervalMs = 500;
const agentsRead = 200;

type Given = Pick<ServiceParts, 'store' | 'trust' | 'dispatcher' | 'clock' | 'changes' | 'log' | 'addresses'>; // oxfmt-ignore
type Parts = Given & { presences: Presences };

export function createAgentService(given: Given): ServiceImpl<typeof AgentService> {
  const parts = { ...given, presences: new Presences(given) };
  const become = (availability: AgentAvailability) => async (request: { name: string }) => {
    const id = parseAgentName(request.name, 'name');
    const row = await setAvailability(parts, id, availability);
    return { agent: viewAgent(row, parts.presences.of(id)) };
  };
  return {
    getAgent: async ({ name }) => {
      const id = parseAgentName(name, 'name');
      const row = await requireAgentRow(parts.store, id);
      return { agent: viewAgent(row, parts.presences.of(id)) };
    },
    disableAgent: become(AgentAvailability.DISABLED),
    drainAgent: become(AgentAvailability.DRAINING),
    enableAgent: become(AgentAvailability.ENABLED),
    deleteAgent: async ({ name }) => {
      await removeAgent(parts, parseAgentName(name, 'name'));
      return {};
    },
    inviteAgents: (request) => inviteAgents(parts, request),
    listAgents: (request) => listAgents(parts, request),
    watchAgents: (_request, { signal }) => watchAgents(parts, signal),
  };
}

async function listAgents({ store, presences }: Parts, request: ListAgentsRequest) {
  const scope = ['agents'];
  const { size, cursor } = readPageRequest(request, scope);
  const rows = await store.agents(cursor, size + 1);
  const page = rows.slice(0, size).map((row) => {
    const id = parseAgentName(row.agent!.name, 'name');
    return { id, agent: viewAgent(row, presences.of(id)) };
  });
  const next = rows.length > size ? page.at(-1)!.id : undefined;
  return { agents: page.map(({ agent }) => agent), nextPageToken: writePageToken(next, scope) };
}

/**
 * What changed is kept as a set of ids: at most one entry for each agent, however often it changes. Of an agent that was removed that is
 * told once, and only to who was told of the agent.
 */
async function* watchAgents(parts: Parts, signal: AbortSignal) {
  const changed = new Set<string>();
  const told = new Set<string>();
  const flag = new ChangeFlag();
  const unsubscribe = parts.changes.subscribe((change) => {
    if (change.kind !== 'agent') return;
    changed.add(change.agent);
    flag.raise();
  });
  try {
    for await (const agent of allAgents(parts)) {
      told.add(agent.name);
      yield { agent };
    }
    for (;;) {
      await flag.wait(signal);
      const ids = [...changed];
      changed.clear();
      for (const id of ids) {
        const row = await parts.store.agent(id);
        const name = agentName(id);
        if (row !== undefined) {
          told.add(name);
          yield { agent: viewAgent(row, parts.presences.of(id)) };
        } else if (told.delete(name)) yield { removedAgent: name };
      }
      await pause(parts.clock, watchIntervalMs, signal);
    }
  } finally {
    unsubscribe();
  }
}

async function* allAgents({ store, presences }: Parts): AsyncGenerator<Agent> {
  for (let after = ''; ;) {
    const rows = await store.agents(after, agentsRead);
    for (const row of rows) {
      after = row.agent!.name.slice(agentName('').length);
      yield viewAgent(row, presences.of(after));
    }
    if (rows.length < agentsRead) return;
  }
}
