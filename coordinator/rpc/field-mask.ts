// Changes of a resource under a field mask, as AIP-134 has them: no mask means every field that is present, "*" replaces all. PURE.
import { clone, type DescField, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { reflect, type ReflectMessage } from '@bufbuild/protobuf/reflect';
import type { FieldMask } from '@bufbuild/protobuf/wkt';
import { DroverError } from '../../lib/error.ts';

/** Which fields of a resource a caller may not change; names as in the proto, of the resource itself. */
export interface FieldRules {
  /** Written by the coordinator alone: ignored on input, refused when the mask names them. */
  outputOnly: readonly string[];
  /** Set when the resource is made: another value is refused. */
  immutable: readonly string[];
  /** Part of the request rather than of the change, such as the name and the etag. */
  addressing: readonly string[];
}

export interface Update<D extends DescMessage> {
  schema: D;
  /** The resource as it is; it is not changed. */
  current: MessageShape<D>;
  /** The resource with the new values. */
  incoming: MessageShape<D>;
  mask: FieldMask | undefined;
  rules: FieldRules;
  /** How the request calls the resource, such as `task`, for messages. */
  field: string;
}

const pathsMax = 100;

/** The resource after the change. Throws INVALID_ARGUMENT that names the path, or the field, that cannot be changed so. */
export function applyUpdate<D extends DescMessage>(update: Update<D>): MessageShape<D> {
  const result = clone(update.schema, update.current);
  const target = reflect(update.schema, result);
  const source = reflect(update.schema, update.incoming);
  for (const path of changedPaths(update, source)) {
    const [name] = path.split('.');
    if (update.rules.immutable.includes(name!)) checkUnchanged(update, target, source, path);
    else copyPath(target, source, path.split('.'));
  }
  return result;
}

function changedPaths<D extends DescMessage>(update: Update<D>, source: ReflectMessage): string[] {
  const { mask, rules } = update;
  const free = (name: string) =>
    !rules.outputOnly.includes(name) && !rules.addressing.includes(name);
  const asked = mask?.paths ?? [];
  if (asked.length === 0) return [...presentPaths(source)].filter((path) => free(firstPart(path)));
  if (asked.length > pathsMax)
    throw DroverError.invalid('update_mask', `has more than ${pathsMax} paths`);
  if (asked.includes('*')) {
    if (asked.length > 1) throw DroverError.invalid('update_mask', '"*" stands alone');
    const names = update.schema.fields.map(({ name }) => name).filter(free);
    // A replacement need not repeat what cannot be changed.
    return names.filter((name) => !rules.immutable.includes(name) || isSet(source, name));
  }
  for (const path of asked) checkPath(update, path);
  return asked.filter((path) => free(firstPart(path)));
}

/** The paths of what is set. A message is taken apart, unless it is one value: a list that can be told from an absent one. */
function* presentPaths(message: ReflectMessage, prefix = ''): Generator<string> {
  for (const field of message.fields) {
    if (!message.isSet(field)) continue;
    const path = `${prefix}${field.name}`;
    if (isContainer(field)) yield* presentPaths(message.get(field) as ReflectMessage, `${path}.`);
    else yield path;
  }
}

function isContainer(field: DescField): boolean {
  return field.fieldKind === 'message' && field.message.fields.some(isSingular);
}

function isSingular({ fieldKind }: DescField): boolean {
  return fieldKind !== 'list' && fieldKind !== 'map';
}

function isSet(message: ReflectMessage, name: string): boolean {
  return message.isSet(message.fields.find((field) => field.name === name)!);
}

function checkPath<D extends DescMessage>({ schema, rules }: Update<D>, path: string): void {
  let desc: DescMessage | undefined = schema;
  for (const name of path.split('.')) {
    const field: DescField | undefined = desc?.fields.find((candidate) => candidate.name === name);
    if (field === undefined)
      throw DroverError.invalid('update_mask', `"${path}" is not a field that can be changed`);
    desc = field.fieldKind === 'message' ? field.message : undefined;
  }
  if (rules.outputOnly.includes(firstPart(path)))
    throw DroverError.invalid('update_mask', `"${path}" is written by the coordinator alone`);
}

function firstPart(path: string): string {
  return path.split('.', 1)[0]!;
}

function checkUnchanged<D extends DescMessage>(
  update: Update<D>,
  target: ReflectMessage,
  source: ReflectMessage,
  path: string,
): void {
  const field = target.fields.find(({ name }) => name === path)!;
  if (source.get(field) === target.get(field)) return;
  throw DroverError.invalid(`${update.field}.${path}`, 'cannot be changed');
}

function copyPath(target: ReflectMessage, source: ReflectMessage, path: string[]): void {
  const [name, ...rest] = path;
  const field = target.fields.find((candidate) => candidate.name === name)!;
  if (rest.length > 0 && field.fieldKind === 'message') {
    // Below a message that is absent everything is absent: there is nothing to clear that is not clear already.
    if (!source.isSet(field) && !target.isSet(field)) return;
    const inner = target.get(field) as ReflectMessage;
    copyPath(inner, source.get(field) as ReflectMessage, rest);
    target.set(field, inner);
  } else if (source.isSet(field)) target.set(field, source.get(field));
  else target.clear(field);
}
