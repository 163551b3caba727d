// Which agents can work for which runs. PURE.
import type { Task } from '../../gen/drover/v1/task_pb.ts';
import { usualAgentGroup } from '../../lib/agent-group.ts';
import { holds, parseLocation, type Location } from '../../lib/location.ts';
import { unknownOf, type KnownSettings, type NeededSetting } from './needed-settings.ts';

/** What an agent can reach. */
export interface Ability {
  locationKinds: readonly string[];
  group: string;
  /** The folders and shares it can read; none: everything. */
  roots: readonly Location[];
  /** What is out of its reach at the moment, to be read or written to. @default nothing */
  refused?: readonly Location[];
  /** The settings that it understands. @default all */
  settings?: KnownSettings;
}

/** What a run asks of its agents. */
export interface Need {
  locationKinds: readonly string[];
  /** The group that works on it; empty: all. */
  group: string;
  source: Location;
  /** The folder that is written to; absent where it is none. */
  destination?: Location;
  /** The settings that have to be understood. @default none */
  settings?: readonly NeededSetting[];
}

/** What the runs of a task ask of their agents. */
export function needOf({ source: from, destination, agentGroup }: Task): Need {
  const source = parseLocation(from, 'source');
  const place = parseLocation(destination, 'destination');
  const need = { locationKinds: [source.kind, place.kind], group: agentGroup, source };
  return place.kind === 'file' ? { ...need, destination: place } : need;
}

/** Why an agent cannot work for a run. */
export type Hindrance = 'group' | 'source' | 'tenant' | 'kind' | 'settings';

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
  if (outOfReach(ability.refused, need) !== undefined) return 'source';
  return notUnderstood(ability, need).length > 0 ? 'settings' : undefined;
}

/** Which end of a run is in one of these places; undefined when none is. */
export function outOfReach(
  places: readonly Location[] | undefined,
  { source, destination }: Need,
): 'source' | 'destination' | undefined {
  if (places?.some((place) => holds(place, source))) return 'source';
  const isWritten = destination !== undefined && places?.some((place) => holds(place, destination)); // oxfmt-ignore
  return isWritten ? 'destination' : undefined;
}

/** The settings that a run needs and the agent does not understand. */
export function notUnderstood(
  { settings: known }: Ability,
  { settings = [] }: Need,
): NeededSetting[] {
  return known === undefined || settings.length === 0 ? [] : unknownOf(known, settings);
}

/** The group of an agent as its hello names it. */
export function groupOf(text: string): string {
  return text === '' ? usualAgentGroup : text;
}
