// What the agent is to the coordinator: its name, its group, and how much it does at once.
import { displayName, groupName, threads, threadsMax } from '../option-parsers.ts';
import { usualDisplayName, usualThreads } from '../run-options.ts';
import type { AgentSettingsFile } from '../settings-file.ts';
import { usualAgentGroup } from '../../lib/agent-group.ts';
import type { SetUpContext } from './context.ts';
import type { CoordinatorAnswer } from './vouch.ts';

type AgentSettings = Required<Pick<AgentSettingsFile, 'name' | 'group' | 'threads'>> &
  Pick<AgentSettingsFile, 'requests'>;

/** Throws as the asker does. */
export async function askAgent(
  { asker, given, before }: SetUpContext,
  { proof, group }: CoordinatorAnswer,
): Promise<AgentSettings> {
  const known = before?.name ?? usualDisplayName;
  // It is said when the agent joins, and the coordinator keeps it.
  const name = await asker.ask<string>({
    from: '--name',
    message: 'Name of this agent',
    given: given.name ?? (proof === undefined ? known : undefined),
    usual: known,
    take: (answer) => ({ value: displayName(answer) }),
  });
  return {
    name,
    group: await asker.ask<string>({
      from: '--group',
      message: 'Group of agents it belongs to',
      given: given.group,
      usual: group ?? before?.group ?? usualAgentGroup,
      take: (answer) => ({ value: groupName(answer.trim()) }),
    }),
    threads: await asker.ask<number>({
      from: '--threads',
      message: `How many threads work, from 1 to ${threadsMax} (this computer has ${usualThreads} cores)`,
      given: given.threads === undefined ? undefined : String(given.threads),
      usual: String(before?.threads ?? usualThreads),
      take: (answer) => ({ value: threads(answer.trim()) }),
    }),
    ...requestsOf(given.requests ?? before?.requests),
  };
}

function requestsOf(requests: number | undefined): Pick<AgentSettingsFile, 'requests'> {
  return requests === undefined ? {} : { requests };
}
