// Which agents can work for which runs. PURE.
import { usualAgentGroup } from '../../lib/agent-group.ts';
import type { Location } from '../../lib/location.ts';

/** What an agent can reach. */
export interface Ability {
  locationKinds: readonly string[];
  group: string;
  /** The folders and shares it can read; none: everything. */
  roots: readonly Location[];
}

/** What a run asks of its agents. */
export interface Need {
  locationKinds: readonly string[];
  /** The group that works on it; empty: all. */
  group: string;
  source: Location;
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
  return undefined;
}

/** The group of an agent as its hello names it. */
export function groupOf(text: string): string {
  return text === '' ? usualAgentGroup : text;
}

/** Whether `inner` is `outer` or lies in it, part by part. Windows does not tell upper from lower case, others do. */
export function holds(outer: Location, inner: Location): boolean {
  const [above, below] = [partsOf(outer), partsOf(inner)];
  if (above === undefined || below === undefined || below.length < above.length) return false;
  return above.every((part, index) => part === below[index]);
}

function partsOf(location: Location): string[] | undefined {
  switch (location.kind) {
    case 'unc': {
      const { server, share, path } = location;
      const folded = path.toLowerCase().split('\\').filter((part) => part !== ''); // prettier-ignore
      return ['\\\\', server.toLowerCase(), share.toLowerCase(), ...folded];
    }
    case 'file': {
      if (location.path.startsWith('/')) return ['/', ...split(location.path, '/')];
      return ['drive', ...split(location.path.toLowerCase(), '\\')];
    }
    default:
      return undefined;
  }
}

function split(path: string, separator: string): string[] {
  return path.split(separator).filter((part) => part !== '');
}
