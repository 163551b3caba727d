import test from 'ava';
import { JoinTokenService } from '../../gen/drover/v1/agent_pb.ts';
import { EnrollmentService } from '../../gen/drover/v1/session_pb.ts';
import { SettingsService } from '../../gen/drover/v1/settings_pb.ts';
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
