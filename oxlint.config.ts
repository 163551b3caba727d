// The linter's rules, and the layers of the project as lint errors: who may import whom, and why not. It is TypeScript, not
// JSON, because a later override replaces the rule of an earlier one, so that each folder needs its whole list.
import { defineConfig } from 'oxlint';

type Pattern = { regex: string; message: string };
type Global = { name: string; message: string };
type Property = { object: string; property: string; message: string };

const parts = ['coordinator', 'agent', 'admin', 'emulator'];

/** The packages that only one folder may import, and what to use elsewhere. */
const doors = {
  level: {
    regex: '^(level|classic-level|abstract-level)(/|$)',
    message:
      'LevelDB has two doors: coordinator/store/ and agent/run/journal.ts. Use their interfaces.',
  },
  piscina: {
    regex: '^piscina(/|$)',
    message:
      'Worker threads have two doors: agent/pool/ and coordinator/report/report-threads.ts. Use their interfaces.',
  },
  msal: {
    regex: '^@azure/msal-node(/|$)',
    message:
      'Sign-in to Entra ID has two doors: agent/credential/ (the agent, to the tenant) and admin/sign-in/ (a person, to the coordinator).',
  },
  grpc: {
    regex: '^@grpc/grpc-js(/|$)',
    message: "The agent's stream has one door: agent/link/.",
  },
  connect: {
    regex: '^@connectrpc/',
    message:
      'Connect has two doors: coordinator/rpc/ (server) and admin/ (client); lib/wide-sessions.ts opens the connections of clients.',
  },
  metrics: {
    regex: '^prom-client(/|$)',
    message: 'Metrics have one door: coordinator/metrics/. Tell an Observer what happens.',
  },
} satisfies Record<string, Pattern>;

type Door = keyof typeof doors;

const environmentOfMain: Property[] = [
  {
    object: 'process',
    property: 'env',
    message: 'Only a main.ts reads the environment; take an option instead.',
  },
  {
    object: 'process',
    property: 'exit',
    message: 'Only a main.ts ends the process; throw a DroverError instead.',
  },
];

const pureReason = 'This folder is pure: the time, ids and randomness are arguments.';

const impureGlobals: Global[] = [
  'Date',
  'Temporal',
  'performance',
  'crypto',
  'process',
  'fetch',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
].map((name) => ({ name, message: pureReason }));

const impureProperties: Property[] = [{ object: 'Math', property: 'random', message: pureReason }];

const impureImports: Pattern[] = [{ regex: '^node:', message: pureReason }];

/** The rule for files that may import these doors and no file of these parts. */
function imports(own: string | undefined, open: Door[], more: Pattern[] = []) {
  const closed = Object.entries(doors).filter(([name]) => !open.includes(name as Door));
  const patterns = [...closed.map(([, pattern]) => pattern), ...more];
  // Tests and scripts start processes of every part, but do not reach into them.
  const others = parts.filter((part) => part !== own);
  patterns.push({
    regex: `^(\\.\\./)+(${others.join('|')})/`,
    message: `${own ?? 'This folder'} never imports another part; they meet in gen/ and lib/.`,
  });
  return { 'no-restricted-imports': ['error' as const, { patterns }] };
}

export default defineConfig({
  plugins: ['typescript', 'import', 'unicorn', 'oxc', 'node'],
  ignorePatterns: ['node_modules/', 'gen/', '.drover/'],
  options: { typeAware: true, denyWarnings: true, reportUnusedDisableDirectives: 'error' },
  categories: { correctness: 'error' },
  rules: {
    'typescript/no-floating-promises': 'error',
    'typescript/no-misused-promises': 'error',
    // Enums of the schema are open: a default is what a newer peer's value meets.
    'typescript/switch-exhaustiveness-check': [
      'error',
      { considerDefaultExhaustiveForUnions: true },
    ],
    'import/no-cycle': 'error',
    // An array of a known length is what `new Array(length)` is for.
    'unicorn/no-new-array': 'off',
    // A copy is what makes it safe to change a set or a map while going through it.
    'unicorn/no-useless-spread': 'off',
    'no-restricted-properties': ['error', ...environmentOfMain],
    ...imports(undefined, []),
  },
  overrides: [
    { files: ['coordinator/**'], rules: imports('coordinator', []) },
    { files: ['coordinator/store/**'], rules: imports('coordinator', ['level']) },
    { files: ['coordinator/metrics/**'], rules: imports('coordinator', ['metrics']) },
    { files: ['coordinator/rpc/**'], rules: imports('coordinator', ['connect']) },
    {
      // Who starts the threads, and what runs in them.
      files: ['coordinator/report/report-thread{,s}.ts'],
      rules: imports('coordinator', ['piscina']),
    },
    {
      files: ['coordinator/task/**', 'coordinator/plan/**', 'coordinator/bulk/**'],
      excludeFiles: ['**/*.test.ts'],
      rules: {
        ...imports('coordinator', [], impureImports),
        'no-restricted-globals': ['error', ...impureGlobals],
        'no-restricted-properties': ['error', ...environmentOfMain, ...impureProperties],
      },
    },
    { files: ['agent/**'], rules: imports('agent', []) },
    { files: ['agent/pool/**'], rules: imports('agent', ['piscina']) },
    { files: ['agent/link/**'], rules: imports('agent', ['grpc']) },
    {
      // What the agent's client is tested with is a server, and that is made with the other library.
      files: ['agent/link/*.test.ts', 'agent/link/played-coordinator.ts'],
      rules: imports('agent', ['grpc', 'connect']),
    },
    { files: ['agent/credential/**'], rules: imports('agent', ['msal']) },
    { files: ['agent/run/journal.ts'], rules: imports('agent', ['level']) },
    { files: ['admin/**'], rules: imports('admin', ['connect']) },
    { files: ['admin/sign-in/**'], rules: imports('admin', ['msal']) },
    { files: ['lib/wide-sessions.ts'], rules: imports(undefined, ['connect']) },
    { files: ['emulator/**'], rules: imports('emulator', []) },
    {
      files: ['scripts/**', 'test/**'],
      rules: { ...imports(undefined, ['connect']), 'no-restricted-properties': 'off' },
    },
    {
      // What a store holds is looked at from outside, row by row.
      files: ['test/harness/level-rows.ts'],
      rules: imports(undefined, ['level']),
    },
    { files: ['**/main.ts'], rules: { 'no-restricted-properties': 'off' } },
  ],
});
