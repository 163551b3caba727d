// A method that does not say who may call it does not get as far as code.
import test from 'ava';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { clone, create, setExtension, type DescFile } from '@bufbuild/protobuf';
import {
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  MethodOptionsSchema,
  type FileDescriptorProto,
  type MethodDescriptorProto,
} from '@bufbuild/protobuf/wkt';
import { apiFiles } from '../gen/api.ts';
import { access, AccessSchema, Role } from '../gen/drover/v1/annotations_pb.ts';
import { methodsWithoutAccess } from './schema-access.ts';

const root = path.dirname(import.meta.dirname);
const apiPackage = 'drover.v1';
const deleteTask = 'drover.v1.TaskService.DeleteTask';

/** The schema with all it depends on, and one method of it changed. */
function schemaWith(method: string, change: (method: MethodDescriptorProto) => void) {
  const found = new Map<string, FileDescriptorProto>();
  const visit = (files: readonly DescFile[]): void => {
    for (const file of files) {
      visit(file.dependencies);
      found.set(file.proto.name, clone(FileDescriptorProtoSchema, file.proto));
    }
  };
  visit(apiFiles);
  const file = [...found.values()];
  for (const { package: name, service } of file)
    for (const one of service)
      for (const candidate of one.method)
        if (`${name}.${one.name}.${candidate.name}` === method) change(candidate);
  return create(FileDescriptorSetSchema, { file });
}

test('every method of the API says who may call it', (t) => {
  t.deepEqual(methodsWithoutAccess(schemaWith('', () => {}), apiPackage), []); // oxfmt-ignore
});

test('a method without the annotation is named', (t) => {
  const schema = schemaWith(deleteTask, (method) => {
    method.options = create(MethodOptionsSchema);
  });
  t.deepEqual(methodsWithoutAccess(schema, apiPackage), [deleteTask]);
});

for (const [what, caller] of [
  ['nobody', undefined],
  ['a role that is unspecified', { case: 'role', value: Role.UNSPECIFIED }],
  ['no agent', { case: 'agent', value: false }],
  ['not anyone', { case: 'anyone', value: false }],
] as const)
  test(`a method whose annotation says ${what} is named`, (t) => {
    const schema = schemaWith(deleteTask, (method) => {
      method.options = create(MethodOptionsSchema);
      const empty = create(AccessSchema, caller === undefined ? {} : { caller });
      setExtension(method.options, access, empty);
    });
    t.deepEqual(methodsWithoutAccess(schema, apiPackage), [deleteTask]);
  });

test('code of such a method is not generated: the generator names it and fails', (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'drover-generate-test-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  for (const part of ['proto', 'scripts', 'buf.yaml', 'buf.gen.yaml', 'package.json'])
    cpSync(path.join(root, part), path.join(folder, part), { recursive: true });
  symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  const file = path.join(folder, 'proto', 'drover', 'v1', 'task.proto');
  const text = readFileSync(file, 'utf8');
  const open = text.replace(
    /(rpc DeleteTask\(.*\{\n)\s*option \(access\) = \{role: ROLE_OPERATOR\};\n/,
    '$1',
  );
  t.not(open, text);
  writeFileSync(file, open);
  const generate = path.join(folder, 'scripts', 'generate.ts');
  const { status, stderr } = spawnSync(process.execPath, [generate], { encoding: 'utf8' });
  t.is(status, 1);
  t.regex(stderr, /do not say who may call them[^]*drover\.v1\.TaskService\.DeleteTask\n/);
});
