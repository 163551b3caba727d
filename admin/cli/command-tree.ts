// The commands as data, derived from the schema alone: a service is a group, a method a command, a
// field a flag. The parser, the help and the completion are all made from this tree, so that none
// of them can know a command the others do not.
import {
  getOption,
  type DescField,
  type DescFile,
  type DescMessage,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type DescService,
} from '@bufbuild/protobuf';
import { agents_only } from '../../gen/drover/v1/annotations_pb.ts';
import { commandName, groupName } from './command-name.ts';
import { contentField } from './content-field.ts';
import { describeFlags, type Flag } from './flag.ts';
import { findPositional, type Positional } from './positional.ts';

/** The schema's comments by the full name of what they stand at. */
export type Docs = ReadonlyMap<string, string>;

/** A method that the command line can call. */
export type CallableMethod =
  | DescMethodUnary<DescMessage, DescMessage>
  | DescMethodServerStreaming<DescMessage, DescMessage>;

export interface CommandSpec {
  /** The first word, such as `tasks`. */
  group: string;
  /** The second word, such as `create`. */
  name: string;
  method: CallableMethod;
  /** The method's comment. */
  help: string;
  positional: Positional | undefined;
  flags: readonly Flag[];
  /** The repeated field of the response, for a method that answers in pages. */
  pageItems: DescField | undefined;
  /** The method answers with the content of a file, see `contentField`. */
  isContent: boolean;
  /** The field mask of the request, for a method that changes a resource. */
  updateMask: DescField | undefined;
}

export interface GroupSpec {
  name: string;
  /** The service's comment. */
  help: string;
  commands: readonly CommandSpec[];
}

/** The groups of all services that are not spoken by agents only, in the order of their names. */
export function describeCommands(files: readonly DescFile[], docs: Docs): GroupSpec[] {
  return files
    .flatMap((file) => file.services)
    .filter((service) => !getOption(service, agents_only))
    .map((service) => describeGroup(service, docs))
    .filter((group) => group.commands.length > 0)
    .sort((one, other) => (one.name < other.name ? -1 : 1));
}

function describeGroup(service: DescService, docs: Docs): GroupSpec {
  const group = groupName(service.name);
  const commands: CommandSpec[] = [];
  for (const method of service.methods) {
    // A command line has one request to give, so a method that wants a stream of them is not a
    // command.
    if (method.methodKind !== 'unary' && method.methodKind !== 'server_streaming') continue;
    const taken = commands.map((command) => command.name);
    const name = commandName(method.name, service.name, taken);
    commands.push(describeCommand(group, name, method as CallableMethod, docs));
  }
  return { name: group, help: docs.get(service.typeName) ?? '', commands };
}

function describeCommand(
  group: string,
  name: string,
  method: CallableMethod,
  docs: Docs,
): CommandSpec {
  const updateMask = method.input.fields.find(
    (field) =>
      field.fieldKind === 'message' && field.message.typeName === 'google.protobuf.FieldMask',
  );
  const positional = findPositional(method.input, updateMask !== undefined, docs);
  return {
    group,
    name,
    method,
    help: docs.get(`${method.parent.typeName}.${method.name}`) ?? '',
    positional,
    flags: describeFlags(method.input, { docs, positional, isUpdate: updateMask !== undefined }),
    pageItems: method.methodKind === 'unary' ? pageItemsOf(method) : undefined,
    isContent: contentField(method) !== undefined,
    updateMask,
  };
}

function pageItemsOf(method: CallableMethod): DescField | undefined {
  const pages = 'pageToken' in method.input.field && 'nextPageToken' in method.output.field;
  if (!pages) return undefined;
  return method.output.fields.find(
    (field) => field.fieldKind === 'list' && field.listKind === 'message',
  );
}
