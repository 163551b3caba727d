// What a thread keeps between the jobs of a run, with a real tenant at the other end.
import test from 'ava';
import { ErrorReason } from '../../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../../lib/error.ts';
import { checkDestination, openDestination } from '../open-destination.ts';
import type { SharePointAccess } from './access.ts';
import { createGateMemory } from './tenant-gate.ts';
import type { TenantJob } from './tenant.ts';
import { StoppedError } from '../../pool/stopped-error.ts';
import { contentOfBytes, openTestPlace, send } from './testing/place.ts';
import { TestTenant } from './testing/tenant.ts';

const tenant = await TestTenant.start();
test.after.always(() => tenant[Symbol.asyncDispose]());

const content = contentOfBytes(1000);

/** One job's way to the tenant, and how often it asked for a token. */
function jobOf(run: string): TenantJob & { tokens: boolean[] } {
  const access: SharePointAccess = {
    graphUrl: tenant.ready.graph,
    route: tenant.route,
    gate: createGateMemory(4),
    lanes: 4,
  };
  const tokens: boolean[] = [];
  const token = async (forceRefresh: boolean) => {
    tokens.push(forceRefresh);
    return { token: await tenant.token(forceRefresh), expiresOnMs: Date.now() + 3_600_000 };
  };
  const signal = new AbortController().signal;
  return { access, host: { token, log: () => undefined }, run, signal, tokens };
}

test.serial('jobs of one run find the place and get a token once', async (t) => {
  const place = await openTestPlace(tenant);
  const first = jobOf('tasks/a/runs/1');
  {
    await using destination = await openDestination(place.address, first);
    await send(destination, 'a/one.txt', content);
  }
  t.deepEqual(first.tokens, [false]);
  const requests = async () =>
    ((await tenant.stats()) as { classes: Record<string, number> }).classes;
  const before = await requests();
  const second = jobOf('tasks/a/runs/1');
  await using destination = await openDestination(place.address, second);
  await send(destination, 'a/two.txt', content);
  const after = await requests();
  t.deepEqual(second.tokens, []);
  t.is(after['drives'], before['drives'], 'nobody asks for the libraries again');
  t.is(after['items'], before['items'], 'nor for the folder, nor whether check-out is required');
  t.is(after['createUploadSession'], before['createUploadSession']! + 1);
  t.is(after['uploadSession'], before['uploadSession']! + 1);
  t.deepEqual(await place.list(), ['a', 'a/one.txt', 'a/two.txt']);
});

test.serial(
  'the next run knows the libraries of a site, unless it is to ask, or something was missing',
  async (t) => {
    const place = await openTestPlace(tenant);
    const asked = async () =>
      ((await tenant.stats()) as { classes: Record<string, number> }).classes['drives'] ?? 0;
    const open = async (run: number, more: Partial<TenantJob> = {}) => {
      const before = await asked();
      const destination = await openDestination(place.address, { ...jobOf(`tasks/k/runs/${run}`), ...more }); // oxfmt-ignore
      return { destination, asked: (await asked()) - before };
    };
    t.is((await open(1, { asksAnew: true })).asked, 1);
    const { destination, ...second } = await open(2);
    t.is(second.asked, 0);
    t.is((await open(2, { asksAnew: true })).asked, 1);
    await tenant.fault({ name: 'gone', path: 'gone.*createUploadSession', fault: { kind: 'status', status: 404 } }); // oxfmt-ignore
    await t.throwsAsync(send(destination, 'gone', content));
    t.is((await open(3)).asked, 1);
  },
);

test.serial(
  'a folder that a job which was stopped was making is made by the one beside it',
  async (t) => {
    const place = await openTestPlace(tenant);
    const stop = new AbortController();
    const first = await openDestination(place.address, { ...jobOf('tasks/s/runs/1'), signal: stop.signal }); // oxfmt-ignore
    const second = await openDestination(place.address, jobOf('tasks/s/runs/1'));
    const stopped = t.throwsAsync(first.makeFolder('a'), { instanceOf: StoppedError });
    const made = second.makeFolder('a');
    stop.abort(new StoppedError());
    await Promise.all([stopped, made]);
    t.deepEqual(await place.list(), ['a']);
  },
);

test.serial('another run looks anew, and a folder that is gone by then is made', async (t) => {
  const place = await openTestPlace(tenant);
  {
    await using destination = await openDestination(place.address, jobOf('tasks/b/runs/1'));
    await destination.makeFolder('a');
  }
  await tenant.graph('DELETE', place.below(''));
  await using destination = await openDestination(place.address, jobOf('tasks/b/runs/2'));
  await destination.makeFolder('a');
  t.deepEqual(await place.list(), ['a']);
});

test('a place that is not there is no destination, for a job and for a look', async (t) => {
  const address = 'https://contoso.sharepoint.com/sites/nowhere/Shared Documents';
  for (const looked of [
    openDestination(address, jobOf('r')),
    checkDestination(address, jobOf('r')),
  ]) {
    const error = await t.throwsAsync(looked, { instanceOf: DroverError });
    t.is(error.reason, ErrorReason.DESTINATION_NOT_FOUND);
  }
});

test('an agent without a sign-in says so', async (t) => {
  for (const looked of [
    openDestination('ann@contoso.com', undefined),
    checkDestination('ann@contoso.com', undefined),
  ]) {
    // oxfmt-ignore
    const error = await t.throwsAsync(looked, { instanceOf: DroverError });
    t.is(error.reason, ErrorReason.DESTINATION_UNSUPPORTED);
    t.regex(error.message, /--tenant/);
  }
});

test('a OneDrive that can be written to passes a look', async (t) => {
  await t.notThrowsAsync(checkDestination('ann@contoso.com', jobOf('')));
});
