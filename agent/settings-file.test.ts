import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { readSettings, writeSettings, type AgentSettingsFile } from './settings-file.ts';

function folderFor(t: ExecutionContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'drover-settings-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return folder;
}

const whole: AgentSettingsFile = {
  coordinators: [
    { host: 'hub', port: 7443 },
    { host: '::1', port: 1 },
  ],
  name: 'Dateiserver Zürich',
  group: 'north',
  threads: 4,
  requests: 32,
  sourceRoots: ['/srv/a', '\\\\files\\hr'],
  signIn: 'application',
  tenant: 'contoso.com',
  clientId: '00001111-aaaa-2222-bbbb-3333cccc4444',
  authority: 'https://localhost:1',
  graph: 'https://localhost:2',
  proxy: 'http://proxy:3128/',
  caFile: '/etc/ca.pem',
};
const least: AgentSettingsFile = { coordinators: [{ host: 'hub', port: 1 }], signIn: 'none' };

test('what is written is read again, and nothing is left beside it', (t) => {
  const folder = folderFor(t);
  t.is(readSettings(folder), undefined);
  for (const settings of [whole, least]) {
    writeSettings(folder, settings);
    t.deepEqual(readSettings(folder), settings);
  }
  t.deepEqual(readdirSync(folder), ['agent.json']);
});

const good = { version: 1, coordinators: ['hub:1'], signIn: 'none' };
const refusals: [content: unknown, said: RegExp][] = [
  ['{', /agent\.json: is no JSON object/],
  [[], /is no JSON object; remove it/],
  [{ ...good, version: 2 }, /has format 2, and this version of Drover knows format 1/],
  [{ coordinators: ['hub:1'], signIn: 'none' }, /has format undefined/],
  [{ ...good, colour: 'red' }, /"colour" is no setting; there are coordinators, name,/],
  [{ ...good, coordinators: [] }, /"coordinators": is wrong: There must be 1 to 16/],
  [{ ...good, coordinators: 'hub:1' }, /"coordinators": is wrong: It must be a list/],
  [{ ...good, coordinators: ['hub'] }, /"coordinators": is wrong: It must be host:port/],
  [{ ...good, threads: '2' }, /"threads": is wrong: It must be a number/],
  [{ ...good, threads: 0 }, /"threads": is wrong: It must be a whole number from 1 to 64/],
  [{ ...good, sourceRoots: ['share'] }, /"sourceRoots": is wrong: .*not an absolute path/],
  [{ ...good, signIn: 'maybe' }, /"signIn": is wrong: It must be one of none, person, application/],
  [{ version: 1, signIn: 'none' }, /"coordinators" is missing/],
  [{ version: 1, coordinators: ['hub:1'] }, /"signIn" is missing/],
  [{ ...good, signIn: 'person', tenant: 'contoso.com' }, /what it says of the sign-in is wrong: --client-id: is missing/],
  [{ ...good, proxy: 'http://ann:pass-word@proxy:1' }, /"proxy": is wrong: It holds a password/],
]; // oxfmt-ignore

for (const [content, said] of refusals)
  test(`refused with file and key: ${said.source}`, (t) => {
    const folder = folderFor(t);
    const text = typeof content === 'string' ? content : JSON.stringify(content);
    writeFileSync(path.join(folder, 'agent.json'), text);
    const error = t.throws(() => readSettings(folder), { message: said });
    t.false(error!.message.includes('pass-word'));
  });
