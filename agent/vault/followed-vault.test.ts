import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { pino } from 'pino';
import type { Clock } from '../../lib/time.ts';
import { followVault } from './followed-vault.ts';
import { keepAccount, keepApplication } from './kept-credentials.ts';
import { openVault } from './vault.ts';

const account = { user: String.raw`CONTOSO\reader`, password: 'x' };

function open(t: { teardown(clean: () => void): void }, clock: Clock) {
  const dataFolder = mkdtempSync(path.join(tmpdir(), 'drover-followed-'));
  t.teardown(() => rmSync(dataFolder, { recursive: true }));
  const lines: string[] = [];
  const log = pino({ level: 'debug' }, { write: (line) => lines.push(line) });
  const vault = openVault({ dataFolder });
  const followed = followVault(vault, { clock, log });
  t.teardown(() => followed[Symbol.dispose]());
  // Another process has its own.
  return { followed, lines, file: vault.file, other: openVault({ dataFolder }) };
}

test('what another process puts in is told, by part, as the system says so', async (t) => {
  // Neither the watch nor a timer that never comes to an end keeps a process alive.
  const alive = setInterval(() => {}, 60_000);
  t.teardown(() => clearInterval(alive));
  const { followed, other, lines } = open(t, {
    now: () => 0,
    steady: () => 0,
    after: () => () => {},
  });
  const told = { application: 0, accounts: 0 };
  const next = (part: 'application' | 'accounts') =>
    new Promise<void>((resolve) => followed.onChange(part, () => resolve(void told[part]++)));
  t.is(followed.application(), undefined);
  const application = next('application');
  keepApplication(other, { kind: 'secret', secret: 'planted-secret' }, 1);
  await application;
  t.deepEqual(followed.application(), { kind: 'secret', secret: 'planted-secret' });
  const accounts = next('accounts');
  keepAccount(other, String.raw`\\files\*`, account, 2);
  await accounts;
  t.deepEqual(followed.accounts(), [{ pattern: String.raw`\\files\*`, account }]);
  t.deepEqual(told, { application: 1, accounts: 1 });
  t.false(lines.join('').includes('planted-secret'));
});

test('where the system says nothing, a look once a second finds it; a damaged vault takes nothing away', (t) => {
  const timers: (() => void)[] = [];
  const clock: Clock = {
    now: () => 0,
    steady: () => 0,
    after: (_, callback) => (timers.push(callback), () => {}),
  };
  const { followed, other, file, lines } = open(t, clock);
  let told = 0;
  followed.onChange('application', () => (told += 1));
  // All of this happens before any event of the system can come in.
  keepApplication(other, { kind: 'secret', secret: 'first' }, 1);
  t.is(followed.application(), undefined);
  timers.shift()!();
  t.deepEqual(followed.application(), { kind: 'secret', secret: 'first' });
  timers.shift()!();
  t.is(told, 1);
  writeFileSync(file, 'damaged', { mode: 0o600 });
  timers.shift()!();
  t.deepEqual(followed.application(), { kind: 'secret', secret: 'first' });
  t.regex(lines.at(-1)!, /go on to be those of before: the vault .* was changed or cut/);
  t.is(told, 1);
});
