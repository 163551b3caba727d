// The set-up with a coordinator that the test plays, and answers that are typed.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { formatInvitation } from '../../lib/invitation.ts';
import { formatJoinToken } from '../../lib/join-token.ts';
import { systemClock } from '../../lib/time.ts';
import { PlayedCoordinator } from '../link/played-coordinator.ts';
import type { ShareConnector } from '../source/share-connector.ts';
import { ConnectError } from '../source/share-error.ts';
import { keptAccounts } from '../vault/kept-credentials.ts';
import { openVault } from '../vault/vault.ts';
import type { SetUpParts } from './context.ts';
import type { Given } from './given.ts';
import { PromptAsker } from './prompt-asker.ts';
import { setUp } from './set-up.ts';
import { keys, Typist } from './testing/typist.ts';
import { ToldAsker } from './told-asker.ts';

interface Place {
  root: string;
  data: string;
  share: string;
}

function placeFor(t: ExecutionContext): Place {
  const root = mkdtempSync(path.join(tmpdir(), 'drover-setup-'));
  t.teardown(() => rmSync(root, { recursive: true, force: true }));
  const share = path.join(root, 'share');
  mkdirSync(share);
  writeFileSync(path.join(share, 'file'), '');
  return { root, data: path.join(root, 'agent'), share };
}

function invitationOf({ address, joinToken }: PlayedCoordinator, group = 'north'): string {
  return formatInvitation({ coordinators: [address], joinToken, group });
}

function partsFor(place: Place, more: Partial<SetUpParts> & Pick<SetUpParts, 'asker'>): SetUpParts {
  return {
    given: {},
    usualDataFolder: place.data,
    keyPlaces: {},
    environment: {},
    joinAgain: false,
    shares: undefined,
    clock: systemClock,
    signal: new AbortController().signal,
    ...more,
  };
}

/** What a machine that nobody sits at is told. */
async function told(place: Place, given: Given, more: Partial<SetUpParts> = {}) {
  const typist = new Typist();
  const asker = new ToldAsker(typist.terminal.output, typist.terminal.signal);
  const result = await setUp(partsFor(place, { asker, given: { data: place.data, ...given }, ...more })); // oxfmt-ignore
  return { result, said: typist.screen };
}

function settingsOf({ data }: Place): Record<string, unknown> {
  return JSON.parse(readFileSync(path.join(data, 'agent.json'), 'utf8')) as Record<string, unknown>;
}

/** Everything below a folder, by its path. */
function contentOf(folder: string): Record<string, string> {
  const files = ['agent.json', 'vault', path.join('identity', 'identity.json')];
  return Object.fromEntries(
    files
      .map((name) => path.join(folder, name))
      .filter((file) => existsSync(file))
      .map((file) => [file, readFileSync(file, 'latin1')]),
  );
}

/** The answers of somebody who makes no mistake, up to the question whether to join. */
function rightAnswers(coordinator: PlayedCoordinator, { share }: Place): [string, string[]][] {
  return [
    ['Working folder', [keys.enter]],
    ['Invitation', [invitationOf(coordinator), keys.enter]],
    ['sign in to SharePoint', [keys.down, keys.down, keys.enter]],
    ['to read from', [share, keys.enter]],
    ['no more', [keys.enter]],
    ['Name', [keys.enter]],
    ['Group', [keys.enter]],
    ['threads work', ['3', keys.enter]],
    ['Join and write', [keys.enter]],
  ];
}

test('a person answers; what does not work is said and asked again; nothing of the invitation is shown', async (t) => {
  const place = placeFor(t);
  await using coordinator = await PlayedCoordinator.start();
  await using other = await PlayedCoordinator.start();
  const typist = new Typist();
  const asker = new PromptAsker(typist.terminal);
  const done = setUp(partsFor(place, { asker }));
  await typist.answer('Working folder', keys.enter);
  await typist.see('can be written to');
  await typist.answer('Invitation', 'drover://half', keys.enter);
  await typist.see('it begins with "drover://"');
  const { address } = coordinator;
  const wrong = formatInvitation({ coordinators: [address], joinToken: other.joinToken, group: undefined }); // oxfmt-ignore
  await typist.answer('Invitation', wrong, keys.enter);
  await typist.see('another coordinator');
  await typist.answer('Invitation', `DROVER_INVITATION='${invitationOf(coordinator)}' drover-agent setup`, keys.enter); // oxfmt-ignore
  await typist.see('proves to be the right coordinator');
  await typist.answer('sign in to SharePoint', keys.down, keys.down, keys.enter);
  await typist.see('through a mount');
  await typist.answer('to read from', '/no/such/folder', keys.enter);
  await typist.see('it is not there');
  await typist.answer('to read from', place.share, keys.enter);
  await typist.see('1 entry');
  await typist.answer('no more', keys.enter);
  await typist.answer('Name', keys.enter);
  await typist.answer('Group', 'a b', keys.enter);
  await typist.see('letters, digits');
  await typist.answer('Group', keys.enter);
  await typist.answer('threads work', '3', keys.enter);
  t.is(coordinator.joins.length, 0, 'it joins at the end only');
  await typist.answer('Join and write', keys.enter);
  const { agent, written } = await done;
  t.is(agent, 'agents/one');
  t.true(written.includes(path.join(place.data, 'agent.json')));
  t.like(settingsOf(place), { version: 1, group: 'north', threads: 3, sourceRoots: [place.share], signIn: 'none' }); // oxfmt-ignore
  t.is(coordinator.joins.length, 1);
  t.false(typist.screen.includes(coordinator.secret));
  t.false(typist.screen.includes(other.secret));
  t.false(JSON.stringify(contentOf(place.data)).includes(coordinator.secret));
});

for (const [how, breakOff] of [
  ['Ctrl-C', (typist: Typist, words: string) => typist.answer(words, keys.ctrlC)],
  ['Ctrl-D', (typist: Typist, words: string) => typist.answer(words, keys.ctrlD)],
  [
    'a signal',
    async (typist: Typist, words: string) => {
      await typist.see(words);
      typist.stop();
    },
  ],
] as const)
  // oxfmt-ignore
  test(`broken off by ${how}, everything is as it was`, async (t) => {
    await using coordinator = await PlayedCoordinator.start();
    const count = rightAnswers(coordinator, placeFor(t)).length;
    // Every way at the first question and the last; all questions take Ctrl-C.
    const step = how === 'Ctrl-C' ? 1 : count - 1;
    for (let asked = 0; asked < count; asked += step) {
      const place = placeFor(t);
      const typist = new Typist();
      const asker = new PromptAsker(typist.terminal);
      const done = setUp(partsFor(place, { asker, signal: typist.terminal.signal }));
      const refused = t.throwsAsync(done, { instanceOf: DroverError });
      const answers = rightAnswers(coordinator, place);
      for (const [words, typed] of answers.slice(0, asked)) await typist.answer(words, ...typed);
      await breakOff(typist, answers[asked]![0]);
      t.is((await refused).reason, ErrorReason.CANCELLED);
      t.false(existsSync(place.data), answers[asked]![0]);
    }
    t.is(coordinator.joins.length, 0);
  });

test('run again, it changes what is changed, and does not join again', async (t) => {
  const place = placeFor(t);
  await using coordinator = await PlayedCoordinator.start();
  const given: Given = { invitation: invitationOf(coordinator), signIn: 'none', sourceRoots: [place.share] }; // oxfmt-ignore
  const first = await told(place, given);
  t.false(first.result.isChanged);
  const before = settingsOf(place);
  const second = await told(place, { threads: 7 });
  t.true(second.result.isChanged);
  t.deepEqual(settingsOf(place), { ...before, threads: 7 });
  const again = await told(place, { invitation: given.invitation! });
  t.regex(again.said, /has joined that coordinator already, as agents\/one/);
  t.is(coordinator.joins.length, 1);
  await told(place, given, { joinAgain: true });
  t.is(coordinator.joins.length, 2);
  await using other = await PlayedCoordinator.start();
  await told(place, { invitation: invitationOf(other, 'south') });
  t.is(other.joins.length, 1);
  t.like(settingsOf(place), { group: 'south', threads: 7, sourceRoots: [place.share] });
});

test('run again at a terminal, whoever presses Enter changes nothing, and what was there can be taken away', async (t) => {
  const place = placeFor(t);
  await using coordinator = await PlayedCoordinator.start();
  await told(place, { invitation: invitationOf(coordinator), signIn: 'none', sourceRoots: [place.share], threads: 9 }); // oxfmt-ignore
  const before = contentOf(place.data);
  for (const isKept of [true, false]) {
    const typist = new Typist();
    const done = setUp(partsFor(place, { asker: new PromptAsker(typist.terminal) }));
    await typist.answer('Working folder', keys.enter);
    await typist.see('has joined 127.0.0.1');
    await typist.answer('Coordinator', keys.enter);
    await typist.answer('sign in to SharePoint', keys.enter);
    await typist.answer('This agent reads from', ...(isKept ? [] : [keys.down, keys.down]), keys.enter); // oxfmt-ignore
    if (!isKept) await typist.answer('every path', keys.enter);
    await typist.answer('Group', keys.enter);
    await typist.answer('threads work', keys.enter);
    await typist.answer('Write this down', keys.enter);
    await done;
    if (isKept) t.deepEqual(contentOf(place.data), before);
    else t.is(settingsOf(place)['sourceRoots'], undefined);
  }
  t.is(coordinator.joins.length, 1);
});

test('an old set-up stays whole when the new one fails at any point', async (t) => {
  const place = placeFor(t);
  await using coordinator = await PlayedCoordinator.start();
  await told(place, { invitation: invitationOf(coordinator), signIn: 'none' });
  const before = contentOf(place.data);
  const { address, fingerprint } = coordinator;
  const usedUp = formatJoinToken({ authorityFingerprint: fingerprint, secret: 'b'.repeat(43) });
  const refused: [Given, RegExp][] = [
    [{ invitation: 'drover://x' }, /invitation: is not whole/],
    [{ sourceRoots: ['/no/such/folder'] }, /--source-root: .*it is not there/],
    [{ signIn: 'application' }, /--tenant: is missing, and nobody is asked/],
    [{ signIn: 'application', tenant: 'contoso.com', clientId: 'x' }, /--client-id: .*is not the id/],
    [{ coordinators: [{ host: '127.0.0.1', port: 1 }] }, /--coordinator: .*nothing listens there/],
    [{ coordinators: [address], joinToken: usedUp }, /the join token was used up/],
  ]; // oxfmt-ignore
  for (const [given, said] of refused) {
    const joinAgain = given.joinToken !== undefined;
    await t.throwsAsync(told(place, given, { joinAgain }), {
      instanceOf: DroverError,
      message: said,
    });
    t.deepEqual(contentOf(place.data), before);
  }
});

test('where nobody can be asked, the answer that is missing is named, and no folder is left', async (t) => {
  const place = placeFor(t);
  await using coordinator = await PlayedCoordinator.start();
  await t.throwsAsync(told(place, {}), { message: /DROVER_INVITATION or --invitation-file: is missing/ }); // oxfmt-ignore
  const { address } = coordinator;
  await t.throwsAsync(told(place, { coordinators: [address] }), { message: /somebody has to sign in, and nobody is asked/ }); // oxfmt-ignore
  await t.throwsAsync(told(place, { invitation: invitationOf(coordinator) }), { message: /--sign-in: is missing/ }); // oxfmt-ignore
  t.false(existsSync(place.data));
});

test('an invitation that turns out to be used up is asked for again, and the other answers are kept', async (t) => {
  const place = placeFor(t);
  await using coordinator = await PlayedCoordinator.start();
  const { address, fingerprint } = coordinator;
  const joinToken = formatJoinToken({ authorityFingerprint: fingerprint, secret: 'b'.repeat(43) });
  const usedUp = formatInvitation({ coordinators: [address], joinToken, group: undefined });
  const typist = new Typist();
  const given: Given = { data: place.data, invitation: usedUp, signIn: 'none', sourceRoots: [place.share], name: 'x', group: 'y', threads: 1 }; // oxfmt-ignore
  const done = setUp(partsFor(place, { asker: new PromptAsker(typist.terminal), given }));
  await typist.answer('Join and write', keys.enter);
  await typist.see('was used up');
  await typist.answer('Invitation', invitationOf(coordinator), keys.enter);
  t.is((await done).agent, 'agents/one');
  t.like(settingsOf(place), { name: 'x', group: 'y', threads: 1 });
});

test('where shares are connected, an account is tried on one, asked for again, and kept in the vault', async (t) => {
  const place = placeFor(t);
  await using coordinator = await PlayedCoordinator.start();
  const tried: string[] = [];
  const shares: ShareConnector = {
    connect: async (share, { user, password }) => {
      tried.push(`${share} ${user} ${password}`);
      if (password !== 'right one') throw new ConnectError(1326);
    },
    disconnect: async () => {},
    sourceOf: () => '',
  };
  const typist = new Typist();
  const given: Given = { data: place.data, invitation: invitationOf(coordinator), signIn: 'none', sourceRoots: [place.share], name: 'x', group: 'y', threads: 1 }; // oxfmt-ignore
  const done = setUp(partsFor(place, { asker: new PromptAsker(typist.terminal), given, shares }));
  await typist.answer('A share to connect', String.raw`\\files\hr`, keys.enter);
  await typist.answer('Windows account', 'CORP\\ann', keys.enter);
  await typist.answer('Password of', 'wrong one', keys.enter);
  await typist.see('NOT OK');
  await typist.answer('Password of', 'right one', keys.enter);
  await typist.see('can connect');
  await typist.answer('Join and write', keys.enter);
  await done;
  const account = { user: 'CORP\\ann', password: 'right one' };
  t.deepEqual(keptAccounts(openVault({ dataFolder: place.data })), [{ pattern: String.raw`\\files\hr`, account }]); // oxfmt-ignore
  t.is(tried.length, 2);
  t.notRegex(typist.screen, /wrong one|right one/);
});
