// One question of the set-up. It is put to a person again and again until the answer works, or once to what was given beforehand.
import { failed, type Outcome } from '../doctor/outcome.ts';

export interface Choice {
  value: string;
  name: string;
}

export interface Question<T> {
  /** Where an answer can come from, for the words when there is none: flags, a variable, a key of the answers file. */
  from: string;
  message: string;
  /** What was given beforehand; it is not asked for as long as it works. */
  given?: string | undefined;
  /** What is taken when a person only presses Enter, or nobody gave anything; undefined: an answer is needed. */
  usual?: string | undefined;
  /** What a person sees of `usual`. @default itself */
  usualShown?: string;
  isSecret?: boolean;
  choices?: readonly Choice[];
  /** Tries the answer. What it throws is an answer that does not work. */
  take(answer: string): Taken<T> | Promise<Taken<T>>;
}

/** The value of an answer that works, with what was found; or why it does not. */
export type Taken<T> = { value: T; outcomes?: readonly Outcome[] } | { refused: Outcome };

export interface Asker {
  /** Whether there is somebody who can be asked. */
  readonly isInteractive: boolean;
  /** The answer, once it works. Rejects with CANCELLED when the person breaks off, INVALID_ARGUMENT when nobody can be asked. */
  ask<T>(question: Question<T>): Promise<T>;
  /** Tells something that is no question. */
  say(line: string): void;
  /** Tells what was found. */
  tell(outcome: Outcome): void;
}

/** What is said where an answer has to be something and is nothing. */
export function empty(what: string): { refused: Outcome } {
  return { refused: failed(`${what} is needed`, 'Give it, or break off with Ctrl-C.') };
}
