// The one argument without a flag: the name of the resource that a command is about. A name can be
// given whole, or as the ids in it alone, because the rest of it is always the same.
import { ScalarType, type DescField, type DescMessage } from '@bufbuild/protobuf';
import type { Docs } from './command-tree.ts';

export interface Positional {
  /** The fields that lead from the request to the name. */
  path: readonly DescField[];
  /** How a person sees the argument, `name` or `parent`. */
  label: string;
  /** The resource pattern, such as `tasks/{task}/runs/{run}`; empty when the comment tells none. */
  pattern: string;
  /** The field's comment. */
  help: string;
}

/**
 * The name or parent of a request; for a change, the name within the resource, unless there is only
 * one such resource.
 */
export function findPositional(
  request: DescMessage,
  isUpdate: boolean,
  docs: Docs,
): Positional | undefined {
  for (const field of request.fields) {
    if (isUpdate && field.fieldKind === 'message') {
      const name = field.message.field['name'];
      const found = name && isText(name) ? describe([field, name], docs) : undefined;
      if (found !== undefined && found.pattern !== '') return found;
    } else if (isText(field) && (field.name === 'name' || field.name === 'parent')) {
      return describe([field], docs);
    }
  }
  return undefined;
}

/** The ids in a pattern, joined: `{task}/{run}`. */
export function idsOf(pattern: string): string {
  return pattern.split('/').filter(isVariable).join('/');
}

/**
 * The whole resource name: `photos` is tasks/photos where the pattern is tasks/{task}, and
 * `photos/1` is tasks/photos/runs/1. What has any other number of parts is left as it is, for the
 * coordinator to judge.
 */
export function completeName(text: string, pattern: string): string {
  const wanted = pattern.split('/');
  const given = text.split('/');
  const begunWhole = given.length > 1 && given[0] === wanted[0];
  if (pattern === '' || begunWhole || given.includes('')) return text;
  if (given.length !== wanted.filter(isVariable).length) return text;
  return wanted.map((part) => (isVariable(part) ? given.shift() : part)).join('/');
}

/** The resource pattern that a comment names; empty when there is none. */
export function patternIn(comment: string): string {
  return /\b[a-z][A-Za-z]*\/\{[a-z_]+\}(?:\/[a-z][A-Za-z]*\/\{[a-z_]+\})*/.exec(comment)?.[0] ?? '';
}

function describe(path: DescField[], docs: Docs): Positional {
  const last = path.at(-1)!;
  const help = docs.get(`${last.parent.typeName}.${last.name}`) ?? '';
  return { path, label: last.name, pattern: patternIn(help), help };
}

function isText(field: DescField): boolean {
  return field.fieldKind === 'scalar' && field.scalar === ScalarType.STRING;
}

function isVariable(part: string): boolean {
  return part.startsWith('{');
}
