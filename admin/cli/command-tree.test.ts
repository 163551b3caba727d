import { create, createFileRegistry, getOption, type DescFile } from '@bufbuild/protobuf';
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';
import test from 'ava';
import { apiFiles } from '../../gen/api.ts';
import { docs } from '../../gen/docs.ts';
import { agents_only } from '../../gen/drover/v1/annotations_pb.ts';
import { describeCommands, type CommandSpec } from './command-tree.ts';
import { runWords } from './test-command-line.ts';

const groups = describeCommands(apiFiles, docs);

function command(group: string, name: string): CommandSpec {
  const found = groups.find((one) => one.name === group)?.commands.find((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no command ${group} ${name}`);
  return found;
}

function flagNames(spec: CommandSpec): string[] {
  return spec.flags.map((flag) => flag.name);
}

test('the groups and commands of the API', (t) => {
  t.deepEqual(
    groups.map((group) => `${group.name}: ${group.commands.map((one) => one.name).join(' ')}`),
    [
      'access-tokens: create list revoke',
      'agents: get list watch disable drain enable invite delete',
      'audit: list verify export',
      'callers: get get-sign-in',
      'filters: preview',
      'items: list list-deviations explain',
      'join-tokens: create',
      'reports: get',
      'runs: get list plan approve reject retry get-readiness export-evidence get-evidence-key',
      'settings: get update',
      'tasks: create get list update delete list-kept-ledgers delete-kept-ledger run pause resume cancel import export apply-to list-effective-settings watch',
      'webhooks: create get list update delete rotate-secret test list-dead-letters redeliver-dead-letters',
    ],
  );
});

test('every method of every service that is not for agents only is a command with help', async (t) => {
  const reachable = new Map(
    groups.flatMap((group) => group.commands.map((one) => [one.method, one])),
  );
  for (const service of apiFiles.flatMap((file) => file.services)) {
    for (const method of service.methods) {
      const spec = reachable.get(method as CommandSpec['method']);
      t.is(spec === undefined, getOption(service, agents_only), method.name);
      if (spec === undefined) continue;
      const { status, stdout } = await runWords([spec.group, spec.name, '--help']);
      t.is(status, 0);
      t.true(stdout.includes(`Usage: drover ${spec.group} ${spec.name}`));
      for (const flag of spec.flags) t.regex(stdout, new RegExp(`--(\\[no-\\])?${flag.name}`));
    }
  }
});

test('fields within the request are flags, what the coordinator sets is not', (t) => {
  t.deepEqual(flagNames(command('tasks', 'create')), [
    'display-name',
    'source',
    'destination',
    'migrate-hidden-items',
    'exclude-extensions',
    'exclude-patterns',
    'max-attempts',
    'invalid-character-replacement',
    'conflict-policy',
    'gone-policy',
    'recycle-items-max',
    'recycle-percent-max',
    'created-after',
    'created-before',
    'modified-after',
    'modified-before',
    'include-patterns',
    'case-sensitive-patterns',
    'exclude-folders',
    'min-size',
    'max-size',
    'migrate-system-items',
    'manifest',
    'scan-only',
    'preserve-permissions',
    'migrate-items-with-invalid-names',
    'automatic-reruns',
    'require-approval',
    'try-reading',
    'etag',
    'agent-group',
    'priority',
    'once-time',
    'cron',
    'time-zone',
    'tags',
    'task-id',
    'request-id',
    'validate-only',
    'check-locations',
  ]);
});

test('a change takes the name as its argument, and no flag for what cannot be changed', (t) => {
  const update = command('tasks', 'update');
  t.deepEqual(update.positional?.patterns, ['tasks/{task}']);
  t.deepEqual(flagNames(update).slice(0, 2), ['display-name', 'migrate-hidden-items']);
  t.is(command('settings', 'update').positional, undefined);
});

test('a field and a method that are added to the schema appear by themselves', async (t) => {
  const [file, comments] = syntheticApi();
  const [group] = describeCommands([file], comments);
  t.is(group?.name, 'sheeps');
  t.deepEqual(
    group?.commands.map((one) => one.name),
    ['sort', 'merge-with-other'],
  );
  const { stdout } = await runWords(['sheeps', 'sort', '--help'], {
    files: [file],
    docs: comments,
  });
  t.regex(stdout, /--wool-length <number>\s+How long the wool is\. \(required\)/);
  t.regex(stdout, /--colours <colour,\.\.\.>\s+Which colours\. One of white, dark-brown\./);
  t.regex(stdout, /--dog-etag <text>/);
  t.regex(stdout, /--etag <text>/);
});

/** A schema that is not ours: what the tree makes of it can come from nowhere but the descriptors. */
function syntheticApi(): [DescFile, ReadonlyMap<string, string>] {
  const { INT32, STRING, ENUM, MESSAGE } = FieldDescriptorProto_Type;
  const { OPTIONAL, REPEATED } = FieldDescriptorProto_Label;
  const proto = create(FileDescriptorProtoSchema, {
    name: 'sheep.proto',
    package: 'farm',
    syntax: 'proto3',
    enumType: [
      {
        name: 'Colour',
        value: [
          { name: 'COLOUR_UNSPECIFIED', number: 0 },
          { name: 'COLOUR_WHITE', number: 1 },
          { name: 'COLOUR_DARK_BROWN', number: 2 },
        ],
      },
    ],
    messageType: [
      {
        name: 'SortRequest',
        field: [
          { name: 'wool_length', jsonName: 'woolLength', number: 1, type: INT32, label: OPTIONAL },
          {
            name: 'colours',
            jsonName: 'colours',
            number: 2,
            type: ENUM,
            typeName: '.farm.Colour',
            label: REPEATED,
          },
          {
            name: 'dog',
            jsonName: 'dog',
            number: 3,
            type: MESSAGE,
            typeName: '.farm.Dog',
            label: OPTIONAL,
          },
          { name: 'etag', jsonName: 'etag', number: 4, type: STRING, label: OPTIONAL },
        ],
      },
      {
        name: 'Dog',
        field: [
          { name: 'etag', jsonName: 'etag', number: 1, type: STRING, label: OPTIONAL },
          {
            name: 'pups',
            jsonName: 'pups',
            number: 2,
            type: MESSAGE,
            typeName: '.farm.Dog',
            label: OPTIONAL,
          },
        ],
      },
      { name: 'SortResponse' },
    ],
    service: [
      {
        name: 'SheepService',
        method: [
          { name: 'SortSheep', inputType: '.farm.SortRequest', outputType: '.farm.SortResponse' },
          { name: 'MergeWithOther', inputType: '.farm.Dog', outputType: '.farm.SortResponse' },
          {
            name: 'CallSheep',
            inputType: '.farm.Dog',
            outputType: '.farm.Dog',
            clientStreaming: true,
          },
        ],
      },
    ],
  });
  const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: [proto] }));
  const comments = new Map([
    ['farm.SortRequest.wool_length', 'Required. How long the wool is.'],
    ['farm.SortRequest.colours', 'Optional. Which colours.'],
  ]);
  return [registry.getFile('sheep.proto')!, comments];
}
