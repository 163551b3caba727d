// What a run waits for that no agent works on, in words. PURE.
import { AgentAvailability } from '../../gen/drover/v1/agent_pb.ts';
import { GoneDecision, RunState, type Run } from '../../gen/drover/v1/run_pb.ts';
import type { Attention } from '../../gen/drover/v1/session_pb.ts';
import { agentName } from '../task/names.ts';
import { hinders, refusedEnd } from './attention.ts';
import { hindrance, notUnderstood, type Ability, type Hindrance, type Need } from './reach.ts';

/** How many groups or places are named; there may be many more. */
const namedMax = 4;

/** An attached agent, as far as the words need it. */
export interface Waited {
  /** Its id. */
  agent: string;
  /** As it names it. */
  version: string;
  /** What it can work for when nothing is wrong with it. */
  offered: Ability;
  /** What is wrong with it. */
  attention: Attention | undefined;
  draining: boolean;
  availability: AgentAvailability | undefined;
  /** As the agent gives them. */
  sourceRoots: readonly string[];
  /** Whether it has room for what the run wants next. */
  hasRoom: boolean;
}

/** Where a run reads from and writes to, as a person gave it. */
export interface Ends {
  source: string;
  destination: string;
}

/** Empty when it waits for nothing: it is about to be given out. */
export function waitingFor(run: Run, need: Need, ends: Ends, sessions: readonly Waited[]): string {
  if (run.state === RunState.PAUSED && run.goneDecision === GoneDecision.PENDING)
    return 'a decision: recycle or keep what is gone from the source';
  if (run.state === RunState.AWAITING_APPROVAL) return 'approval of its plan';
  if (run.state === RunState.PAUSED) return 'somebody to resume it';
  if (run.state === RunState.CANCELLING) return 'its agents to stop';
  if (sessions.length === 0) return 'an agent: none is attached';
  let left = sessions;
  for (const hindered of ['group', 'tenant', 'kind', 'source', 'settings'] as const) {
    const able = left.filter(({ offered }) => !isHinderedBy(offered, need, hindered));
    if (able.length === 0) return words(hindered, need, ends.source, left);
    left = able;
  }
  const willing = left.filter((session) => !isStopped(session));
  if (willing.length === 0) return 'an agent that takes work: all that could serve it are draining or disabled'; // oxfmt-ignore
  if (willing.every(({ attention }) => hinders(attention, need)))
    return ailing(willing, need, ends);
  if (willing.some(({ attention, hasRoom }) => hasRoom && !hinders(attention, need))) return '';
  return 'a free slot: other runs have them all';
}

/** The first agent's words stand for all: they have mostly the same sign-in. They may be about several shares, so the one that counts is named. */
function ailing(sessions: readonly Waited[], need: Need, ends: Ends): string {
  const byName = sessions.toSorted((one, other) => (one.agent < other.agent ? -1 : 1));
  const { agent, attention } = byName[0]!;
  const others = sessions.length - 1;
  const more = others === 0 ? '' : ` (and so ${others === 1 ? 'does 1 other' : `do ${others} others`})`; // oxfmt-ignore
  const end = refusedEnd(attention!, need);
  const toReach = end === undefined ? '' : end === 'source' ? ` to read ${ends.source}` : ` to write to ${ends.destination}`; // oxfmt-ignore
  return `${agentName(agent)} needs attention${toReach}${more}: ${attention!.message}`;
}

function isHinderedBy(ability: Ability, need: Need, hindered: Hindrance): boolean {
  // Each by itself, so that the words name the one that is left when all others are met.
  const met = { group: '', locationKinds: [] as string[], source: need.source };
  switch (hindered) {
    case 'group':
      return hindrance({ ...ability, roots: [] }, { ...met, group: need.group }) !== undefined;
    case 'source':
      return hindrance(ability, met) !== undefined;
    case 'settings':
      return notUnderstood(ability, need).length > 0;
    default: {
      const isTenant = (kind: string) => (kind === 'sharepoint') === (hindered === 'tenant');
      const locationKinds = need.locationKinds.filter(isTenant);
      return hindrance({ ...ability, roots: [] }, { ...met, locationKinds }) !== undefined;
    }
  }
}

function words(
  hindered: Hindrance,
  need: Need,
  source: string,
  sessions: readonly Waited[],
): string {
  switch (hindered) {
    case 'group': {
      const groups = [...new Set(sessions.map(({ offered }) => offered.group))].toSorted();
      return `an agent of the group "${need.group}": the attached ones are of ${list(groups.map((group) => `"${group}"`))}`; // oxfmt-ignore
    }
    case 'source': {
      const roots = [...new Set(sessions.flatMap(({ sourceRoots }) => sourceRoots))].toSorted();
      return `an agent that reaches ${source}: the attached ones${ofGroup(need)} reach ${list(roots)}`;
    }
    case 'tenant':
      return `an agent with a sign-in to a tenant: the attached ones${ofGroup(need)} serve folders only`; // oxfmt-ignore
    case 'kind':
      return `an agent that can serve ${list([...new Set(need.locationKinds)])}`;
    case 'settings':
      return `an agent that knows ${tooOld(need, sessions)}`;
  }
}

/** What sessions do not know that would serve the run if they did, of which version they are, and what to do. The first agent stands for all. */
export function tooOld(
  need: Need,
  sessions: readonly Pick<Waited, 'agent' | 'version' | 'offered'>[],
): string {
  const byName = sessions.toSorted((one, other) => (one.agent < other.agent ? -1 : 1));
  const { agent, version, offered } = byName[0]!;
  const settings = list(notUnderstood(offered, need).map(({ name }) => name));
  const first = `${agentName(agent)} of version ${version || 'unknown'}`;
  const others = sessions.length - 1;
  if (others === 0) return `${settings}: ${first} does not; update it`;
  return `${settings}: ${first} and ${others === 1 ? '1 other' : `${others} others`} do not; update them`;
}

function ofGroup({ group }: Need): string {
  return group === '' ? '' : ` of the group "${group}"`;
}

function isStopped({ draining, availability }: Waited): boolean {
  return draining || availability === AgentAvailability.DRAINING || availability === AgentAvailability.DISABLED; // oxfmt-ignore
}

function list(names: readonly string[]): string {
  if (names.length > namedMax)
    return `${names.slice(0, namedMax).join(', ')} and ${names.length - namedMax} more`;
  const last = names.at(-1) ?? 'none';
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} and ${last}`;
}
