import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { readGiven, type SetupFlags } from './given.ts';

const flags: SetupFlags = { data: '/unused' };

/** A file with answers in a folder with the secrets that it names. */
function answersFor(t: ExecutionContext, answers: unknown): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'drover-given-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  mkdirSync(path.join(folder, 'secrets'));
  writeFileSync(path.join(folder, 'secrets', 'client'), 'the secret\r\n');
  writeFileSync(path.join(folder, 'empty'), '\n');
  const file = path.join(folder, 'answers.json');
  writeFileSync(file, `\uFEFF${JSON.stringify(answers)}`);
  return file;
}

test('flags count more than the environment, and both more than the file', (t) => {
  const answers = answersFor(t, {
    ...{ version: 1, coordinators: ['a:1'], tenant: 'file.com', threads: 2, caFile: 'ca.pem' },
    ...{ clientSecretFile: 'secrets/client', sourceRoots: ['/srv/file'], data: '/srv/agent' },
  });
  const environment = { DROVER_AGENT_SOURCE_ROOT: '/srv/environment', DROVER_INVITATION: ' it ' };
  t.deepEqual(readGiven({ ...flags, answers, tenant: 'flag.com' }, environment), {
    coordinators: [{ host: 'a', port: 1 }],
    tenant: 'flag.com',
    threads: 2,
    caFile: path.join(path.dirname(answers), 'ca.pem'),
    clientSecret: 'the secret',
    sourceRoots: ['/srv/environment'],
    invitation: 'it',
    data: '/srv/agent',
  });
  const secret = { DROVER_CLIENT_SECRET: 'of the environment' };
  t.is(readGiven({ ...flags, answers }, secret).clientSecret, 'of the environment');
  t.deepEqual(readGiven(flags, {}), {});
});

const refusals: [answers: unknown, said: RegExp][] = [
  [{ colour: 'red' }, /"colour" is no setting; there are .*clientSecretFile.*authorityFingerprint/],
  [{ clientSecret: 'never here' }, /"clientSecret" is no setting/],
  [{ clientSecretFile: 'nowhere' }, /"clientSecretFile": .*nowhere cannot be read \(ENOENT\)/],
  [{ invitationFile: 7 }, /"invitationFile": must be a text/],
  [{ threads: 'many' }, /"threads": is wrong/],
];
for (const [answers, said] of refusals)
  test(`answers are refused with file and key: ${said.source}`, (t) => {
    const file = answersFor(t, answers);
    const error = t.throws(() => readGiven({ ...flags, answers: file }, {}), { message: said });
    t.false(error!.message.includes('never here'));
  });

test('a file that is named and empty or not there is refused by its flag', (t) => {
  const empty = path.join(path.dirname(answersFor(t, {})), 'empty');
  t.throws(() => readGiven({ ...flags, invitationFile: empty }, {}), { message: /--invitation-file: .*is empty/ }); // oxfmt-ignore
  t.throws(() => readGiven({ ...flags, answers: '/no/such' }, {}), { message: /--answers: .*cannot be read \(ENOENT\)/ }); // oxfmt-ignore
});
