// What webhooks can be told, and which of it one wants.
import { AgentState, AgentStateSchema } from '../../gen/drover/v1/agent_pb.ts';
import { RunStateSchema, type RunState } from '../../gen/drover/v1/run_pb.ts';
import { DroverError } from '../../lib/error.ts';

/** The type of the event that TestWebhook sends; nobody can ask for it otherwise. */
export const testType = 'webhook.test';
export const agentRemovedType = 'agent.removed';
/** How many types one webhook may name. */
const typesMax = 50;

/** Such as run.failed. */
export function runType(state: RunState): string {
  return `run.${RunStateSchema.value[state]?.localName.toLowerCase() ?? state}`;
}

/** Such as agent.needs_attention. */
export function agentType(state: AgentState): string {
  return `agent.${AgentStateSchema.value[state]?.localName.toLowerCase() ?? state}`;
}

/** Every type that a webhook can ask for. Whether an agent has something to do at the moment is not told. */
export const eventTypes: readonly string[] = [
  ...RunStateSchema.values.filter(({ number }) => number !== 0).map(({ number }) => runType(number as RunState)), // oxfmt-ignore
  ...AgentStateSchema.values
    .filter(({ number }) => number !== AgentState.UNSPECIFIED && number !== AgentState.BUSY)
    .map(({ number }) => agentType(number as AgentState)),
  agentRemovedType,
];

/** Throws INVALID_ARGUMENT for a type that there is not. */
export function checkEventTypes(types: readonly string[], field: string): void {
  if (types.length > typesMax) throw DroverError.invalid(field, `has more than ${typesMax} types`);
  for (const type of types)
    if (!eventTypes.some((known) => matches(type, known)))
      throw DroverError.invalid(field, `"${type}" is no type of event; there are *, run.*, agent.*, ${eventTypes.join(', ')}`); // oxfmt-ignore
}

/** Whether somebody who asked for these types is told of this one. */
export function wants(types: readonly string[], type: string): boolean {
  return types.length === 0 || types.some((one) => matches(one, type));
}

function matches(pattern: string, type: string): boolean {
  if (pattern === '*' || pattern === type) return true;
  return pattern.endsWith('.*') && type.startsWith(pattern.slice(0, -1));
}
