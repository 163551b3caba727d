// Answers the questions with what was given beforehand, for machines that nobody sits at: a missing or wrong answer ends the set-up.
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { Outcome } from '../doctor/outcome.ts';
import type { Asker, Question } from './asker.ts';
import { orBrokenOff, outcomeLines, takeAnswer } from './prompt-asker.ts';

export class ToldAsker implements Asker {
  readonly isInteractive = false;
  readonly #output: NodeJS.WritableStream;
  readonly #signal: AbortSignal;

  constructor(output: NodeJS.WritableStream, signal: AbortSignal) {
    this.#output = output;
    this.#signal = signal;
  }

  async ask<T>(question: Question<T>): Promise<T> {
    const { given, usual, from } = question;
    const answer = given ?? usual;
    if (answer === undefined) throw DroverError.invalid(from, 'is missing, and nobody is asked');
    const taken = await orBrokenOff(takeAnswer(question, answer), this.#signal);
    if ('refused' in taken) throw refusal(from, taken.refused);
    for (const outcome of taken.outcomes ?? []) this.tell(outcome);
    return taken.value;
  }

  say(line: string): void {
    this.#output.write(`${line}\n`);
  }

  tell(outcome: Outcome): void {
    for (const line of outcomeLines(outcome)) this.say(line);
  }
}

function refusal(from: string, outcome: Outcome): DroverError {
  const todo = outcome.state === 'ok' ? '' : ` ${outcome.advice}`;
  return new DroverError(
    ErrorReason.INVALID_ARGUMENT,
    `${from}: ${outcome.words}.${todo} Nothing was changed.`,
    { violations: [{ field: from, description: outcome.words }], metadata: { field: from } },
  );
}
