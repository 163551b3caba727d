// A program of worker threads whose jobs do what the name of their source says: for tests of what becomes of jobs that do not end.
import type { BatchJob, JobResult } from '../jobs.ts';
import { noteEnding, progressItems } from '../jobs.ts';
import { beginInThread, showLife } from '../sign-of-life.ts';

/** What a job may be told to do: its source is `/` and this. */
export type HungJob =
  /** Computes without an end, and looks at nothing. */
  | 'loop'
  /** Has begun its last item, and then computes without an end. */
  | 'end-and-loop'
  /** Waits for something that never comes. */
  | 'wait'
  /** Has begun its last item, and then waits for something that never comes. */
  | 'end-and-wait'
  /** Computes for 0.4 seconds of processor time, and shows that it comes further. */
  | 'compute'
  /** Ends at once. */
  | 'end';

export function loaded(): void {}

export const beside = runJob;

export default async function runJob({ shared, source }: BatchJob): Promise<JobResult> {
  using _ = beginInThread(shared);
  const what = source.slice(1) as HungJob;
  if (what.startsWith('end-')) noteEnding(shared);
  // Whoever watches sees that it has begun.
  Atomics.add(shared.progress, progressItems, 1n);
  if (what.endsWith('loop')) for (;;);
  if (what.endsWith('wait')) await new Promise(() => undefined);
  const before = process.threadCpuUsage();
  while (what === 'compute' && process.threadCpuUsage(before).user < 400_000) showLife();
  return { kind: 'batch-done', results: new Uint8Array() };
}
