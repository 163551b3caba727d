// Time is passed in, never read, outside a process's edge: a Clock is how.
import { timestampFromMs, timestampMs, type Timestamp } from '@bufbuild/protobuf/wkt';

/** Reads the time and waits; tests pass one they move by hand. */
export interface Clock {
  /** Milliseconds since 1970, as people and other computers count them; somebody may set it, forwards or back. */
  now(): number;
  /**
   * Milliseconds that nobody sets: what lasts so long, or ends after so long, is measured by it. All threads of a process see the same; it
   * means nothing in another process, nor after a restart, so that it is never stored, sent or shown.
   */
  steady(): number;
  /** Calls back once after `delayMs`; the answer cancels it. */
  after(delayMs: number, callback: () => void): () => void;
}

/** The machine's clock. A timer of it does not keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  // performance.now() counts from the start of each thread.
  steady: () => Number(process.hrtime.bigint() / 1000n) / 1000,
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Waits `delayMs`, or until the signal aborts, whichever is first; never rejects. */
export function pause(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.after(delayMs, done);
    signal?.addEventListener('abort', done, { once: true });
  });
}

export { timestampFromMs, timestampMs, type Timestamp };
