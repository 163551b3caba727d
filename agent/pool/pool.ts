// The only door to Piscina.
import type { Job, JobResult } from './jobs.ts';

/** The agent's worker threads. */
export interface Pool extends AsyncDisposable {
  /** How many threads there are. */
  readonly threads: number;
  /** Runs a job; jobs that find no free thread wait. Never rejects: a thread that dies answers `failed` with INTERNAL, see also job-watch.ts. */
  run(job: Job): Promise<JobResult>;
  /** Ends the threads at once, whatever they do. Idempotent. */
  close(): Promise<void>;
}
