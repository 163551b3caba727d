// Threads that read shares: each job's source is connected before the job begins, so that nothing else has to know of accounts.
import { DroverError } from '../../lib/error.ts';
import { unreadableReasons } from '../../lib/unreadable-source.ts';
import type { Job, JobResult } from '../pool/jobs.ts';
import type { Pool } from '../pool/pool.ts';
import type { OpenShare, ShareHost } from './share-host.ts';

/** The pool, for sources that may lie on shares. A job whose share refuses the account fails with SOURCE_SIGN_IN_FAILED. */
export function sharePool(pool: Pool, shares: ShareHost): Pool {
  return {
    threads: pool.threads,
    run: (job) => (job.kind === 'sweep' ? pool.run(job) : runConnected(pool, shares, job)),
    close: () => pool.close(),
    [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose](),
  };
}

async function runConnected(
  pool: Pool,
  shares: ShareHost,
  job: Exclude<Job, { kind: 'sweep' }>,
): Promise<JobResult> {
  let share: OpenShare;
  try {
    share = await shares.open(job.source);
  } catch (thrown) {
    // The job would have closed it.
    job.tenant?.host.close();
    const failure = failed(thrown);
    // A server that is down is a reason to wait, as it is for a folder that is not there.
    const isLost = job.kind === 'batch' && unreadableReasons.has(failure.reason);
    return isLost ? { ...failure, kind: 'source-lost' } : failure;
  }
  try {
    const result = await pool.run({ ...job, source: share.source });
    const isUnread = result.kind === 'failed' || result.kind === 'source-lost';
    // Its account may be the reason.
    if (!isUnread || !unreadableReasons.has(result.reason)) return result;
    const refused = await shares.check(job.source).then(() => undefined, failed);
    if (refused === undefined) return result;
    // What was done before is reported all the same.
    const results = result.kind === 'source-lost' ? result.results : undefined;
    return results === undefined ? refused : { kind: 'stopped', results };
  } finally {
    share.release();
  }
}

function failed(thrown: unknown): JobResult & { kind: 'failed' } {
  const { reason, message } = DroverError.from(thrown);
  return { kind: 'failed', reason, message };
}
