// The layers of the design are lint errors; this proves that each of those rules bites, on files that break one each.
import { execFile } from 'node:child_process';
import { copyFile, mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { projectRoot, temporaryFolder } from './harness/folders.ts';

interface Sample {
  file: string;
  code: string;
  /** The rule that refuses it; undefined for a file that is in order. */
  rule: string | undefined;
}

const importRule = 'eslint(no-restricted-imports)';
const uses = (module: string) => `import * as x from '${module}';\nexport const y = x;\n`;
const parts = ['coordinator', 'agent', 'admin', 'emulator'];

const crossImports: Sample[] = parts.flatMap((from) =>
  parts
    .filter((to) => to !== from)
    .map((to) => ({
      file: `${from}/inner/uses-${to}.ts`,
      code: uses(`../../${to}/thing.ts`),
      rule: importRule,
    })),
);

const doors: Sample[] = [
  { file: 'coordinator/dispatch/level.ts', code: uses('level'), rule: importRule },
  { file: 'coordinator/store/level.ts', code: uses('level'), rule: undefined },
  { file: 'agent/run/journal.ts', code: uses('level'), rule: undefined },
  { file: 'agent/run/other.ts', code: uses('level'), rule: importRule },
  { file: 'agent/run/pool.ts', code: uses('piscina'), rule: importRule },
  { file: 'agent/pool/pool.ts', code: uses('piscina'), rule: undefined },
  { file: 'coordinator/report/pool.ts', code: uses('piscina'), rule: importRule },
  { file: 'coordinator/report/report-threads.ts', code: uses('piscina'), rule: undefined },
  { file: 'agent/link/msal.ts', code: uses('@azure/msal-node'), rule: importRule },
  { file: 'agent/credential/msal.ts', code: uses('@azure/msal-node'), rule: undefined },
  { file: 'admin/cli/msal.ts', code: uses('@azure/msal-node'), rule: importRule },
  { file: 'admin/sign-in/msal.ts', code: uses('@azure/msal-node'), rule: undefined },
  { file: 'agent/run/grpc.ts', code: uses('@grpc/grpc-js'), rule: importRule },
  { file: 'agent/link/grpc.ts', code: uses('@grpc/grpc-js'), rule: undefined },
  { file: 'coordinator/trust/connect.ts', code: uses('@connectrpc/connect'), rule: importRule },
  { file: 'coordinator/rpc/connect.ts', code: uses('@connectrpc/connect'), rule: undefined },
  { file: 'coordinator/rpc/metrics.ts', code: uses('prom-client'), rule: importRule },
  { file: 'coordinator/metrics/metrics.ts', code: uses('prom-client'), rule: undefined },
  { file: 'admin/cli/connect.ts', code: uses('@connectrpc/connect-node'), rule: undefined },
  { file: 'lib/connect.ts', code: uses('@connectrpc/connect'), rule: importRule },
  { file: 'lib/agent.ts', code: uses('../agent/thing.ts'), rule: importRule },
  { file: 'test/connect.ts', code: uses('@connectrpc/connect'), rule: undefined },
];

const globalRule = 'eslint(no-restricted-globals)';
const propertyRule = 'eslint(no-restricted-properties)';
const pureFolders = ['coordinator/task', 'coordinator/plan', 'coordinator/bulk'];

const impure: Sample[] = pureFolders.flatMap((folder) => [
  { file: `${folder}/now.ts`, code: 'export const now = Date.now();\n', rule: globalRule },
  { file: `${folder}/timer.ts`, code: 'setTimeout(() => {}, 1);\n', rule: globalRule },
  { file: `${folder}/chance.ts`, code: 'export const x = Math.random();\n', rule: propertyRule },
  { file: `${folder}/most.ts`, code: 'export const x = Math.max(1, 2);\n', rule: undefined },
  { file: `${folder}/pid.ts`, code: 'export const x = process.pid;\n', rule: globalRule },
  { file: `${folder}/reads.ts`, code: uses('node:fs'), rule: importRule },
]);

const edges: Sample[] = [
  { file: 'agent/env.ts', code: "export const x = process.env['X'];\n", rule: propertyRule },
  { file: 'lib/exit.ts', code: 'process.exit(1);\n', rule: propertyRule },
  { file: 'agent/main.ts', code: "console.log(process.env['X']);\n", rule: undefined },
  { file: 'scripts/env.ts', code: "console.log(process.env['X']);\n", rule: undefined },
];

const mistakes: Sample[] = [
  {
    file: 'lib/floating.ts',
    code: 'async function f(): Promise<void> {}\nf();\n',
    rule: 'typescript(no-floating-promises)',
  },
  {
    file: 'lib/misused.ts',
    code: 'const f = async () => true;\nexport const x = () => (f() ? 1 : 2);\n',
    rule: 'typescript(no-misused-promises)',
  },
  {
    file: 'lib/switch.ts',
    code: "export function f(x: 'a' | 'b'): void {\n  switch (x) {\n    case 'a':\n      console.log(x);\n  }\n}\n",
    rule: 'typescript(switch-exhaustiveness-check)',
  },
  {
    file: 'lib/cycle.ts',
    code: "import { b } from './cycle-other.ts';\nexport const a = () => b();\n",
    rule: 'import(no-cycle)',
  },
  {
    file: 'lib/cycle-other.ts',
    code: "import { a } from './cycle.ts';\nexport const b = (): unknown => a();\n",
    rule: 'import(no-cycle)',
  },
];

test('every rule of the layers refuses what breaks it, and only that', async (t) => {
  const folder = await temporaryFolder(t);
  const samples = [...crossImports, ...doors, ...impure, ...edges, ...mistakes];
  await copyFile(path.join(projectRoot, 'oxlint.config.ts'), path.join(folder, 'oxlint.config.ts'));
  await copyFile(path.join(projectRoot, 'tsconfig.json'), path.join(folder, 'tsconfig.json'));
  await symlink(path.join(projectRoot, 'node_modules'), path.join(folder, 'node_modules'));
  const targets = parts.map((part) => ({
    file: `${part}/thing.ts`,
    code: 'export const z = 1;\n',
  }));
  for (const { file, code } of [...samples, ...targets]) {
    await mkdir(path.dirname(path.join(folder, file)), { recursive: true });
    await writeFile(path.join(folder, file), code);
  }
  const found = await lint(folder);
  for (const { file, rule } of samples)
    t.deepEqual(found.get(file) ?? [], rule === undefined ? [] : [rule], file);
});

/** The rules that each file breaks. */
async function lint(folder: string): Promise<Map<string, string[]>> {
  const program = path.join(projectRoot, 'node_modules', 'oxlint', 'bin', 'oxlint');
  const args = [program, '--type-aware', '--format', 'json'];
  // It ends with status 1, as it must, so that only what it wrote counts.
  const output = await new Promise<string>((resolve) =>
    execFile(process.execPath, args, { cwd: folder }, (_error, stdout) => resolve(stdout)),
  );
  const { diagnostics } = JSON.parse(output) as {
    diagnostics: { code: string; filename: string }[];
  };
  const found = new Map<string, string[]>();
  for (const { code, filename } of diagnostics)
    found.set(filename, [...(found.get(filename) ?? []), code]);
  return found;
}
