// docs/SECURITY.md names the test of each attack: whoever renames one has to say so there.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';

const root = path.dirname(import.meta.dirname);
const document = readFileSync(path.join(root, 'docs', 'SECURITY.md'), 'utf8');

test('every test that is named is there', (t) => {
  const named = [...document.matchAll(/`([\w/.-]+\.test\.ts)`(?:: "([^"…]+)(?:…)?")?/g)];
  t.true(named.length > 20);
  for (const [, file, title] of named) {
    const source = readFileSync(path.join(root, file!), 'utf8').replaceAll("\\'", "'");
    if (title !== undefined) t.true(source.includes(title.trimEnd()), `${file}: ${title}`);
  }
});
