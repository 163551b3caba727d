// Takes a secret in, by a way on which nobody else sees it: a prompt that shows nothing, standard input, or a file.
import { readFileSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { password } from '@inquirer/prompts';
import type { CommandEdge } from '../command-edge.ts';
import { DroverError } from '../../lib/error.ts';
import { errorCode } from './own-file.ts';

/** Where a secret comes from, and what it may be. */
export interface SecretQuestion {
  /** For people, such as `the client secret`. */
  what: string;
  fromFile: string | undefined;
  /** Words about what is wrong with it; undefined when nothing is. */
  check: (secret: string) => string | undefined;
  /** It is more than a line, and cannot be typed. */
  isLong: boolean;
}

const secretBytesMax = 64 * 1024;

/** Answers with the secret, without the line's end. Throws INVALID_ARGUMENT; undefined when the person broke off. */
export async function readSecret(
  question: SecretQuestion,
  edge: CommandEdge,
): Promise<string | undefined> {
  const { what, fromFile, check, isLong } = question;
  const isAsked = fromFile === undefined && edge.stdin.isTTY === true;
  if (isAsked && isLong)
    throw DroverError.invalid('--from-file', `is missing: ${what} is more than a line, and is read from a file`); // oxfmt-ignore
  if (isAsked) return await ask(question, edge);
  const content = fromFile === undefined ? await buffer(edge.stdin) : readFile(fromFile);
  const from = fromFile === undefined ? 'standard input' : '--from-file';
  if (content.length > secretBytesMax)
    throw DroverError.invalid(from, `has more than ${secretBytesMax} bytes, which is no secret`);
  const secret = withoutEnd(content.toString('utf8'));
  const wrong = check(secret);
  if (wrong !== undefined) throw DroverError.invalid(from, `${what} ${wrong}`);
  return secret;
}

/** Of one line, as typed. */
export function checkLine(secret: string): string | undefined {
  if (secret === '') return 'is empty';
  if (/[\n\r\0]/.test(secret)) return 'has more than one line';
  return secret.length > 1024 ? 'is longer than 1024 characters' : undefined;
}

async function ask(
  { what, check }: SecretQuestion,
  { stdin, stderr, signals }: CommandEdge,
): Promise<string | undefined> {
  try {
    const message = `${what[0]!.toUpperCase()}${what.slice(1)} (not shown):`;
    const validate = (secret: string) => {
      const wrong = check(secret);
      return wrong === undefined ? true : `It ${wrong}.`;
    };
    // Standard output is for what a program reads.
    const context = { input: stdin, output: stderr, signal: signals.drain };
    // Without a key that would show what was typed.
    return await password({ message, validate, toggleMask: false }, context);
  } catch (error) {
    const { name } = error as Error;
    if (name === 'ExitPromptError' || name === 'AbortPromptError') return undefined;
    throw error;
  }
}

function readFile(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw DroverError.invalid('--from-file', `${file} cannot be read (${errorCode(cause)})`, cause);
  }
}

function withoutEnd(text: string): string {
  return text.replace(/^\uFEFF/, '').replace(/(\r?\n)+$/, '');
}
