// A source that an agent cannot read may be mounted at another: only when nobody is left to ask, the run has failed. PURE.
import { canServe } from './reach.ts';
import type { RunFeed } from './run-feed.ts';
import type { Session } from './session.ts';

const nobody: ReadonlySet<string> = new Set();

/** The agents, by id, that are not asked again to scan a run's source, because others have not been asked; none when there are no others. */
export function notToScan(
  { need, unreadBy }: Pick<RunFeed, 'need' | 'unreadBy'>,
  sessions: Iterable<Pick<Session, 'agent' | 'ability' | 'takesWork'>>,
): ReadonlySet<string> {
  if (unreadBy.size === 0) return nobody;
  for (const { agent, ability, takesWork } of sessions)
    if (takesWork && !unreadBy.has(agent) && canServe(ability, need)) return unreadBy;
  return nobody;
}
