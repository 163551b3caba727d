// What a plan costs, and how long it takes. PURE.
//
// Requests and resource units are sums over the classes of `PlanCounts`, each by what an agent asks of the service (in units: 1 to read an
// item, 2 to change one or to open an upload; what a part of an upload costs is not published, so it is 0 at least and 2 at most).
//
//   time = the longest of
//     work    (64 KiB for each item + bytes to upload) / what the threads did a second, once two thirds of that and once half as much again
//     units   whole days of the tenant's daily units, and what is left by its units a minute, of which the first may be spent at once
//     bytes   by what the service takes an hour
//
// What is not known is left out of the least time, and makes the most time unknown.
import { create } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import type { PlanCounts } from '../../gen/drover/store/v1/rows_pb.ts';
import { PlanEstimateSchema, type PlanEstimate } from '../../gen/drover/v1/run_pb.ts';
import { formatCount } from '../../lib/format.ts';
import { itemUnits } from './work-size.ts';

/** What can work on a task at the moment. */
export interface Capacity {
  /** The destination is SharePoint or OneDrive. */
  isTenant: boolean;
  /** Threads of the attached agents that can serve the task. */
  threads: number;
  /** Units of work that they did together in a second, in their last leases; undefined when none had one. */
  unitsPerSecond: number | undefined;
}

/** What an estimate goes by. */
export interface EstimateFacts {
  counts: PlanCounts;
  recycledItems: bigint;
  /** Undefined when the run has ended and nothing is left to be estimated. */
  capacity: Capacity | undefined;
  isTenant: boolean;
  /** 0 when it is not known. */
  tenantLicenses: number;
}

/** What was done lately may have been done faster or slower than what is to be done, by so much. */
const spread = 1.5;
const dayMs = 24 * 60 * 60_000;
const minuteMs = 60_000;
/** An application may send a tenant so many bytes an hour. */
const bytesPerHour = 400e9;

/** What a tenant allows an application, by its licences. */
interface Budget {
  /** The most licences with which the tenant has it. */
  licenses: number;
  unitsPerMinute: number;
  unitsPerDay: number;
}

const budgets: readonly Budget[] = [
  { licenses: 1000, unitsPerMinute: 1250, unitsPerDay: 1_200_000 },
  { licenses: 5000, unitsPerMinute: 2500, unitsPerDay: 2_400_000 },
  { licenses: 15_000, unitsPerMinute: 3750, unitsPerDay: 3_600_000 },
  { licenses: 50_000, unitsPerMinute: 5000, unitsPerDay: 4_800_000 },
  { licenses: Infinity, unitsPerMinute: 6250, unitsPerDay: 6_000_000 },
];

/** Requests and units of one item of a class: at least, and at most. */
interface Price {
  requests: readonly [min: number, max: number];
  units: readonly [min: number, max: number];
}

const prices = {
  emptyFile: { requests: [2, 3], units: [4, 5] },
  /** The upload's session; its parts come on top. */
  newFile: { requests: [1, 1], units: [2, 2] },
  replacedFile: { requests: [2, 3], units: [3, 4] },
  newFolder: { requests: [2, 2], units: [4, 4] },
  /** It is looked at, and dated where its date is another one. */
  keptFolder: { requests: [1, 2], units: [1, 3] },
  movedFile: { requests: [2, 4], units: [3, 6] },
  recycledItem: { requests: [2, 2], units: [3, 3] },
} as const satisfies Record<string, Price>;
const partUnitsMax = 2n;
/** To find the destination and to see that it can be written to. */
const placeRequestsMax = 16n;
const placeUnitsMax = 24n;

/** The estimate; see above, and the message's own words. */
export function estimatePlan(facts: EstimateFacts): PlanEstimate {
  const { counts, recycledItems, isTenant } = facts;
  const estimate = create(PlanEstimateSchema, {
    uploadedFiles: counts.emptyFiles + counts.newFiles + counts.replacedFiles,
    uploadedBytes: counts.uploadedBytes,
    folders: counts.newFolders + counts.keptFolders - counts.datedFolders,
    movedFiles: counts.movedFiles,
    recycledItems,
    ...(isTenant ? costs(counts, recycledItems) : {}),
  });
  addTimes(estimate, facts);
  return estimate;
}

function costs(counts: PlanCounts, recycledItems: bigint) {
  const { emptyFiles, newFiles, replacedFiles, newFolders, keptFolders, movedFiles } = counts;
  const classes: readonly [count: bigint, price: Price][] = [
    [emptyFiles, prices.emptyFile],
    [newFiles, prices.newFile],
    [replacedFiles, prices.replacedFile],
    [newFolders, prices.newFolder],
    [keptFolders - counts.datedFolders, prices.keptFolder],
    [movedFiles, prices.movedFile],
    [recycledItems, prices.recycledItem],
  ];
  const sum = (of: (price: Price) => number) =>
    classes.reduce((total, [count, price]) => total + count * BigInt(of(price)), 0n);
  const requestsMin = sum(({ requests }) => requests[0]) + counts.partsMin;
  const resourceUnitsMin = sum(({ units }) => units[0]);
  if (requestsMin === 0n) return {};
  return {
    requestsMin,
    requestsMax: sum(({ requests }) => requests[1]) + counts.partsMax + placeRequestsMax,
    resourceUnitsMin,
    resourceUnitsMax: sum(({ units }) => units[1]) + counts.partsMax * partUnitsMax + placeUnitsMax,
  };
}

function addTimes(estimate: PlanEstimate, facts: EstimateFacts): void {
  const { capacity, isTenant, tenantLicenses } = facts;
  if (capacity === undefined) {
    estimate.basis = 'no time is told: the run has ended';
    return;
  }
  if (itemsOf(estimate) === 0) {
    estimate.basis = 'nothing of what is planned so far has to be done';
    return;
  }
  const [least, most] = isTenant ? budgetsOf(tenantLicenses) : [undefined, undefined];
  const bytesMs = isTenant ? (Number(estimate.uploadedBytes) / bytesPerHour) * 3_600_000 : 0;
  const work = workMs(estimate, capacity);
  if (isTenant || work !== undefined) {
    const unitsMs = most === undefined ? 0 : budgetMs(estimate.resourceUnitsMin, most, true);
    const timeMs = Math.max((work ?? 0) / spread, unitsMs, bytesMs);
    estimate.timeMin = durationFromMs(Math.round(timeMs));
  }
  if (work !== undefined) {
    const unitsMs = least === undefined ? 0 : budgetMs(estimate.resourceUnitsMax, least, false);
    const timeMs = Math.max(work * spread, unitsMs, bytesMs);
    estimate.timeMax = durationFromMs(Math.round(timeMs));
  }
  const words = [workWords(capacity)];
  if (least !== undefined && most !== undefined) words.push(budgetWords(least, most));
  estimate.basis = words.join('; ');
}

/** Undefined when nothing is known of who would do it. */
function workMs(estimate: PlanEstimate, capacity: Capacity): number | undefined {
  const { threads, unitsPerSecond } = capacity;
  if (threads === 0 || unitsPerSecond === undefined || unitsPerSecond <= 0) return undefined;
  const units = itemUnits(itemsOf(estimate)) + Number(estimate.uploadedBytes);
  return (units / unitsPerSecond) * 1000;
}

function itemsOf(estimate: PlanEstimate): number {
  const { uploadedFiles, folders, movedFiles, recycledItems } = estimate;
  return Number(uploadedFiles + folders + movedFiles + recycledItems);
}

/** Units that are there at once are spent in no time, so a minute's units more or less are what parts the least time from the most. */
function budgetMs(
  units: bigint,
  { unitsPerMinute, unitsPerDay }: Budget,
  isLeast: boolean,
): number {
  const days = Math.max(Math.ceil(Number(units) / unitsPerDay) - 1, 0);
  const rest = Number(units) - days * unitsPerDay;
  const spent = isLeast ? unitsPerMinute : 0;
  return days * dayMs + (Math.max(rest - spent, 0) / unitsPerMinute) * minuteMs;
}

/** The least and the most that the tenant may allow. */
function budgetsOf(licenses: number): [least: Budget, most: Budget] {
  if (licenses === 0) return [budgets[0]!, budgets.at(-1)!];
  const budget = budgets.find((one) => licenses <= one.licenses)!;
  return [budget, budget];
}

function workWords({ threads, unitsPerSecond }: Capacity): string {
  if (threads === 0) return 'the most time is not known: no attached agent can serve the task';
  const agents = threads === 1 ? 'the 1 thread that' : `the ${formatCount(threads)} threads that`;
  if (unitsPerSecond === undefined)
    return `the most time is not known: ${agents} can serve the task did nothing yet`;
  return `by what ${agents} can serve the task did in their last leases, give or take a half`;
}

function budgetWords(least: Budget, most: Budget): string {
  const isKnown = least === most;
  const minute = (budget: Budget) => formatCount(budget.unitsPerMinute);
  const day = (budget: Budget) => formatCount(budget.unitsPerDay);
  if (isKnown) return `by ${minute(least)} resource units a minute and ${day(least)} in 24 hours`;
  return `by ${minute(least)} to ${minute(most)} resource units a minute and ${day(least)} to ${day(most)} in 24 hours, as the settings do not say how many licences the tenant has (tenant_licenses)`;
}
