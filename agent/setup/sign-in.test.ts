// The set-up's questions about the sign-in, with the emulator's sign-in service and a Graph that the test plays.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { formatInvitation } from '../../lib/invitation.ts';
import { systemClock } from '../../lib/time.ts';
import { clientId, PlayedEntra, rightSecret } from '../credential/played-entra.ts';
import { PlayedGraph } from '../doctor/testing/played-graph.ts';
import { PlayedCoordinator } from '../link/played-coordinator.ts';
import { keptApplication } from '../vault/kept-credentials.ts';
import { openVault } from '../vault/vault.ts';
import type { Given } from './given.ts';
import { PromptAsker } from './prompt-asker.ts';
import { setUp } from './set-up.ts';
import { keys, Typist } from './testing/typist.ts';

let entra: PlayedEntra;
let graph: PlayedGraph;
let coordinator: PlayedCoordinator;

test.before(async () => {
  [entra, graph, coordinator] = await Promise.all([
    PlayedEntra.start(),
    PlayedGraph.start(),
    PlayedCoordinator.start(),
  ]);
  writeFileSync(entra.caFile, readFileSync(entra.caFile, 'utf8') + graph.certificate);
});

test.after.always(async () => {
  for (const service of [entra, graph, coordinator]) await service[Symbol.asyncDispose]();
});

/** Everything but the sign-in is given. */
function begin(t: ExecutionContext, given: Given) {
  const root = mkdtempSync(path.join(tmpdir(), 'drover-sign-in-test-'));
  t.teardown(() => rmSync(root, { recursive: true, force: true }));
  const data = path.join(root, 'agent');
  const { address, joinToken } = coordinator;
  const typist = new Typist();
  const done = setUp({
    asker: new PromptAsker(typist.terminal),
    given: {
      ...{ data, authority: entra.authorityUrl, graph: graph.url, caFile: entra.caFile },
      ...{ name: 'x', group: 'y', threads: 1, sourceRoots: [root], tenant: 'contoso.com' },
      invitation: formatInvitation({ coordinators: [address], joinToken, group: undefined }),
      ...given,
    },
    usualDataFolder: data,
    keyPlaces: {},
    environment: {},
    joinAgain: true,
    shares: undefined,
    clock: systemClock,
    signal: typist.terminal.signal,
  });
  return { data, typist, done };
}

test.serial(
  'an application: a wrong secret is refused in words and asked for again, the right one is kept in the vault',
  async (t) => {
    const { data, typist, done } = begin(t, { signIn: 'application' });
    await typist.answer('client) id', 'no id', keys.enter);
    await typist.see('is not the id of an application');
    await typist.answer('client) id', clientId, keys.enter);
    await typist.answer('secret, or the path', 'wrong-one-7', keys.enter);
    await typist.see('AADSTS7000215');
    await typist.answer('Tenant', keys.enter);
    await typist.answer('client) id', keys.enter);
    await typist.answer('secret, or the path', rightSecret, keys.enter);
    await typist.see('signed in to contoso.com as the application Drover');
    await typist.see('SharePoint is at https://contoso.sharepoint.com');
    await typist.answer('Join and write', keys.enter);
    const { settings } = await done;
    t.like(settings, { signIn: 'application', tenant: 'contoso.com', clientId });
    t.deepEqual(keptApplication(openVault({ dataFolder: data })), { kind: 'secret', secret: rightSecret }); // oxfmt-ignore
    t.false(typist.screen.includes('wrong-one-7') || typist.screen.includes(rightSecret));
    t.false(readFileSync(path.join(data, 'agent.json'), 'utf8').includes(rightSecret));
    t.deepEqual([...new Set(graph.calls)], ['/v1.0/sites/root?$select=id,webUrl']);
  },
);

test.serial(
  'a person: the code is shown, and what the sign-in left is in its place at the end only',
  async (t) => {
    const { data, typist, done } = begin(t, { signIn: 'person', clientId });
    await typist.see('to authenticate.');
    await entra.decide(/To sign in.*authenticate\./.exec(typist.screen)![0], 'approve');
    await typist.see('signed in to contoso.com as ann@contoso.com');
    const tokens = path.join(data, 'sign-in', 'tokens.json');
    t.false(existsSync(tokens));
    await typist.answer('Join and write', keys.enter);
    t.like((await done).settings, { signIn: 'person' });
    t.deepEqual([existsSync(tokens), existsSync(`${tokens}.new`)], [true, false]);
    t.is(keptApplication(openVault({ dataFolder: data })), undefined);
  },
);

test.serial(
  'where the service cannot be reached, the way there is asked for, and nothing else again',
  async (t) => {
    const { typist, done } = begin(t, { signIn: 'application', clientId, clientSecret: rightSecret, proxy: 'http://ann:pass-word@127.0.0.1:1' }); // oxfmt-ignore
    await typist.see('cannot be reached through the proxy 127.0.0.1:1');
    await typist.answer('HTTP proxy', 'none', keys.enter);
    await typist.answer('authorities of your own', keys.enter);
    await typist.see('signed in to contoso.com');
    await typist.answer('Join and write', keys.enter);
    t.is((await done).settings.proxy, undefined);
    t.false(typist.screen.includes('pass-word'));
  },
);

test.serial('what Graph refuses is said, with what to look at', async (t) => {
  graph.status = 403;
  graph.body = { error: { code: 'accessDenied', message: 'no rights here' } };
  t.teardown(() => void (graph.status = 200));
  const { typist, done } = begin(t, { signIn: 'application', clientId, clientSecret: rightSecret });
  await typist.see('with 403: no rights here');
  await typist.see('permissions of the application');
  await typist.answer('Tenant', keys.ctrlC);
  await t.throwsAsync(done, { message: /broken off/ });
});
