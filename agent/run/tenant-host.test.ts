import test from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { Logger } from '../../lib/log.ts';
import { systemClock } from '../../lib/time.ts';
import type { AccessToken, Credential } from '../credential/credential.ts';
import { createGateMemory } from '../destination/sharepoint/tenant-gate.ts';
import { HostClient } from '../pool/host.ts';
import { TenantHost, type KeepUpload } from './tenant-host.ts';

const upload = { index: 3, url: 'https://open/', size: 1, modifiedNs: 2n, changedNs: 3n };

type SignIn = (forceRefresh: boolean, signal: AbortSignal) => Promise<AccessToken>;

/** A host that signs in as it is told to, with a job's end of it. */
function makeHost(signIn: SignIn, keep: KeepUpload = async () => {}) {
  const lines: unknown[][] = [];
  const write =
    (level: string) =>
    (...rest: unknown[]) =>
      lines.push([level, ...rest]);
  const credential: Credential = {
    accessToken: (audience, { forceRefresh = false, signal }) => {
      if (audience !== 'graph') throw new Error('asked for something else than Graph');
      return signIn(forceRefresh, signal);
    },
    [Symbol.asyncDispose]: async () => {},
  };
  const host = new TenantHost({
    credential,
    access: {
      graphUrl: 'https://127.0.0.1:1',
      route: { proxyUrl: undefined, caFile: undefined, noProxy: undefined },
      gate: createGateMemory(4),
      lanes: 2,
    },
    clock: systemClock,
    log: { debug: write('debug'), info: write('info'), warn: write('warn') } as unknown as Logger,
  });
  const client = new HostClient(host.openJob(keep).host);
  return { host, client, lines, [Symbol.dispose]: () => client[Symbol.dispose]() };
}

const unused: SignIn = () => Promise.reject(new Error('nobody was to sign in'));

test('a job gets tokens, fresh ones when it says so', async (t) => {
  using made = makeHost(async (forceRefresh) => ({ token: `${forceRefresh}`, expiresOnMs: 9 }));
  t.like(await made.client.token(false), { token: 'false', expiresOnMs: 9 });
  t.like(await made.client.token(true), { token: 'true', expiresOnMs: 9 });
});

test('a sign-in that fails crosses with its reason', async (t) => {
  const failure = new DroverError(ErrorReason.SIGN_IN_FAILED, 'the secret has expired');
  using made = makeHost(() => Promise.reject(failure));
  const error = await t.throwsAsync(made.client.token(false), { instanceOf: DroverError });
  t.is(error.reason, ErrorReason.SIGN_IN_FAILED);
  t.is(error.message, 'the secret has expired');
});

test('what is open is kept before the job goes on', async (t) => {
  const kept: unknown[] = [];
  const journal = Promise.withResolvers<void>();
  using made = makeHost(unused, async (index, open) => {
    kept.push([index, open]);
    await journal.promise;
  });
  let isDone = false;
  const remembering = made.client.remember(3, upload).then(() => {
    isDone = true;
  });
  const second = made.client.remember(4, undefined);
  while (kept.length < 2) await new Promise((resolve) => setImmediate(resolve));
  t.false(isDone);
  journal.resolve();
  await Promise.all([remembering, second]);
  t.deepEqual(kept, [
    [3, upload],
    [4, undefined],
  ]);
});

test('a journal that cannot be written fails the job', async (t) => {
  const full = new DroverError(ErrorReason.INTERNAL, 'the journal is full');
  using made = makeHost(unused, () => Promise.reject(full));
  await t.throwsAsync(made.client.remember(3, upload), { message: 'the journal is full' });
});

test("a job's log lines are written, without its port", async (t) => {
  using made = makeHost(async () => ({ token: 'after', expiresOnMs: 1 }));
  made.client.log('warn', 'calling again', { pauseMs: 5 });
  // Questions are answered in order.
  await made.client.token(false);
  t.deepEqual(made.lines, [['warn', { pauseMs: 5 }, 'calling again']]);
});

test('a folder is looked at without signing in', async (t) => {
  using made = makeHost(unused);
  await t.notThrowsAsync(made.host.check('/srv/anywhere'));
});

test('a look at SharePoint says why it cannot sign in', async (t) => {
  const failure = new DroverError(ErrorReason.SIGN_IN_FAILED, 'no such application');
  using made = makeHost(() => Promise.reject(failure));
  const checked = made.host.check('ann@contoso.com');
  const error = await t.throwsAsync(checked, { instanceOf: DroverError });
  t.is(error.reason, ErrorReason.SIGN_IN_FAILED);
});

test('an agent that ends waits for no sign-in', async (t) => {
  const asked = Promise.withResolvers<void>();
  using made = makeHost((_forceRefresh, signal) => {
    asked.resolve();
    return new Promise((_resolve, reject) =>
      signal.addEventListener('abort', () =>
        reject(new DroverError(ErrorReason.CANCELLED, 'stopped')),
      ),
    );
  });
  const waiting = made.client.token(false);
  await asked.promise;
  const checking = made.host.check('ann@contoso.com');
  made.host.close();
  made.host.close();
  await t.throwsAsync(waiting, { message: 'stopped' });
  await t.throwsAsync(checking, { instanceOf: DroverError });
});
