// Resource names: tasks/{task}, tasks/{task}/runs/{run}, agents/{agent}, accessTokens/{access_token}, webhooks/{webhook} and lease ids. PURE.
import { DroverError } from '../../lib/error.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import type { BatchKey, RunKey } from '../store/store.ts';

// AIP-122 and AIP-148: what people may choose as the last part of a name.
const idPattern = /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/;
const numberPattern = /^[1-9][0-9]{0,8}$/;
/** Ids of access tokens are made, not chosen. */
const accessTokenPattern = /^[a-z0-9]{12}$/;

/** Checks an id that a person chose; throws INVALID_ARGUMENT that names `field`. */
export function checkId(id: string, field: string): string {
  if (idPattern.test(id)) return id;
  throw DroverError.invalid(
    field,
    `"${id}" must be lower-case letters, digits and hyphens, begin with a letter and have at most 63 characters`,
  );
}

export const taskName = (task: string): string => `tasks/${task}`;
export const runName = (key: RunKey): string => `tasks/${key.task}/runs/${key.run}`;
export const agentName = (agent: string): string => `agents/${agent}`;
export const accessTokenName = (id: string): string => `accessTokens/${id}`;
export const webhookName = (id: string): string => `webhooks/${id}`;
export const scanLeaseId = (key: RunKey): string => `${runName(key)}/scan`;
export const batchLeaseId = (key: BatchKey): string => `${runName(key)}/batches/${key.batch}`;

/** The task's id of tasks/{task}; throws INVALID_ARGUMENT that names `field`. */
export function parseTaskName(name: string, field: string): string {
  const task = readTaskName(name);
  if (task !== undefined) return task;
  throw DroverError.invalid(field, `"${name}" is not a task's name; it is tasks/{task}`);
}

/** The key of tasks/{task}/runs/{run}; throws INVALID_ARGUMENT that names `field`. */
export function parseRunName(name: string, field: string): RunKey {
  const key = readRunName(name);
  if (key !== undefined) return key;
  throw DroverError.invalid(field, `"${name}" is not a run's name; it is tasks/{task}/runs/{run}`);
}

/**
 * The key of tasks/{task}/runs/{run}, or of tasks/{task}, which stands for one of its runs; throws INVALID_ARGUMENT that names `field`.
 */
export function parseRunOrTaskName(
  name: string,
  field: string,
): { task: string; run: number | undefined } {
  const key = readRunName(name);
  if (key !== undefined) return key;
  const task = readTaskName(name);
  if (task !== undefined) return { task, run: undefined };
  throw DroverError.invalid(field, `"${name}" is neither a run's name, tasks/{task}/runs/{run}, nor that of a task, tasks/{task}`); // oxfmt-ignore
}

function readTaskName(name: string): string | undefined {
  const [tasks, task = '', ...rest] = name.split('/');
  return tasks === 'tasks' && idPattern.test(task) && rest.length === 0 ? task : undefined;
}

function readRunName(name: string): RunKey | undefined {
  const [tasks, task = '', runs, run = '', ...rest] = name.split('/');
  const isRun = tasks === 'tasks' && runs === 'runs' && rest.length === 0;
  return isRun && idPattern.test(task) && numberPattern.test(run) ? { task, run: Number(run) } : undefined; // oxfmt-ignore
}

/** The agent's id of agents/{agent}; throws INVALID_ARGUMENT that names `field`. */
export function parseAgentName(name: string, field: string): string {
  const [collection, id = '', ...rest] = name.split('/');
  if (collection === 'agents' && idPattern.test(id) && rest.length === 0) return id;
  throw DroverError.invalid(field, `"${name}" is not an agent's name; it is agents/{agent}`);
}

/** The id of accessTokens/{access_token}; throws INVALID_ARGUMENT that names `field`. */
export function parseAccessTokenName(name: string, field: string): string {
  const [collection, id = '', ...rest] = name.split('/');
  if (collection === 'accessTokens' && accessTokenPattern.test(id) && rest.length === 0) return id;
  throw DroverError.invalid(
    field,
    `"${name}" is not an access token's name; it is accessTokens/{access_token}`,
  );
}

/** The id of webhooks/{webhook}; throws INVALID_ARGUMENT that names `field`. */
export function parseWebhookName(name: string, field: string): string {
  const [collection, id = '', ...rest] = name.split('/');
  if (collection === 'webhooks' && idPattern.test(id) && rest.length === 0) return id;
  throw DroverError.invalid(field, `"${name}" is not a webhook's name; it is webhooks/{webhook}`);
}

/** What a lease id names. */
export type LeaseTarget = { kind: 'scan'; run: RunKey } | { kind: 'batch'; batch: BatchKey };

/** Takes a lease id apart; throws LEASE_LOST when it is none, which only a broken agent sends. */
export function parseLeaseId(id: string): LeaseTarget {
  const [tasks, task = '', runs, run = '', kind, batch, ...rest] = id.split('/');
  if (tasks === 'tasks' && runs === 'runs' && idPattern.test(task) && numberPattern.test(run)) {
    const key = { task, run: Number(run) };
    if (kind === 'scan' && batch === undefined) return { kind: 'scan', run: key };
    if (kind === 'batches' && numberPattern.test(batch ?? '') && rest.length === 0)
      return { kind: 'batch', batch: { ...key, batch: Number(batch) } };
  }
  throw new DroverError(ErrorReason.LEASE_LOST, `"${id}" names no lease`, { metadata: { id } });
}
