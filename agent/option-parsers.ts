// What an agent's options and the settings file take: each parser refuses a bad value with what would be a good one.
import { InvalidArgumentError } from 'commander';
import { isAgentGroup } from '../lib/agent-group.ts';
import { DroverError } from '../lib/error.ts';
import { parseLocation } from '../lib/location.ts';
import { clientAddress, wholeNumber, type HostPort } from '../lib/option-values.ts';

export const threadsMax = 64;
export const requestsMax = 256;
export const requestsUsual = 16;
export const displayNameLengthMax = 100;
export const coordinatorsMax = 16;
export const sourceRootsMax = 64;

export const threads = wholeNumber(1, threadsMax);
export const requests = wholeNumber(1, requestsMax);

/** Addresses with commas between them, after those that were given before. */
export function coordinatorList(text: string, earlier: HostPort[] | undefined): HostPort[] {
  const list = [...(earlier ?? []), ...text.split(',').map((part) => clientAddress(part.trim()))];
  if (list.length > coordinatorsMax)
    throw new InvalidArgumentError(`There can be at most ${coordinatorsMax}.`);
  return list;
}

export function nonEmpty(text: string): string {
  if (text !== '' && !text.includes('\0')) return text;
  throw new InvalidArgumentError('It must not be empty.');
}

export function displayName(text: string): string {
  const trimmed = text.trim();
  if (trimmed !== '' && trimmed.length <= displayNameLengthMax) return trimmed;
  throw new InvalidArgumentError(`It must have 1 to ${displayNameLengthMax} characters.`);
}

export function groupName(text: string): string {
  if (isAgentGroup(text)) return text;
  throw new InvalidArgumentError('It must be 1 to 63 letters, digits, "-", "_" and ".".');
}

/** One root, after those that were given before. */
export function sourceRoots(text: string, earlier: string[] | undefined): string[] {
  const roots = [...(earlier ?? []), sourceRoot(text)];
  if (roots.length > sourceRootsMax)
    throw new InvalidArgumentError(`There can be at most ${sourceRootsMax}.`);
  return roots;
}

/** The roots of a text that has to hold them all, with commas. */
export function sourceRootList(text: string): string[] {
  return text.split(',').reduce<string[]>((roots, root) => sourceRoots(root.trim(), roots), []);
}

function sourceRoot(text: string): string {
  try {
    const { kind } = parseLocation(text, '--source-root');
    if (kind === 'file' || kind === 'unc') return text;
  } catch (error) {
    throw new InvalidArgumentError(DroverError.from(error).message);
  }
  throw new InvalidArgumentError('It must be a folder or a share.');
}
