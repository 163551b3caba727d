// PURE. One pattern, taken apart: what it asks of the name of an item, and what of its path. A pattern without a slash is matched with the
// name, at any depth; one with a slash, also in front, with the whole path. Picomatch says what a pattern means.
import picomatch from 'picomatch';
import { matchesName, matchesPath } from './wildcard.ts';

/**
 * What a pattern asks of a name: to be the text, to begin or end with it, or to have it somewhere. `rest` is what it asks besides; `glob` says
 * nothing beforehand.
 */
export type NameTest =
  | { kind: 'name' | 'prefix' | 'suffix' | 'part'; text: string; rest?: (name: string) => boolean }
  | { kind: 'glob'; rest: (name: string) => boolean };

export interface Glob {
  /** The pattern as it was written. */
  pattern: string;
  /** What the last part asks of the name; undefined where only the whole path can tell. */
  name: NameTest | undefined;
  /** Whether the path matches, of an item whose name does; undefined where the name says all. */
  path: ((path: string) => boolean) | undefined;
  /** Whether anything below a folder can match, by the names that lead down to it. */
  canMatchBelow: (parts: readonly string[]) => boolean;
}

const options = {
  dot: true,
  // Backslash is a character of names; it only escapes in the pattern.
  windows: false,
  // A pattern such as !(a) is text that people type by accident far more often than on purpose.
  nonegate: true,
};

const always = () => true;

/** `fold` makes one of what is to be alike; names have to be folded too. None for a pattern of nothing, several for one with braces. */
export function parseGlobs(pattern: string, fold: (text: string) => string): Glob[] {
  return withoutBraces(fold(pattern)).flatMap((one) => parseGlob(one, pattern) ?? []);
}

/** `*.{a,b}` is `*.a` and `*.b`, which are found faster. Braces in braces, and beside what else may hold some, stay as they are. */
function withoutBraces(text: string): string[] {
  const [, before = '', inner, after = ''] = /^([^{}]*)\{([^{}]+)\}([^{}]*)$/.exec(text) ?? [];
  if (inner === undefined || !inner.includes(',') || /[[\]()\\"/]/.test(text)) return [text];
  return inner.split(',').map((one) => `${before}${one}${after}`);
}

function parseGlob(folded: string, pattern: string): Glob | undefined {
  const isPath = folded.replace(/\/+$/, '').includes('/');
  const text = folded.replace(/^\/+|\/+$/g, '');
  if (text === '') return undefined;
  if (!isPath) return { pattern, name: nameTest(text), path: undefined, canMatchBelow: always };
  const parts = partsOf(text);
  if (parts === undefined)
    return { pattern, name: undefined, path: picomatch(text, options), canMatchBelow: always };
  const last = parts.at(-1)!;
  // At any depth, and nothing else is said of the path.
  if (parts.slice(0, -1).every(isAnyDepth) && parts.length > 1)
    return { pattern, name: nameTest(last), path: undefined, canMatchBelow: always };
  const path = parts.length === 1 ? isAtTop : pathTest(parts);
  return { pattern, name: nameTest(last), path, canMatchBelow: belowTest(parts) };
}

const isAtTop = (path: string) => !path.includes('/');
const isAnyDepth = (part: string) => part === '**';

/** The parts between the slashes; undefined where a slash may be within one, or stars are not what they seem. */
function partsOf(text: string): string[] | undefined {
  // A folder that matches is taken or left with all that is in it, so that "and all below it" says nothing more. Only after a star it does
  // not stand for the folder itself.
  const parts = text.split('/');
  while (parts.length > 1 && isAnyDepth(parts.at(-1)!) && !parts.at(-2)!.endsWith('*')) parts.pop();
  return parts.every(isWhole) && !isAnyDepth(parts.at(-1)!) ? parts : undefined;
}

function isWhole(part: string): boolean {
  if (part === '**') return true;
  return part !== '' && part !== '.' && part !== '..' && !/\*\*|[[\]{}()"\\]/.test(part);
}

const plain = /^[^*?[\]{}()!+@|"\\]+$/;

/** Nothing but stars and question marks, so that no expression is needed. */
const simple = /^[^[\]{}()!+@|"\\]+$/;

function pathTest(parts: readonly string[]): (path: string) => boolean {
  if (parts.every((part) => simple.test(part)))
    return (path) => matchesPath(parts, path.split('/'));
  return picomatch(parts.join('/'), options);
}

function partTest(part: string): (name: string) => boolean {
  return simple.test(part) ? (name) => matchesName(part, name) : picomatch(part, { ...options, basename: true }); // oxfmt-ignore
}

function nameTest(text: string): NameTest {
  if (plain.test(text)) return { kind: 'name', text };
  if (text.startsWith('*') && plain.test(text.slice(1))) return { kind: 'suffix', text: text.slice(1) }; // oxfmt-ignore
  if (text.endsWith('*') && plain.test(text.slice(0, -1))) return { kind: 'prefix', text: text.slice(0, -1) }; // oxfmt-ignore
  if (/^\*.+\*$/.test(text) && plain.test(text.slice(1, -1))) return { kind: 'part', text: text.slice(1, -1) }; // oxfmt-ignore
  const rest = partTest(text);
  if (/[|"\\]/.test(text)) return { kind: 'glob', rest };
  const [prefix] = /^[^*?[\]{}()!+@]+/.exec(text) ?? [];
  if (prefix !== undefined) return { kind: 'prefix', text: prefix, rest };
  const [, part] = /^\*+([^*?[\]{}()!+@]+)/.exec(text) ?? [];
  return part === undefined ? { kind: 'glob', rest } : { kind: 'part', text: part, rest };
}

/** Folder by folder, as far down as the pattern says. */
function belowTest(parts: readonly string[]): (folders: readonly string[]) => boolean {
  const tests = parts.map((part) => (isAnyDepth(part) ? undefined : partTest(part)));
  return (folders) => {
    for (const [depth, folder] of folders.entries()) {
      if (depth >= tests.length) return false;
      const test = tests[depth];
      if (test === undefined) return true;
      if (!test(folder)) return false;
    }
    return folders.length < tests.length;
  };
}
