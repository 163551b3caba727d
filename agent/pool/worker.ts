// What runs in each worker thread.
import { DroverError } from '../../lib/error.ts';
import { runBatch } from './batch.ts';
import type { Job, JobResult } from './jobs.ts';
import { runPreview } from './preview.ts';
import { runScan } from './scan.ts';
import { beginInThread } from './sign-of-life.ts';
import { runSweep } from './sweep.ts';
import { StoppedError } from './stopped-error.ts';

/** Does one job. Never throws: a thrown error would lose its reason on the way to the main thread. */
export default async function runJob(job: Job): Promise<JobResult> {
  using _ = job.kind === 'sweep' ? undefined : beginInThread(job.shared);
  try {
    switch (job.kind) {
      case 'scan':
        return await runScan(job);
      case 'batch':
        return await runBatch(job);
      case 'sweep':
        return await runSweep(job);
      case 'preview':
        return runPreview(job);
      default:
        throw new TypeError(`no such job: ${JSON.stringify((job as { kind?: unknown }).kind)}`);
    }
  } catch (thrown) {
    if (thrown instanceof StoppedError) return { kind: 'stopped' };
    const error = DroverError.from(thrown);
    return { kind: 'failed', reason: error.reason, message: error.message };
  }
}

/** Called first: when it answers, everything is loaded. See thread-health.ts. */
export function loaded(): void {}

/** The same for a job that may be done beside another one in the same thread; see piscina-pool.ts. */
export const beside = runJob;
