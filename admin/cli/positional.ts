// The one argument without a flag: the name of the resource that a command is about. A name can be
// given whole, or as the ids in it alone, because the rest of it is always the same.
import { ScalarType, type DescField, type DescMessage } from '@bufbuild/protobuf';
import type { Docs } from './command-tree.ts';

export interface Positional {
  /** The fields that lead from the request to the name. */
  path: readonly DescField[];
  /** How a person sees the argument, `name` or `parent`. */
  label: string;
  /** The resource patterns that the comment tells, such as `tasks/{task}/runs/{run}`: the name is of one of them. */
  patterns: readonly string[];
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
      if (found !== undefined && found.patterns.length > 0) return found;
    } else if (isText(field) && (field.name === 'name' || field.name === 'parent')) {
      return describe([field], docs);
    }
  }
  return undefined;
}

/** The ids in a pattern, joined: `{task}/{run}`. */
function idsOf(pattern: string): string {
  return pattern.split('/').filter(isVariable).join('/');
}

/** The ids that are enough for a name of one of these patterns, in words: `{task}/{run} or {task}`. */
export function idsInWords(patterns: readonly string[]): string {
  return patterns.map(idsOf).join(' or ');
}

/**
 * The whole resource name: `photos` is tasks/photos where a pattern is tasks/{task}, and
 * `photos/1` is tasks/photos/runs/1 where one is tasks/{task}/runs/{run}. What has as many parts as
 * no pattern has ids is left as it is, for the coordinator to judge.
 */
export function completeName(text: string, patterns: readonly string[]): string {
  const given = text.split('/');
  if (given.includes('')) return text;
  const parts = patterns.map((pattern) => pattern.split('/'));
  if (given.length > 1 && parts.some(([collection]) => collection === given[0])) return text;
  const wanted = parts.find((pattern) => pattern.filter(isVariable).length === given.length);
  return wanted?.map((part) => (isVariable(part) ? given.shift() : part)).join('/') ?? text;
}

/** The resource patterns that a comment names, each once. */
export function patternsIn(comment: string): string[] {
  const pattern = /\b[a-z][A-Za-z]*\/\{[a-z_]+\}(?:\/[a-z][A-Za-z]*\/\{[a-z_]+\})*/g;
  return [...new Set(comment.match(pattern))];
}

function describe(path: DescField[], docs: Docs): Positional {
  const last = path.at(-1)!;
  const help = docs.get(`${last.parent.typeName}.${last.name}`) ?? '';
  return { path, label: last.name, patterns: patternsIn(help), help };
}

function isText(field: DescField): boolean {
  return field.fieldKind === 'scalar' && field.scalar === ScalarType.STRING;
}

function isVariable(part: string): boolean {
  return part.startsWith('{');
}
