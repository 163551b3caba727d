// The key layout of the coordinator's database. Keys are UTF-8 strings compared by their bytes; `!` is below every character
// of an id, so the keys of one task, or of one run, are one range.
import type { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import type { BatchKey, RunKey } from './store.ts';

/** A range of keys: all greater than `gt` and less than `lt`. */
export interface KeyRange {
  gt: string;
  lt: string;
}

/** Numbers in keys have this many digits, so that their order is that of the numbers. */
const digits = 9;
/** The audit log grows for as long as there is the coordinator. */
const auditDigits = 15;
/** A webhook's events are counted for as long as there is the webhook. */
const eventDigits = 15;
/** A file id has 64 bits. */
const fileIdDigits = 20;
const number = (value: number): string => String(value).padStart(digits, '0');
const eventNumber = (value: bigint): string => String(value).padStart(eventDigits, '0');
const runPart = (key: RunKey): string => `${key.task}!${number(key.run)}`;

export const keys = {
  task: (id: string) => `task!${id}`,
  /** Stands while all rows of a deleted task are being removed. */
  deletedTask: (id: string) => `deleted!${id}`,
  /** Stands while the runs of a deleted task are being removed; its ledger is not touched. */
  deletedRuns: (id: string) => `deleted-runs!${id}`,
  /** What is known of a deleted task whose ledger stays. */
  keptLedger: (id: string) => `kept-ledger!${id}`,
  run: (key: RunKey) => `run!${runPart(key)}`,
  readiness: (key: RunKey) => `readiness!${runPart(key)}`,
  /** Index: stands while a run has not ended; its value is empty. */
  openRun: (key: RunKey) => `open-run!${runPart(key)}`,
  batch: (key: BatchKey) => `batch!${runPart(key)}!${number(key.batch)}`,
  batchItems: (key: BatchKey) => `items!${runPart(key)}!${number(key.batch)}`,
  batchResults: (key: BatchKey) => `results!${runPart(key)}!${number(key.batch)}`,
  /** Index: stands while nobody works on a batch; its value is empty. */
  pendingBatch: (key: BatchKey, phase: BatchPhase) =>
    `pending!${runPart(key)}!${phase}!${number(key.batch)}`,
  /** Index: stands while an agent works on a batch; its value is empty. */
  leasedBatch: (key: BatchKey) => `leased!${runPart(key)}!${number(key.batch)}`,
  ledger: (task: string, path: string) => `ledger!${task}!${pathKey(path)}`,
  /** Index: the path of the ledger's row that has this file id, and what the latest run found out by it. */
  fileId: (task: string, id: bigint) => `file-id!${task}!${String(id).padStart(fileIdDigits, '0')}`,
  unreported: (task: string, path: string) => `unreported!${task}!${pathKey(path)}`,
  /** By the folded path at the destination: names that are one to the destination have one key. */
  name: (task: string, path: string) => `name!${task}!${pathKey(path)}`,
  agent: (id: string) => `agent!${id}`,
  joinToken: (secretHash: string) => `join-token!${secretHash}`,
  accessToken: (id: string) => `access-token!${id}`,
  webhook: (id: string) => `webhook!${id}`,
  /** An event that waits for a webhook, by its number. */
  webhookEvent: (id: string, event: bigint) => `webhook-event!${id}!${eventNumber(event)}`,
  /** An event that a webhook could not be told. */
  deadLetter: (id: string, event: bigint) => `webhook-dead!${id}!${eventNumber(event)}`,
  request: (id: string) => `request!${id}`,
  /** An entry of the audit log, by its number. */
  audit: (entry: bigint) => `audit!${String(entry).padStart(auditDigits, '0')}`,
  /** Where the audit log ends. */
  auditHead: 'audit-head!',
  settings: 'settings!',
  /** Which format the store has, as a decimal number. */
  format: 'meta!format',
  /** Above which the generations of leases are since the store was restored, as a decimal number. */
  generationBase: 'meta!generation-base',
};

/** Every kind of row that belongs to a run of a task. */
const runKinds = ['run', 'readiness', 'open-run', 'batch', 'items', 'results', 'pending', 'leased'];
/** Every kind of row that outlives the runs of a task: its ledger, and what finds things in it. */
const ledgerKinds = ['ledger', 'file-id', 'unreported', 'name'];

/** Whether rows of this kind stay when a task is deleted and its ledger is kept. */
export function isOfLedger(kind: string): boolean {
  return ledgerKinds.includes(kind);
}

/** The rows of a task's runs, as the ranges that hold them. */
export function runRanges(task: string): KeyRange[] {
  return runKinds.map((kind) => under(`${kind}!${task}!`));
}

/** All rows of a task, as the ranges that hold them. */
export function taskRanges(task: string): KeyRange[] {
  return [...runRanges(task), ...ledgerKinds.map((kind) => under(`${kind}!${task}!`))];
}

/** What the keys of all events of a webhook begin with. */
export function webhookPrefixes(id: string): string[] {
  return [`webhook-event!${id}!`, `webhook-dead!${id}!`];
}

/** All keys that begin with `prefix`, which ends with `!`; `"` is the character after `!`. */
export function under(prefix: string): KeyRange {
  return { gt: prefix, lt: `${prefix.slice(0, -1)}"` };
}

/** The last part of a key, as a number. */
export function lastNumber(key: string): number {
  return Number(key.slice(key.lastIndexOf('!') + 1));
}

/**
 * A path as a key. The separator becomes the lowest byte, so that the order of keys is the order of the scan: depth first over
 * sorted names (with `/` itself, `a!b` would stand between `a` and `a/b`).
 */
export function pathKey(path: string): string {
  return path.replaceAll('/', '\0');
}

/** The path of a key that `pathKey` made. */
export function keyPath(key: string): string {
  return key.replaceAll('\0', '/');
}
