import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { durationMs } from '@bufbuild/protobuf/wkt';
import test from 'ava';
import { PlanCountsSchema } from '../../gen/drover/store/v1/rows_pb.ts';
import { TaskSettingsSchema, type TaskSettings } from '../../gen/drover/v1/settings_pb.ts';
import { TaskSchema } from '../../gen/drover/v1/task_pb.ts';
import { parseLocation } from '../../lib/location.ts';
import { defaultSettings } from '../task/default-settings.ts';
import { capacityFor, type Worker } from './capacity.ts';
import { estimatePlan, type EstimateFacts } from './plan-estimate.ts';
import { openHarness } from './testing/harness.ts';

const minutes = (count: number) => count * 60_000;
const day = minutes(24 * 60);

interface Case {
  counts: MessageInitShape<typeof PlanCountsSchema>;
  more?: Partial<EstimateFacts>;
  /** At least and at most. */
  requests: [bigint, bigint];
  units: [bigint, bigint];
  /** Milliseconds; undefined where it is not known. */
  times: [number | undefined, number | undefined];
}

const fast = { isTenant: true, threads: 8, unitsPerSecond: 1e12 };
const tenant = { isTenant: true, capacity: fast, tenantLicenses: 900 };

const cases: [name: string, one: Case][] = [
  ['nothing', { counts: {}, more: tenant, requests: [0n, 0n], units: [0n, 0n], times: [undefined, undefined] }],
  ['a small file', { counts: { newFiles: 1n, partsMin: 1n, partsMax: 1n }, more: tenant, requests: [2n, 18n], units: [2n, 28n], times: [0, 1344] }],
  ['an empty file', { counts: { emptyFiles: 1n }, more: tenant, requests: [2n, 19n], units: [4n, 29n], times: [0, 1392] }],
  ['a file that is replaced', { counts: { replacedFiles: 1n, partsMin: 1n, partsMax: 1n }, more: tenant, requests: [3n, 20n], units: [3n, 30n], times: [0, 1440] }],
  ['a large file', { counts: { newFiles: 1n, partsMin: 52n, partsMax: 205n }, more: tenant, requests: [53n, 222n], units: [2n, 436n], times: [0, 20_928] }],
  ['folders', { counts: { newFolders: 1n, keptFolders: 1n }, more: tenant, requests: [3n, 20n], units: [5n, 31n], times: [0, 1488] }],
  ['folders that are dated already', { counts: { newFolders: 1n, keptFolders: 5n, datedFolders: 4n }, more: tenant, requests: [3n, 20n], units: [5n, 31n], times: [0, 1488] }],
  ['a move', { counts: { movedFiles: 1n }, more: tenant, requests: [2n, 20n], units: [3n, 30n], times: [0, 1440] }],
  ['what is recycled', { counts: {}, more: { ...tenant, recycledItems: 5n }, requests: [10n, 26n], units: [15n, 39n], times: [0, 1872] }],
  ['more than a day allows: days, and the rest by the minute', { counts: { newFolders: 750_000n }, more: tenant, requests: [1_500_000n, 1_500_016n], units: [3_000_000n, 3_000_024n], times: [2 * day + minutes(479), 2 * day + minutes(480) + 1152] }],
  ['just what a day allows', { counts: { newFolders: 300_000n }, more: tenant, requests: [600_000n, 600_016n], units: [1_200_000n, 1_200_024n], times: [minutes(959), day + 1152] }],
  ['a tenant of which no licences are known', { counts: { newFolders: 31_250n }, more: { ...tenant, tenantLicenses: 0 }, requests: [62_500n, 62_516n], units: [125_000n, 125_024n], times: [minutes(19), minutes(100) + 1152] }],
  ['a large tenant', { counts: { newFolders: 31_250n }, more: { ...tenant, tenantLicenses: 60_000 }, requests: [62_500n, 62_516n], units: [125_000n, 125_024n], times: [minutes(19), minutes(20) + 230] }],
  ['bytes, which the service takes so many of an hour', { counts: { newFiles: 1n, partsMin: 1n, partsMax: 1n, uploadedBytes: 800_000_000_000n }, more: tenant, requests: [2n, 18n], units: [2n, 28n], times: [minutes(120), minutes(120)] }],
  ['a folder, by what the threads did', { counts: { newFiles: 16n, partsMin: 16n, partsMax: 16n, uploadedBytes: 29_951_424n }, more: { capacity: { isTenant: false, threads: 2, unitsPerSecond: 1_000_000 } }, requests: [0n, 0n], units: [0n, 0n], times: [20_667, 46_500] }],
  ['nobody has done anything yet: the tenant alone says the least', { counts: { newFolders: 625n }, more: { ...tenant, capacity: { ...fast, unitsPerSecond: undefined } }, requests: [1250n, 1266n], units: [2500n, 2524n], times: [minutes(1), undefined] }],
  ['nobody can serve the task', { counts: { emptyFiles: 1n }, more: { capacity: { isTenant: false, threads: 0, unitsPerSecond: undefined } }, requests: [0n, 0n], units: [0n, 0n], times: [undefined, undefined] }],
  ['a run that has ended', { counts: { emptyFiles: 1n }, more: { ...tenant, capacity: undefined }, requests: [2n, 19n], units: [4n, 29n], times: [undefined, undefined] }],
]; // oxfmt-ignore

for (const [name, { counts, more, requests, units, times }] of cases)
  test(`what a plan costs: ${name}`, (t) => {
    const facts = { recycledItems: 0n, isTenant: false, tenantLicenses: 0, capacity: undefined };
    const estimate = estimatePlan({ ...facts, counts: create(PlanCountsSchema, counts), ...more });
    t.deepEqual([estimate.requestsMin, estimate.requestsMax], requests);
    t.deepEqual([estimate.resourceUnitsMin, estimate.resourceUnitsMax], units);
    const { timeMin, timeMax } = estimate;
    t.deepEqual([timeMin && durationMs(timeMin), timeMax && durationMs(timeMax)], times);
  });

test('an estimate says what it goes by', (t) => {
  const basis = (more: Partial<EstimateFacts>) =>
    estimatePlan({ counts: create(PlanCountsSchema), recycledItems: 1n, isTenant: false, tenantLicenses: 0, capacity: undefined, ...more }).basis; // oxfmt-ignore
  t.is(basis(tenant), 'by what the 8 threads that can serve the task did in their last leases, give or take a half; by 1,250 resource units a minute and 1,200,000 in 24 hours'); // oxfmt-ignore
  t.regex(basis({ ...tenant, tenantLicenses: 0 }), /by 1,250 to 6,250 resource units a minute .* how many licences the tenant has/v); // oxfmt-ignore
  t.is(basis({ capacity: { isTenant: false, threads: 0, unitsPerSecond: undefined } }), 'the most time is not known: no attached agent can serve the task'); // oxfmt-ignore
});

test('those count that can serve the task, each with its threads; who has done nothing is taken for usual', (t) => {
  const worker = (unitsPerSecond: number | undefined, more: Partial<Worker> = {}): Worker => ({
    ability: { locationKinds: ['file'], group: 'default', roots: [] },
    slots: 5,
    speed: { pace: { unitsPerSecond } },
    ...more,
  });
  const task = create(TaskSchema, { source: '/srv/a', destination: 'file:///srv/b' });
  const elsewhere = { locationKinds: ['file'], group: 'default', roots: [parseLocation('/other', 'x')] }; // oxfmt-ignore
  const workers = [worker(10), worker(30), worker(undefined), worker(1000, { ability: elsewhere })];
  t.deepEqual(capacityFor(task, undefined, workers), {
    isTenant: false,
    threads: 12,
    unitsPerSecond: 240,
  });
  t.deepEqual(capacityFor(task, undefined, [worker(undefined)]), { isTenant: false, threads: 4, unitsPerSecond: undefined }); // oxfmt-ignore
  t.is(capacityFor(task, undefined, []).threads, 0);
});

test('who does not know the settings of a run does not count for it', async (t) => {
  const harness = await openHarness(t);
  await harness.attach('old', { slots: 9, knownSettings: [] });
  await harness.attach('new', { slots: 5 });
  const task = create(TaskSchema, { source: '/from', destination: '/to' });
  const threads = (settings?: TaskSettings) => harness.dispatcher.capacity(task, settings).threads;
  t.is(threads(), 12);
  t.is(threads(defaultSettings()), 12);
  t.is(threads(create(TaskSettingsSchema, { ...defaultSettings(), minSize: 5n })), 4);
});
