// The README names every option there is, where its command is described.
import test from 'ava';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(path.join(root, 'README.md'), 'utf8');

const commands = [
  { script: 'coordinator/main.ts', heading: '### `npx drover-coordinator`' },
  { script: 'agent/main.ts', heading: '### `npx drover-agent`' },
  { script: 'admin/cli/main.ts', heading: '### `npx drover`' },
  { script: 'scripts/quick-start.ts', heading: '## Try it' },
  { script: 'scripts/bench.ts', heading: '### `npm run bench --`' },
];

for (const { script, heading } of commands)
  test(`the README has every option of ${script}`, (t) => {
    const help = execFileSync(process.execPath, [path.join(root, script), '--help'], {
      encoding: 'utf8',
    });
    const section = sectionOf(heading);
    const words = help.match(/--[a-z][a-z-]+|DROVER_[A-Z_]+/g) ?? [];
    t.true(words.length > 3, help);
    for (const word of new Set(words))
      if (word !== '--help') t.true(section.includes(word), `${word} is missing in "${heading}"`);
  });

function sectionOf(heading: string): string {
  const from = readme.indexOf(`${heading}\n`);
  if (from < 0) throw new Error(`the README has no "${heading}"`);
  const rest = readme.slice(from + heading.length);
  const to = rest.search(/\n##/);
  return to < 0 ? rest : rest.slice(0, to);
}
