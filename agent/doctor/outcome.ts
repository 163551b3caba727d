// What came of trying one thing that an agent depends on, in words for the person who has to put it in order. The set-up tries the same
// things as the doctor.
import { DroverError } from '../../lib/error.ts';

export type Outcome =
  | { state: 'ok'; words: string }
  /** `warning`: it works, and somebody should know. */
  | { state: 'warning' | 'failed'; words: string; advice: string };

export function ok(words: string): Outcome {
  return { state: 'ok', words };
}

export function warning(words: string, advice: string): Outcome {
  return { state: 'warning', words, advice };
}

export function failed(words: string, advice: string): Outcome {
  return { state: 'failed', words, advice };
}

/** What was thrown as a failure; `advice` where there is a better one than that of the reason. */
export function failure(thrown: unknown, advice?: string): Outcome {
  const error = DroverError.from(thrown);
  return failed(error.message, advice ?? error.advice);
}
