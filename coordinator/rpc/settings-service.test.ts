import test from 'ava';
import { JoinTokenService } from '../../gen/drover/v1/agent_pb.ts';
import { EnrollmentService } from '../../gen/drover/v1/session_pb.ts';
import {
  ConflictPolicy,
  SettingOrigin,
  SettingsService,
  TaskSettingsSchema,
} from '../../gen/drover/v1/settings_pb.ts';
import { TaskService } from '../../gen/drover/v1/task_pb.ts';
import { parseJoinToken } from '../../lib/join-token.ts';
import { refusalOf } from './testing/refusal.ts';
import { createRequest, runCoordinator, temporaryFolder } from './testing/running-coordinator.ts';

test('settings are there from the start, are changed, and stay', async (t) => {
  const dataFolder = temporaryFolder(t);
  const first = await runCoordinator(t, dataFolder);
  const settings = first.client(SettingsService, { protocol: 'http1' });
  const { settings: before } = await settings.getSettings({});
  t.is(before!.name, 'settings');
  const { etag } = before!;
  const changed = await settings.updateSettings({
    settings: { etag, defaults: { maxAttempts: 5, excludePatterns: { values: ['*.bak'] } } },
    updateMask: { paths: ['defaults.max_attempts'] },
  });
  t.is(changed.settings!.defaults!.maxAttempts, 5);
  t.is(changed.settings!.defaults!.excludePatterns, undefined);
  t.truthy(changed.settings!.updateTime);
  const stale = settings.updateSettings({ settings: { etag, defaults: { maxAttempts: 6 } } });
  t.deepEqual((await refusalOf(stale)).reasons, ['ETAG_MISMATCH']);
  await first.coordinator.close();
  const second = await runCoordinator(t, dataFolder);
  const after = await second.client(SettingsService).getSettings({});
  t.deepEqual(after.settings, changed.settings);
});

test('of every setting of a task it is shown what counts, and why', async (t) => {
  const { client } = await runCoordinator(t);
  const tasks = client(TaskService);
  const settings = { maxAttempts: 5, excludePatterns: { values: ['a,b', '*.{x,y}'] } };
  await tasks.createTask({ taskId: 'a', task: { source: '/srv/a', destination: '/srv/b', settings } }); // oxfmt-ignore
  const defaults = { maxAttempts: 2, modifiedAfter: '-90d', conflictPolicy: ConflictPolicy.OVERWRITE }; // oxfmt-ignore
  await client(SettingsService).updateSettings({ settings: { defaults } });
  const all = await tasks.listEffectiveSettings({ parent: 'tasks/a' });
  t.is(all.nextPageToken, '');
  t.deepEqual(all.settings.map(({ setting }) => setting), TaskSettingsSchema.fields.map(({ name }) => name)); // oxfmt-ignore
  const of = (name: string) => {
    const { value, origin } = all.settings.find(({ setting }) => setting === name)!;
    return [value, origin];
  };
  const { TASK, GLOBAL, DEFAULT } = SettingOrigin;
  t.deepEqual(of('max_attempts'), ['5', TASK]);
  t.deepEqual(of('exclude_patterns'), ['a\\,b,*.{x,y}', TASK]);
  t.deepEqual(of('modified_after'), ['-90d', GLOBAL]);
  t.deepEqual(of('conflict_policy'), ['OVERWRITE', GLOBAL]);
  t.deepEqual(of('min_size'), ['0', DEFAULT]);
  t.deepEqual(of('migrate_hidden_items'), ['true', DEFAULT]);
  const names: string[] = [];
  for (let pageToken = ''; names.length < all.settings.length;) {
    const page = await tasks.listEffectiveSettings({ parent: 'tasks/a', pageSize: 7, pageToken });
    names.push(...page.settings.map(({ setting }) => setting));
    pageToken = page.nextPageToken;
    if (pageToken === '') break;
  }
  t.deepEqual(names, all.settings.map(({ setting }) => setting)); // oxfmt-ignore
  const missing = refusalOf(tasks.listEffectiveSettings({ parent: 'tasks/none' }));
  t.deepEqual((await missing).reasons, ['NOT_FOUND']);
});

test('a run keeps the times that its settings stood for when it was asked for', async (t) => {
  const { client } = await runCoordinator(t);
  const tasks = client(TaskService);
  const settings = { modifiedAfter: '-90d', createdBefore: '2024-02-01', scanOnly: true };
  await tasks.createTask({ taskId: 'a', task: { source: '/srv/a', destination: '/srv/b', settings } }); // oxfmt-ignore
  const beforeMs = Date.now();
  const { run } = await tasks.runTask({ name: 'tasks/a' });
  const ageMs = Date.parse(run!.settings!.modifiedAfter!) - (beforeMs - 90 * 86_400_000);
  t.true(ageMs >= 0 && ageMs < 60_000, run!.settings!.modifiedAfter);
  t.is(run!.settings!.createdBefore, '2024-02-01T00:00:00.000Z');
  t.true(run!.scanOnly);
  t.is((await tasks.getTask({ name: 'tasks/a' })).task!.settings!.modifiedAfter, '-90d');
});

test('settings that cannot be are refused', async (t) => {
  const settings = (await runCoordinator(t)).client(SettingsService);
  const refused = async (request: Parameters<typeof settings.updateSettings>[0]) =>
    (await refusalOf(settings.updateSettings(request))).fields;
  t.deepEqual(await refused({}), ['settings']);
  t.deepEqual(await refused({ settings: { name: 'x' } }), ['settings.name']);
  const defaults = { maxAttempts: 0 };
  t.deepEqual(await refused({ settings: { defaults } }), ['settings.defaults.max_attempts']);
  const updateMask = { paths: ['defaults.nonsense'] };
  t.deepEqual(await refused({ settings: {}, updateMask }), ['update_mask']);
});

test('a join token lets in as many as it says, and no more', async (t) => {
  const { client } = await runCoordinator(t);
  const { token, maxUses } = await client(JoinTokenService).createJoinToken({ maxUses: 2 });
  t.is(maxUses, 2);
  const enrollment = client(EnrollmentService, { token: '' });
  const join = async () => {
    const { certificateRequest } = await createRequest();
    const { secret } = parseJoinToken(token);
    return enrollment.join({ token: secret, certificateRequest, displayName: 'x' });
  };
  t.not((await join()).agent, (await join()).agent);
  const refusal = await refusalOf(join());
  t.deepEqual([refusal.code, refusal.reasons], ['Unauthenticated', ['JOIN_TOKEN_USED']]);
  const unknown = enrollment.join({ token: 'x', displayName: 'x' });
  t.deepEqual((await refusalOf(unknown)).reasons, ['JOIN_TOKEN_INVALID']);
});

test('join tokens without bounds are refused', async (t) => {
  const tokens = (await runCoordinator(t)).client(JoinTokenService);
  const refused = async (request: Parameters<typeof tokens.createJoinToken>[0]) =>
    (await refusalOf(tokens.createJoinToken(request))).fields;
  t.deepEqual(await refused({ maxUses: -1 }), ['max_uses']);
  t.deepEqual(await refused({ maxUses: 1001 }), ['max_uses']);
  t.deepEqual(await refused({ ttl: { seconds: 0n } }), ['ttl']);
  t.deepEqual(await refused({ ttl: { seconds: -5n } }), ['ttl']);
  t.deepEqual(await refused({ ttl: { seconds: 31n * 86_400n } }), ['ttl']);
});
