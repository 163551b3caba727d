// The flags of a command, from the fields of its request. Messages within the request are opened
// up, so that a person never has to know how the request is nested.
import type { DescField, DescMessage } from '@bufbuild/protobuf';
import { FeatureSet_FieldPresence } from '@bufbuild/protobuf/wkt';
import type { Docs } from './command-tree.ts';
import { kebabCase } from './command-name.ts';
import { describeValue, type ValueType } from './flag-value.ts';
import type { Positional } from './positional.ts';

export interface Flag {
  /** Without the leading hyphens, such as `max-attempts`. */
  name: string;
  /** The fields that lead from the request to the value. */
  path: readonly DescField[];
  value: ValueType;
  /** The field's comment, without "Required." and "Optional.". */
  help: string;
  /** The command cannot do without it. */
  isRequired: boolean;
  /** A switch that can be told to be off (`--no-…`), because off is something else than absent. */
  isNegatable: boolean;
}

/** Flags that every command has; a field of such a name gets its parent's name in front. */
export const reservedFlags: readonly string[] = [
  'authority-file',
  'columns',
  'coordinator',
  'data',
  'force',
  'help',
  'limit',
  'output',
  'request-json',
  'token-file',
  'version',
  'yes',
];

/** How deep messages within a request are opened up; anything deeper is for --request-json. */
const depthMax = 5;

export interface FlagOptions {
  docs: Docs;
  positional: Positional | undefined;
  /** The request changes a resource: nothing is required, and what cannot be changed is no flag. */
  isUpdate: boolean;
}

/** All fields of the request that a caller may set and that can be written as text. */
export function describeFlags(request: DescMessage, options: FlagOptions): Flag[] {
  const flags: Flag[] = [];
  const positional = options.positional?.path.at(-1);
  const visit = (message: DescMessage, parents: DescField[], areRequired: boolean) => {
    for (const field of message.fields) {
      if (field === positional) continue;
      const comment = options.docs.get(`${message.typeName}.${field.name}`) ?? '';
      if (comment.startsWith('Output only.')) continue;
      if (options.isUpdate && comment.includes('Cannot be changed.')) continue;
      const path = [...parents, field];
      const isRequired = areRequired && comment.startsWith('Required.');
      const value = describeValue(field);
      if (value !== undefined) flags.push(describeFlag(path, value, comment, isRequired, options));
      else if (field.fieldKind === 'message' && path.length < depthMax && !wasSeen(field, parents))
        visit(field.message, path, isRequired);
    }
  };
  visit(request, [], !options.isUpdate);
  return withUniqueNames(flags);
}

function describeFlag(
  path: DescField[],
  value: ValueType,
  comment: string,
  isRequired: boolean,
  options: FlagOptions,
): Flag {
  const field = path.at(-1)!;
  const hasPresence =
    field.presence === FeatureSet_FieldPresence.EXPLICIT || field.oneof !== undefined;
  return {
    name: kebabCase(field.name),
    path,
    value,
    help: comment.replace(/^(Required|Optional)\.\s*/, ''),
    isRequired,
    isNegatable: value.isSwitch && (hasPresence || options.isUpdate),
  };
}

function wasSeen(field: DescField & { fieldKind: 'message' }, parents: DescField[]): boolean {
  return parents.some((parent) => parent.parent === field.message);
}

/**
 * Where names clash, the deeper field gets its parent's name in front, and its parent's parent's,
 * until it is unique.
 */
function withUniqueNames(flags: readonly Flag[]): Flag[] {
  const taken = new Set(reservedFlags);
  const names = new Map<Flag, string>();
  for (const flag of flags.toSorted((one, other) => one.path.length - other.path.length)) {
    const parts = flag.path.map((field) => kebabCase(field.name));
    let name = parts.pop()!;
    while (taken.has(name) || taken.has(`no-${name}`))
      name = `${parts.pop() ?? kebabCase(flag.path[0]!.parent.name)}-${name}`;
    taken.add(name);
    if (flag.isNegatable) taken.add(`no-${name}`);
    names.set(flag, name);
  }
  return flags.map((flag) => ({ ...flag, name: names.get(flag)! }));
}
