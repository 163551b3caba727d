// People and programs of a tenant call the coordinator, with the tokens that the emulated tenant gives them.
import test from 'ava';
import { Role } from '../../gen/drover/v1/annotations_pb.ts';
import { CallerService } from '../../gen/drover/v1/caller_pb.ts';
import { SettingsService } from '../../gen/drover/v1/settings_pb.ts';
import { TaskService } from '../../gen/drover/v1/task_pb.ts';
import { systemClock } from '../../lib/time.ts';
import { Entra } from '../trust/entra.ts';
import { compileEntraOptions } from '../trust/entra-options.ts';
import { clientId, olderId, operatorId, PlayedEntra, strangerId } from '../trust/testing/played-entra.ts'; // oxfmt-ignore
import { refusalOf } from './testing/refusal.ts';
import { runCoordinator } from './testing/running-coordinator.ts';

let tenant: PlayedEntra;
test.before(async () => void (tenant = await PlayedEntra.start()));
test.after.always(() => tenant[Symbol.asyncDispose]());

test('a client learns how to sign in, and nothing where there is no tenant', async (t) => {
  const running = await runCoordinator(t, undefined, undefined, { entra: tenant.options });
  t.like(await running.client(CallerService, { token: '' }).getSignIn({}), {
    tenant: 'contoso.com',
    clientId,
    authority: tenant.authorityUrl,
    scope: `${clientId}/.default`,
  });
  const without = (await runCoordinator(t)).client(CallerService, { token: '' });
  t.like(await without.getSignIn({}), { tenant: '', clientId: '', authority: '', scope: '' });
});

test('people and programs have the roles that the tenant gives them', async (t) => {
  const running = await runCoordinator(t, undefined, undefined, { entra: tenant.options });
  const caller = async (token: string) => {
    const { caller: name, role } = await running.client(CallerService, { token }).getCaller({});
    return [name, role];
  };
  const person = async (name: string) => (await tenant.signIn(name)).accessToken;
  t.deepEqual(await caller(await person('ann')), ['ann@contoso.com', Role.ADMIN]);
  t.deepEqual(await caller(await person('ben')), ['ben@contoso.com', Role.OPERATOR]);
  const cleo = await person('cleo');
  t.deepEqual(await caller(cleo), ['cleo@contoso.com', Role.VIEWER]);
  const program = await tenant.programToken(operatorId);
  t.deepEqual(await caller(program), [`applications/${operatorId}`, Role.OPERATOR]);
  const settings = running.client(SettingsService, { token: cleo });
  await settings.getSettings({});
  const refusal = await refusalOf(settings.updateSettings({}));
  t.is(refusal.code, 'PermissionDenied');
  t.regex(refusal.message, /^cleo@contoso\.com has the role viewer; .* needs the role admin$/);
});

test('who has no role is told what to do about it', async (t) => {
  const running = await runCoordinator(t, undefined, undefined, { entra: tenant.options });
  const { accessToken } = await tenant.signIn('dan');
  const stranger = await tenant.programToken(strangerId);
  for (const [token, name] of [
    [accessToken, 'dan@contoso.com'],
    [stranger, `applications/${strangerId}`],
  ] as const) {
    // oxfmt-ignore
    const refusal = await refusalOf(running.client(TaskService, { token }).listTasks({}));
    t.is(refusal.code, 'PermissionDenied');
    t.true(
      refusal.message.startsWith(`${name} has no role in Drover; assign one of the app roles`),
    );
  }
});

test('tokens for others, ID tokens and tokens of version 1 are refused', async (t) => {
  const entra = { ...tenant.options, clientId: olderId };
  const [running, older] = await Promise.all([
    runCoordinator(t, undefined, undefined, { entra: tenant.options }),
    runCoordinator(t, undefined, undefined, { entra }),
  ]);
  const { idToken, accessToken } = await tenant.signIn('ann');
  const refused = async (at: typeof running, token: string) =>
    (await refusalOf(at.client(TaskService, { token }).listTasks({}))).message;
  t.regex(await refused(running, idToken), /it has no claim azp/);
  t.regex(await refused(older, accessToken), /made out to another application/);
  const old = await tenant.programToken(operatorId, olderId);
  t.regex(await refused(older, old), /version 1\.0; set requestedAccessTokenVersion to 2/);
  const [header, claims] = accessToken.split('.');
  t.regex(await refused(running, `${header}.${claims}.`), /signature|cannot be read/);
  t.regex(await refused(await runCoordinator(t), accessToken), /knows no tenant/);
});

test('when the tenant cannot be reached, it is said, and tokens of the coordinator work', async (t) => {
  const entra = { ...tenant.options, authorityUrl: 'https://localhost:1' };
  const running = await runCoordinator(t, undefined, undefined, { entra });
  const { accessToken: token } = await tenant.signIn('ann');
  const refusal = await refusalOf(running.client(TaskService, { token }).listTasks({}));
  t.is(refusal.code, 'Unavailable');
  t.regex(refusal.message, /localhost:1 cannot be reached from the coordinator/);
  await running.client(TaskService).listTasks({});
});

test.serial('keys that the tenant changes are followed', async (t) => {
  const options = compileEntraOptions(tenant.options);
  const entra = new Entra(options, { clock: systemClock, cooldownMs: 0 });
  t.teardown(() => entra.close());
  const before = await tenant.signIn('ann');
  await entra.verify((await tenant.signIn('ben')).accessToken);
  await tenant.rotateKeys();
  const after = await tenant.signIn('ann');
  t.is((await entra.verify(after.accessToken)).name, 'ann@contoso.com');
  t.is((await entra.verify(before.accessToken)).name, 'ann@contoso.com');
});
