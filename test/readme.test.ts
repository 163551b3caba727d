// The README names every option there is, where its command is described; the emulator's are in its own manual.
import test from 'ava';
import { startEmulator } from '../scripts/local-stack.ts';
import { temporaryFolder } from './harness/folders.ts';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const manuals = ['README.md', 'docs/EMULATOR.md'] as const;
type Manual = (typeof manuals)[number];
const texts = new Map(
  manuals.map((manual) => [manual, readFileSync(path.join(root, manual), 'utf8')]),
);

interface Described {
  script: string;
  heading: string;
  manual?: Manual;
}

const commands: readonly Described[] = [
  { script: 'coordinator/main.ts', heading: '### `npx drover-coordinator`' },
  { script: 'agent/main.ts', heading: '### `npx drover-agent`' },
  { script: 'admin/cli/main.ts', heading: '### `npx drover`' },
  { script: 'scripts/quick-start.ts', heading: '## Try it' },
  { script: 'emulator/main.ts', heading: '## Start', manual: 'docs/EMULATOR.md' },
  { script: 'scripts/bench.ts', heading: '### `npm run bench --`' },
];

for (const { script, heading, manual = 'README.md' } of commands)
  test(`${manual} has every option of ${script}`, (t) => {
    const help = execFileSync(process.execPath, [path.join(root, script), '--help'], {
      encoding: 'utf8',
    });
    const section = sectionOf(manual, heading);
    const words = help.match(/--[a-z][a-z-]+|DROVER_[A-Z_]+/g) ?? [];
    t.true(words.length > 3, help);
    for (const word of new Set(words))
      if (word !== '--help') t.true(section.includes(word), `${word} is missing in "${heading}"`);
  });

test('the manual of the emulator has every kind of fault and every control address', async (t) => {
  const text = texts.get('docs/EMULATOR.md')!;
  await using emulator = await startEmulator({ data: await temporaryFolder(t) });
  const address = emulator.ready.http;
  const put = (rules: unknown) =>
    fetch(`${address}/_emulator/faults`, { method: 'PUT', body: JSON.stringify(rules) });
  const refusal = await (await put([{ fault: { kind: 'none' } }])).text();
  const kinds = /one of ([\w, ]+)/.exec(refusal)![1]!.split(', ');
  t.true(kinds.length > 10, refusal);
  for (const kind of kinds) {
    const example = new RegExp(`\\{"kind": "${kind}"[^}]*\\}`).exec(text)?.[0];
    t.truthy(example, kind);
    t.is((await put([{ fault: JSON.parse(example!) as object }])).status, 200, kind);
  }
  const help = (await (await fetch(`${address}/_emulator/`)).json()) as { addresses: object };
  for (const call of Object.keys(help.addresses)) t.true(text.includes(call.split(' ')[1]!), call);
});

function sectionOf(manual: Manual, heading: string): string {
  const text = texts.get(manual)!;
  const from = text.indexOf(`${heading}\n`);
  if (from < 0) throw new Error(`${manual} has no "${heading}"`);
  const rest = text.slice(from + heading.length);
  const to = rest.search(/\n##/);
  return to < 0 ? rest : rest.slice(0, to);
}
