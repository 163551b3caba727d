// What crosses between the agent's main thread and its worker threads: tagged plain data, bytes that are transferred, and
// shared counters. Errors cross as data, because a thrown error loses its class on the way.
import type { MessagePort } from 'node:worker_threads';
import type { FilterPreview } from '../../gen/drover/v1/filter_pb.ts';
import type { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import type { ConflictPolicy } from '../../gen/drover/v1/settings_pb.ts';
import type { FilterSettings } from './filter-settings.ts';
import type { ManifestPlace } from './manifest.ts';
import type { SharePointAccess } from '../destination/sharepoint/access.ts';

/** What a batch goes by, complete: no field is optional any more. */
export interface RunSettings {
  maxAttempts: number;
  /** What to do with a file whose place is taken by another content. */
  conflictPolicy: ConflictPolicy;
}

/** Where a job writes to, and what it needs to reach it. */
export interface JobDestination {
  destination: string;
  /** The run the job belongs to, tasks/{task}/runs/{run}: what is found out about the destination is kept for its time. */
  run: string;
  /** What only SharePoint and OneDrive need; undefined for every other destination. */
  tenant: JobTenant | undefined;
  /** The task has written something there: a folder without anything in it is out of reach, and not made. @default false */
  destinationHoldsItems?: boolean;
}

export interface JobTenant {
  access: SharePointAccess;
  /** Where the thread asks the main thread for what only that has; see host.ts. The job closes it. */
  host: MessagePort;
}

/** What is open at the destination of one item of a batch, and of which content. */
export interface ItemUpload {
  /** Which item of the batch, from 0. */
  index: number;
  /** Where it goes on; a secret. */
  url: string;
  /** Bytes of the source file. */
  size: number;
  /** Nanoseconds since 1970. */
  modifiedNs: bigint;
  /** When the file or its attributes changed last, nanoseconds since 1970. */
  changedNs: bigint;
}

/** One path that a scan looks at. */
export interface ListedPath {
  path: string;
  /** Whether to look at everything below it as well, if it is a folder. */
  withContents: boolean;
}

/** A scan. Pages go through `port` as they are found; the job's answer comes at the end. */
export interface ScanJob extends JobDestination {
  kind: 'scan';
  source: string;
  filters: FilterSettings;
  /** Whether each file is opened, to find those that cannot be read. @default false */
  triesReading?: boolean;
  /** Go on after this path; empty to begin at the beginning. */
  afterPath: string;
  /** What to look at, in path order; undefined: everything. */
  only: ListedPath[] | undefined;
  /** What lists what to look at; counts only without `only`. @default everything */
  manifest?: ManifestPlace | undefined;
  /**
   * Where pages go: a `ScanPageMessage` each, its bytes transferred. The thread closes it at the end, so that the other
   * side gets `close` after the last page.
   */
  port: MessagePort;
  shared: SharedJobState;
}

/** One page, through the port of its scan. */
export interface ScanPageMessage {
  /** An encoded drover.v1.ScanPage. */
  items: Uint8Array<ArrayBuffer>;
}

/** The files and folders of one batch. */
export interface BatchJob extends JobDestination {
  kind: 'batch';
  source: string;
  settings: RunSettings;
  phase: BatchPhase;
  /** An encoded drover.v1.BatchItems. */
  items: Uint8Array;
  /** Short and unique for the run, without separators; names half-written files together with generation and path, see part-names.ts. */
  partTag: string;
  generation: number;
  /** What an earlier process of this agent left open of the batch. */
  uploads: readonly ItemUpload[];
  /** Where the thread says what it is about to write that is not what the scan found; see write-notes.ts. The job closes it. */
  notes?: MessagePort | undefined;
  shared: SharedJobState;
}

/** Removes what a dead process may have left half-written for a batch, of this generation and those before it. */
export interface SweepJob extends JobDestination {
  kind: 'sweep';
  /** An encoded drover.v1.BatchItems. */
  items: Uint8Array;
  partTag: string;
  generation: number;
  uploads: readonly ItemUpload[];
}

/** What filters leave out of a source. What is found by then goes through `port`, a FilterPreview each; the thread closes it at the end. */
export interface PreviewJob {
  kind: 'preview';
  source: string;
  filters: FilterSettings;
  manifest: ManifestPlace | undefined;
  /** How many paths are told of each rule, at most. */
  samplesMax: number;
  /** Stop after so many items. */
  itemsMax: number;
  /** Stop after so long. */
  timeMs: number;
  tenant: undefined;
  port: MessagePort;
  shared: SharedJobState;
}

export type Job = ScanJob | BatchJob | SweepJob | PreviewJob;

export type JobResult =
  | { kind: 'scan-done' }
  /** `results` is an encoded drover.v1.BatchResults. */
  | { kind: 'batch-done'; results: Uint8Array<ArrayBuffer> }
  | { kind: 'swept' }
  | { kind: 'previewed'; found: FilterPreview }
  /**
   * The job was told to stop, or could not sign in any more, and left nothing half-done. `results` is an encoded drover.v1.BatchResults of the items that a batch had
   * finished by then, with the others unspecified; absent when it had finished none.
   */
  | { kind: 'stopped'; results?: Uint8Array<ArrayBuffer> }
  /**
   * The source of a batch cannot be read as a whole any more, or at the moment; why, as for `failed`. Of what was finished by then it left nothing
   * half-done, and `results` are as for `stopped`.
   */
  | { kind: 'source-lost'; reason: number; message: string; results?: Uint8Array<ArrayBuffer> }
  /** The folder that a batch writes to is out of reach as a whole; why, as for `failed`. Nobody knows where what was written by then is. */
  | { kind: 'destination-lost'; reason: number; message: string }
  /** The job as a whole could not be done; `reason` is a number of drover.v1.ErrorReason. */
  | { kind: 'failed'; reason: number; message: string };

/**
 * Memory shared with a running job. Layout of `state`, an Int32Array over a SharedArrayBuffer:
 * [0] whether the job is to stop, see StopWay; [1] how many pages of a scan may still be sent (the thread waits on it while it is 0);
 * [2] how many items are being done that take only a moment; [3] whether the last item is begun, so that the thread has room for another job;
 * [4] the number of the thread that does it; [5] a count of steps that the progress does not show, see sign-of-life.ts.
 * Layout of `progress`, a BigInt64Array: [0] items finished; [1] bytes written (or, in a scan, bytes found).
 * Only Atomics touch them.
 */
export interface SharedJobState {
  state: Int32Array<SharedArrayBuffer>;
  progress: BigInt64Array<SharedArrayBuffer>;
}

export const stateStop = 0;
export const statePageCredits = 1;
const stateShort = 2;
const stateEnding = 3;
const stateThread = 4;
const stateSteps = 5;
export const progressItems = 0;
export const progressBytes = 1;

/** The most items in a page of a scan. */
export const scanPageItemsMax = 1000;

export function createSharedJobState(pageCredits: number): SharedJobState {
  const state = new Int32Array(new SharedArrayBuffer(24));
  state[statePageCredits] = pageCredits;
  return { state, progress: new BigInt64Array(new SharedArrayBuffer(16)) };
}

/** Lets a scan send `pages` more pages. */
export function grantPages(shared: SharedJobState, pages: number): void {
  Atomics.add(shared.state, statePageCredits, pages);
  Atomics.notify(shared.state, statePageCredits);
}

/**
 * How a job stops: `at-once`, because what it does counts no more, or `soon`: it begins nothing new, and what can be finished in a
 * moment is finished.
 */
export type StopWay = keyof typeof stopWays;

const stopWays = { 'at-once': 1, soon: 2 } as const;

/** How long a job that is to stop soon may wait for what takes only a moment, in milliseconds; for nothing else it waits. */
export const stopSoonMs = 2000;

/** Tells a job to stop, and to leave nothing half-done. Whoever was told to stop at once is not given more time. */
export function stopJob(shared: SharedJobState, way: StopWay = 'at-once'): void {
  if (way === 'soon') Atomics.compareExchange(shared.state, stateStop, 0, stopWays.soon);
  else Atomics.store(shared.state, stateStop, stopWays['at-once']);
  Atomics.notify(shared.state, stateStop);
  // A scan that is about to wait for a credit finds the count changed and does not; the credit itself is never used.
  Atomics.add(shared.state, statePageCredits, 1);
  Atomics.notify(shared.state, statePageCredits);
}

/** Whether a job was told to stop, in either way. */
export function isStopped({ state }: SharedJobState): boolean {
  return Atomics.load(state, stateStop) !== 0;
}

/** Resolves when a job is told to stop, or after `waitMs`. */
export async function untilStopped({ state }: SharedJobState, waitMs: number): Promise<void> {
  await Atomics.waitAsync(state, stateStop, 0, waitMs).value;
}

/** Whether a job was told to stop at once. */
export function isCutOff({ state }: SharedJobState): boolean {
  return Atomics.load(state, stateStop) === stopWays['at-once'];
}

/** An item is begun, or ended with -1, that takes only a moment. */
export function countShort({ state }: SharedJobState, change: 1 | -1): void {
  Atomics.add(state, stateShort, change);
  Atomics.notify(state, stateShort);
}

/**
 * Resolves when a job is to stop at once, or is to stop soon and nothing is going any more that is worth waiting for; or after `waitMs`.
 * Answers which.
 */
export async function untilCutOff({ state }: SharedJobState, waitMs: number): Promise<boolean> {
  await Atomics.waitAsync(state, stateStop, 0, waitMs).value;
  const endMs = performance.now() + stopSoonMs;
  for (;;) {
    const short = Atomics.load(state, stateShort);
    const leftMs = endMs - performance.now();
    const isSoon = Atomics.load(state, stateStop) === stopWays.soon;
    if (!isSoon || short === 0 || leftMs <= 0) return Atomics.load(state, stateStop) !== 0;
    await Promise.race([
      Atomics.waitAsync(state, stateStop, stopWays.soon, leftMs).value,
      Atomics.waitAsync(state, stateShort, short, leftMs).value,
    ]);
  }
}

/** The last items of a job are begun, or the job has ended: what it still does leaves room for another one in the same thread. */
export function noteEnding({ state }: SharedJobState): void {
  Atomics.store(state, stateEnding, 1);
  Atomics.notify(state, stateEnding);
}

/** Whether a job has little left to begin. */
export function isEnding({ state }: SharedJobState): boolean {
  return Atomics.load(state, stateEnding) !== 0;
}

/** Resolves when a job has little left to begin. */
export async function untilEnding({ state }: SharedJobState): Promise<void> {
  await Atomics.waitAsync(state, stateEnding, 0).value;
}

/** Notes which thread does a job. */
export function noteThread({ state }: SharedJobState, threadId: number): void {
  Atomics.store(state, stateThread, threadId);
}

/** The thread that does a job; 0 as long as none does. */
export function threadOf({ state }: SharedJobState): number {
  return Atomics.load(state, stateThread);
}

/** A job has come a step further. */
export function countStep({ state }: SharedJobState): void {
  Atomics.add(state, stateSteps, 1);
}

/** Another text whenever a job has come further. */
export function stepsOf({ state, progress }: SharedJobState): string {
  return `${Atomics.load(progress, progressItems)} ${Atomics.load(progress, progressBytes)} ${Atomics.load(state, stateSteps)}`;
}
