// Agents of another version: which settings they have to understand, and what becomes of runs that need one that they do not.
import { clone, create, getOption, type DescField } from '@bufbuild/protobuf';
import { reflect } from '@bufbuild/protobuf/reflect';
import test from 'ava';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { coordinator_only } from '../../gen/drover/v1/annotations_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { KnownSettingSchema, type KnownSetting } from '../../gen/drover/v1/session_pb.ts';
import { ConflictPolicy, StringListSchema, TaskSettingsSchema, type TaskSettings } from '../../gen/drover/v1/settings_pb.ts'; // oxfmt-ignore
import { DroverError } from '../../lib/error.ts';
import { knownSettings } from '../../lib/known-settings.ts';
import { defaultSettings } from '../task/default-settings.ts';
import {
  neededSettings,
  readKnownSettings,
  unknownOf,
  unknownSettings,
} from './needed-settings.ts';
import { openHarness } from './testing/harness.ts';

const isForAgents = (field: DescField) => !getOption(field, coordinator_only);
const allBut = (name: string): KnownSetting[] => knownSettings().filter(({ field }) => field !== TaskSettingsSchema.fields.find((one) => one.name === name)!.number); // oxfmt-ignore
const namesOf = (settings: TaskSettings) => neededSettings(settings).map(({ name }) => name);
const withDefaults = (more: Partial<TaskSettings>) => create(TaskSettingsSchema, { ...defaultSettings(), ...more }); // oxfmt-ignore

/** The defaults but for one field, which has some other value. */
function changed(field: DescField): TaskSettings {
  const settings = clone(TaskSettingsSchema, defaultSettings());
  const all = reflect(TaskSettingsSchema, settings);
  const before = all.get(field);
  if (field.fieldKind === 'message')
    all.set(field, reflect(StringListSchema, create(StringListSchema, { values: ['x'] }))); // oxfmt-ignore
  else if (typeof before === 'boolean') all.set(field, !before);
  else if (typeof before === 'bigint') all.set(field, before + 1n);
  else if (typeof before === 'number') all.set(field, before + 1);
  else if (typeof before === 'string') all.set(field, `${before}x`);
  else throw new Error(`${field.name} is of a kind that this test has no other value for`);
  return settings;
}

test('every setting that has another value than its default is needed, and who knows all but that one does not know it', (t) => {
  t.deepEqual(namesOf(defaultSettings()), []);
  for (const field of TaskSettingsSchema.fields) {
    const needed = neededSettings(changed(field));
    const isNeeded = needed.some((one) => one.field === field.number);
    // Which has a test of its own.
    const isOnByItself = field.name === 'case_sensitive_patterns';
    t.is(isNeeded, isForAgents(field) && !isOnByItself, field.name);
    t.deepEqual(unknownOf(readKnownSettings(knownSettings()), needed), [], field.name);
    const missing = unknownOf(readKnownSettings(allBut(field.name)), needed);
    t.is(missing.length, isNeeded ? 1 : 0, field.name);
  }
});

test('what a setting says of itself is so: agents read none that only the coordinator goes by', (t) => {
  const folder = path.join(import.meta.dirname, '../../agent');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts')); // oxfmt-ignore
  const source = files.map((file) => readFileSync(path.join(folder, file), 'utf8')).join('\n');
  t.regex(source, /\bexcludeFolders\b/);
  for (const field of TaskSettingsSchema.fields)
    if (!isForAgents(field)) t.false(new RegExp(String.raw`\b${field.localName}\b`).test(source), field.name); // oxfmt-ignore
});

test('patterns need an agent that knows whether case counts, since those before it always let it count', (t) => {
  const excludePatterns = create(StringListSchema, { values: ['*.bak'] });
  t.deepEqual(namesOf(withDefaults({ excludePatterns })), ['exclude_patterns', 'case_sensitive_patterns']); // oxfmt-ignore
  t.deepEqual(namesOf(withDefaults({ excludePatterns, caseSensitivePatterns: true })), ['exclude_patterns']); // oxfmt-ignore
});

test('who says nothing knows the settings of the first version, and of a policy only the values of its own', (t) => {
  const known = readKnownSettings([]);
  t.deepEqual(unknownSettings(known), ['created_after', 'created_before', 'modified_after', 'modified_before', 'include_patterns', 'case_sensitive_patterns', 'exclude_folders', 'min_size', 'max_size', 'migrate_system_items', 'manifest', 'preserve_permissions', 'try_reading']); // oxfmt-ignore
  const late = neededSettings(withDefaults({ conflictPolicy: ConflictPolicy.NEWER_WINS }));
  t.deepEqual(unknownOf(known, late), []);
  t.deepEqual(unknownSettings(readKnownSettings(knownSettings())), []);
  const later = neededSettings(withDefaults({ conflictPolicy: 9 as ConflictPolicy }));
  t.deepEqual(unknownOf(readKnownSettings(knownSettings()), later).map(({ name }) => name), ['conflict_policy 9']); // oxfmt-ignore
  const two = [create(KnownSettingSchema, { field: 6, values: [1] })];
  t.true(unknownSettings(readKnownSettings(two)).includes('conflict_policy newer_wins'));
  const many = Array.from({ length: 1001 }, (_, field) => create(KnownSettingSchema, { field }));
  t.throws(() => readKnownSettings(many), {
    message: /hello\.known_settings: holds more than 1000/,
  });
});

const filtered = { settings: { excludeFolders: { values: ['Backup'] }, minSize: 5n } };

test('a run goes to nobody who does not know its settings, and says who has to be updated', async (t) => {
  const harness = await openHarness(t);
  const old = await harness.attach('old', { version: '0.0.9', slots: 4, knownSettings: [] });
  t.true(harness.dispatcher.liveAgent('old')?.unknownSettings.includes('exclude_folders'));
  const run = await harness.start('a', filtered);
  const waits = () => harness.dispatcher.progress(run)?.waitingFor;
  t.is(waits(), 'an agent that knows exclude_folders and min_size: agents/old of version 0.0.9 does not; update it'); // oxfmt-ignore
  const other = await harness.attach('other', { version: '0.0.8', slots: 4, knownSettings: allBut('min_size') }); // oxfmt-ignore
  t.is(waits(), 'an agent that knows exclude_folders and min_size: agents/old of version 0.0.9 and 1 other do not; update them'); // oxfmt-ignore
  const plain = await harness.start('b');
  t.is(old.all('scanLease').length + other.all('scanLease').length, 1, 'a plain run needs no more');
  t.is(harness.dispatcher.progress(plain)?.waitingFor, '');
  const fresh = await harness.attach('fresh', { slots: 4 });
  t.deepEqual(harness.dispatcher.liveAgent('fresh')?.unknownSettings, []);
  const { key, settings } = fresh.take('scanLease');
  t.is(settings?.minSize, 5n);
  fresh.sendPage(key, 1n, [{ path: 'x', size: 6n }]);
  fresh.sendScanDone(key, 1n);
  await harness.idle();
  t.is(fresh.news('batchLease').length, 1);
  t.deepEqual([...old.all('batchLease'), ...other.all('batchLease')], []);
  fresh.vanish();
  await harness.advance(60_000);
  t.deepEqual([...old.all('batchLease'), ...other.all('batchLease')], [], 'not when the other has gone either'); // oxfmt-ignore
});

test('an agent that is updated gets the run it could not have', async (t) => {
  const harness = await openHarness(t);
  await harness.attach('one', { knownSettings: [] });
  const run = await harness.start('a', filtered);
  t.regex(harness.dispatcher.progress(run)!.waitingFor, /agents\/one of version unknown does not; update it$/v); // oxfmt-ignore
  const updated = await harness.attach('one');
  t.is(updated.all('scanLease').length, 1);
});

test('an agent that comes back with an older version loses what it had of a run whose settings it does not know, and nothing else', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one', { slots: 4 });
  const run = await harness.scanned('a', agent, [{ path: 'x', size: 6n }], filtered);
  const batch = agent.take('batchLease');
  await harness.start('b', filtered);
  const scan = agent.take('scanLease');
  const plain = await harness.scanned('c', agent, [{ path: 'y', size: 6n }]);
  const kept = agent.take('batchLease');
  agent.vanish();
  await harness.idle();
  const leases = [batch, scan, kept].map(({ key }) => key!);
  const old = await harness.attach('one', { slots: 4, version: '0.0.9', knownSettings: allBut('min_size'), leases }); // oxfmt-ignore
  const revoked = old.all('leaseRevocation');
  t.deepEqual(revoked.map(({ key }) => key?.lease), [batch.key?.lease, scan.key?.lease]); // oxfmt-ignore
  t.is(revoked[0]?.message, 'its run needs settings that this version does not know: min_size');
  t.deepEqual([...old.all('batchLease'), ...old.all('scanLease')], []);
  old.sendResults(batch);
  old.sendPage(scan.key, 1n, [{ path: 'small', size: 1n }]);
  await harness.idle();
  t.is(old.all('leaseRevocation').length, 4, 'what comes late is refused');
  t.deepEqual(old.all('acknowledgement'), []);
  old.sendResults(kept);
  await harness.idle();
  t.is(await harness.state(plain), 'SUCCEEDED');
  const other = await harness.attach('other', { slots: 4 });
  const again = other.take('batchLease');
  t.deepEqual([again.key?.lease, again.key?.generation], [batch.key?.lease, 2]);
  t.is(other.take('scanLease').key?.generation, 2);
  other.sendResults(again);
  await harness.idle();
  t.is(await harness.state(run), 'SUCCEEDED');
});

test('filters are tried by an agent that knows them', async (t) => {
  const harness = await openHarness(t);
  const old = await harness.attach('old', { version: '0.0.9', knownSettings: [] });
  const settings = withDefaults({ manifest: '/srv/list.txt' });
  const asked = { source: '/srv', settings, group: '', samplesMax: 1, itemsMax: 1n, timeMaxMs: 1 };
  const gone = new AbortController();
  const ask = () => harness.dispatcher.previewFilters(asked, gone.signal)[Symbol.asyncIterator]().next(); // oxfmt-ignore
  const error = await t.throwsAsync(ask(), { instanceOf: DroverError });
  t.is(error.reason, ErrorReason.UNAVAILABLE);
  t.is(error.message, 'no connected agent that can read the source knows manifest: agents/old of version 0.0.9 does not; update it'); // oxfmt-ignore
  const fresh = await harness.attach('fresh');
  const answer = ask();
  await harness.idle();
  t.is(fresh.all('filterPreviewStart').length, 1);
  t.deepEqual(old.all('filterPreviewStart'), []);
  gone.abort();
  await t.throwsAsync(answer);
});
