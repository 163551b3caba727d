// Which agents can work for which runs. PURE.
import type { Task } from '../../gen/drover/v1/task_pb.ts';
import { usualAgentGroup } from '../../lib/agent-group.ts';
import { holds, parseLocation, type Location } from '../../lib/location.ts';

/** What an agent can reach. */
export interface Ability {
  locationKinds: readonly string[];
  group: string;
  /** The folders and shares it can read; none: everything. */
  roots: readonly Location[];
  /** What it cannot read at the moment of all that. @default nothing */
  refused?: readonly Location[];
}

/** What a run asks of its agents. */
export interface Need {
  locationKinds: readonly string[];
  /** The group that works on it; empty: all. */
  group: string;
  source: Location;
}

/** What the runs of a task ask of their agents. */
export function needOf({ source: from, destination, agentGroup }: Task): Need {
  const source = parseLocation(from, 'source');
  const { kind } = parseLocation(destination, 'destination');
  return { locationKinds: [source.kind, kind], group: agentGroup, source };
}

/** Why an agent cannot work for a run. */
export type Hindrance = 'group' | 'source' | 'tenant' | 'kind';

export function canServe(ability: Ability, need: Need): boolean {
  return hindrance(ability, need) === undefined;
}

/** The first reason why the agent cannot work for the run; undefined when it can. */
export function hindrance(ability: Ability, need: Need): Hindrance | undefined {
  if (need.group !== '' && need.group !== ability.group) return 'group';
  for (const kind of need.locationKinds)
    if (!ability.locationKinds.includes(kind)) return kind === 'sharepoint' ? 'tenant' : 'kind';
  if (ability.roots.length > 0 && !ability.roots.some((root) => holds(root, need.source)))
    return 'source';
  return ability.refused?.some((place) => holds(place, need.source)) ? 'source' : undefined;
}

/** The group of an agent as its hello names it. */
export function groupOf(text: string): string {
  return text === '' ? usualAgentGroup : text;
}
