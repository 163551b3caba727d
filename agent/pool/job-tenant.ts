// A job's way to the tenant: its port to the main thread and a signal that follows its stop flag. Both end with the job.
import type { TenantJob } from '../destination/sharepoint/tenant.ts';
import { HostClient } from './host.ts';
import { isCutOff, untilCutOff, type JobDestination, type SharedJobState } from './jobs.ts';
import { StoppedError } from './stopped-error.ts';

export interface OpenTenant extends TenantJob, Disposable {
  host: HostClient;
}

/** Undefined for a job whose destination needs no tenant. `shared` undefined: the job cannot be stopped. */
export function openTenant(
  { tenant, run }: JobDestination,
  shared: SharedJobState | undefined,
): OpenTenant | undefined {
  if (tenant === undefined) return undefined;
  const host = new HostClient(tenant.host);
  const stop = new AbortController();
  const ended = new AbortController();
  if (shared !== undefined) void abortWhenStopped(shared, stop, ended.signal);
  return {
    access: tenant.access,
    host,
    run,
    signal: stop.signal,
    [Symbol.dispose]: () => {
      ended.abort();
      host[Symbol.dispose]();
    },
  };
}

/** How long a wait lasts before it is looked whether the job has ended. */
const waitMs = 2000;

async function abortWhenStopped(
  shared: SharedJobState,
  stop: AbortController,
  ended: AbortSignal,
): Promise<void> {
  while (!ended.aborted) if (isCutOff(shared) || (await untilCutOff(shared, waitMs))) return stop.abort(new StoppedError()); // oxfmt-ignore
}
