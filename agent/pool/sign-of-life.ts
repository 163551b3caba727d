// Whether the jobs of this thread come further: who works through something long without an item, or a byte of the destination, being
// finished meanwhile shows it here. Who looks is job-watch.ts, in the main thread.
import { threadId } from 'node:worker_threads';
import { countStep, noteThread, type SharedJobState } from './jobs.ts';

/** The jobs that this thread does. */
const going = new Set<SharedJobState>();

/** A job begins in this thread; it ends when the answer is disposed of. */
export function beginInThread(shared: SharedJobState): Disposable {
  noteThread(shared, threadId);
  going.add(shared);
  return { [Symbol.dispose]: () => void going.delete(shared) };
}

/** The thread has come a step further. To be called at least once for each few seconds of computing. */
export function showLife(): void {
  for (const shared of going) countStep(shared);
}
