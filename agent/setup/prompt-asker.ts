// Puts the questions to a person at a terminal. What is typed where a secret is asked for is not shown, not even its length.
import { input, password, select } from '@inquirer/prompts';
import { InvalidArgumentError } from 'commander';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { escapeControl } from '../../lib/format.ts';
import { aborted } from '../../lib/process-edge.ts';
import { failed, failure, type Outcome } from '../doctor/outcome.ts';
import type { Asker, Question, Taken } from './asker.ts';

export interface Terminal {
  input: NodeJS.ReadableStream;
  output: NodeJS.WritableStream;
  signal: AbortSignal;
}

export class PromptAsker implements Asker {
  readonly isInteractive = true;
  readonly #terminal: Terminal;
  readonly #ended = new AbortController();
  readonly #signal: AbortSignal;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    this.#signal = AbortSignal.any([terminal.signal, this.#ended.signal]);
    // The prompts take no notice of the end of what is typed.
    terminal.input.on('end', () => this.#ended.abort());
    terminal.input.on('keypress', (_text: unknown, key?: { ctrl?: boolean; name?: string }) => {
      if (key?.ctrl === true && key.name === 'd') this.#ended.abort();
    });
  }

  async ask<T>(question: Question<T>): Promise<T> {
    let { given } = question;
    for (;;) {
      if (given !== undefined && question.isSecret !== true)
        this.say(`  ${question.message} ${escapeControl(given)}`);
      const answer = given ?? (await this.#prompt(question));
      given = undefined;
      const taken = await orBrokenOff(takeAnswer(question, answer), this.#signal);
      if ('refused' in taken) {
        this.tell(taken.refused);
        continue;
      }
      for (const outcome of taken.outcomes ?? []) this.tell(outcome);
      return taken.value;
    }
  }

  say(line: string): void {
    this.#terminal.output.write(`${line}\n`);
  }

  tell(outcome: Outcome): void {
    for (const line of outcomeLines(outcome)) this.say(line);
  }

  async #prompt({ message, usual, usualShown, isSecret, choices }: Question<unknown>) {
    const { input: from, output } = this.#terminal;
    const context = { input: from, output, signal: this.#signal };
    const hint = usual === undefined || usualShown === undefined ? '' : ` (Enter: ${usualShown})`;
    try {
      if (choices !== undefined)
        return await select({ message, choices, ...(usual === undefined ? {} : { default: usual }) }, context); // oxfmt-ignore
      if (isSecret === true) {
        const typed = await password({ message: `${message}${hint}`, toggleMask: false }, context);
        return typed === '' ? (usual ?? '') : typed;
      }
      const shown = hint === '' && usual !== undefined && usual !== '' ? { default: usual } : {};
      const typed = await input({ message: `${message}${hint}`, ...shown }, context);
      return typed === '' ? (usual ?? '') : typed;
    } catch (error) {
      const { name } = error as Error;
      if (name === 'ExitPromptError' || name === 'AbortPromptError') throw brokenOff();
      throw error;
    }
  }
}

/** Tries an answer; whatever is wrong with it is a refusal. */
export async function takeAnswer<T>(question: Question<T>, answer: string): Promise<Taken<T>> {
  try {
    return await question.take(answer);
  } catch (thrown) {
    if (thrown instanceof InvalidArgumentError)
      return { refused: failed(thrown.message, answerAnew) };
    if (!(thrown instanceof DroverError) || thrown.reason === ErrorReason.CANCELLED) throw thrown;
    // The advice of the reason is for a caller.
    const isAnswer = thrown.reason === ErrorReason.INVALID_ARGUMENT;
    return { refused: isAnswer ? failure(thrown, answerAnew) : failure(thrown) };
  }
}

const answerAnew = 'Answer it anew.';

/** Waits for something unless the person breaks off meanwhile. */
export async function orBrokenOff<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const stopped = aborted(signal).then((): T => {
    throw brokenOff();
  });
  stopped.catch(() => undefined);
  return await Promise.race([promise, stopped]);
}

export function brokenOff(): DroverError {
  return new DroverError(ErrorReason.CANCELLED, 'the set-up was broken off; nothing was changed');
}

const marks: Record<Outcome['state'], string> = { ok: 'ok', warning: 'note', failed: 'NOT OK' };

/** What was found, and what to do, in lines. */
export function outcomeLines(outcome: Outcome): string[] {
  const line = `  ${marks[outcome.state]}: ${escapeControl(outcome.words)}`;
  return outcome.state === 'ok' ? [line] : [line, `      -> ${escapeControl(outcome.advice)}`];
}
