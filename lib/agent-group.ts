// The names of groups of agents, as agents give them and tasks ask for them.

/** The group of an agent that names none. */
export const usualAgentGroup = 'default';

/** Whether a text can be the name of a group. */
export function isAgentGroup(text: string): boolean {
  return /^[A-Za-z0-9._-]{1,63}$/.test(text);
}
