// What the rest of the coordinator sees of its database. The only door to LevelDB is `level-store.ts` beside this.
import type {
  AccessTokenRow,
  AgentRow,
  AuditHeadRow,
  BatchRow,
  FileIdRow,
  JoinTokenRow,
  KeptLedgerRow,
  LedgerRow,
  NameRow,
  RequestRow,
  RunRow,
  SettingsRow,
  TaskRow,
  UnreportedRow,
  WebhookEventRow,
  WebhookRow,
} from '../../gen/drover/store/v1/rows_pb.ts';
import type { ReadinessRow } from '../../gen/drover/store/v1/readiness_pb.ts';
import type { AuditEntry } from '../../gen/drover/v1/audit_pb.ts';
import type { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import type { KnownEntry, Verdict } from './audit-chain.ts';
import type { FileFacts } from './ledger-bytes.ts';
import type { RowChange, RowTotals } from './row-changes.ts';

/** How long a request id is remembered. */
export const requestMemoryMs = 24 * 60 * 60 * 1000;
/** How long the coordinator can still say of a join token that it has expired, rather than that it never was. */
export const joinTokenMemoryMs = 30 * 24 * 60 * 60 * 1000;

/** How long the coordinator can still say of an access token that it has ended. */
export const accessTokenMemoryMs = 30 * 24 * 60 * 60 * 1000;

/** Names a run: the task's id and the run's number, from 1. */
export interface RunKey {
  task: string;
  run: number;
}

/** Names a batch: its run and its number, from 1. */
export interface BatchKey extends RunKey {
  batch: number;
}

/** A range of the ledger's paths: all after `after` up to `upTo`; an empty `upTo` is beyond all. */
export interface LedgerRange {
  after: string;
  upTo: string;
}

/** A row of the ledger with its path. */
export interface LedgerEntry {
  readonly path: string;
  readonly row: LedgerRow;
}

/** A row of the ledger as it was read. */
export interface StoredEntry extends LedgerEntry {
  /**
   * Whether it is that of a file with just these facts, which is at the source where it was in the last run, and is at the destination under
   * the path of the source. Costs a small part of what `row` does.
   */
  isSameFile(facts: FileFacts): boolean;
}

/** An event of a webhook, with its number. */
export interface NumberedEvent {
  readonly number: bigint;
  readonly row: WebhookEventRow;
}

/** Reads what is stored. Missing rows are undefined. Pages are in key order and hold at most `limit` rows. */
export interface Reader {
  task(id: string): Promise<TaskRow | undefined>;
  /** Tasks with ids after `after`. */
  tasks(after: string, limit: number): Promise<TaskRow[]>;
  run(key: RunKey): Promise<RunRow | undefined>;
  /** Runs of a task with numbers after `after`. */
  runs(task: string, after: number, limit: number): Promise<RunRow[]>;
  /** Undefined of a run that has none, or of which nothing was scanned yet. */
  readiness(key: RunKey): Promise<ReadinessRow | undefined>;
  /** The latest run of a task that has a readiness; undefined when none has. */
  latestReadiness(task: string): Promise<RunKey | undefined>;
  /** Every run that has not ended; there is at most one a task. */
  openRuns(): Promise<RunKey[]>;
  batch(key: BatchKey): Promise<BatchRow | undefined>;
  /** Batches with numbers after `after`. */
  batches(run: RunKey, after: number, limit: number): Promise<{ batch: number; row: BatchRow }[]>;
  /** An encoded drover.v1.BatchItems. */
  batchItems(key: BatchKey): Promise<Uint8Array | undefined>;
  /** An encoded drover.v1.BatchResults; undefined until the batch is done. */
  batchResults(key: BatchKey): Promise<Uint8Array | undefined>;
  /** Numbers of the batches of a phase that are PENDING, after `after`. */
  pendingBatches(run: RunKey, phase: BatchPhase, after: number, limit: number): Promise<number[]>;
  /** The highest number of a batch of a phase that is PENDING; undefined when there is none. */
  lastPendingBatch(run: RunKey, phase: BatchPhase): Promise<number | undefined>;
  /** Numbers of the batches that are LEASED; no more than all agents have slots. */
  leasedBatches(run: RunKey): Promise<number[]>;
  /** The ledger's rows of these paths, which are in path order (see `pathKey`); undefined where there is none. */
  ledger(task: string, paths: readonly string[]): Promise<(LedgerRow | undefined)[]>;
  /** The ledger's rows of these paths, in any order; undefined where there is none. */
  ledgerRows(task: string, paths: readonly string[]): Promise<(LedgerRow | undefined)[]>;
  /** The ledger's rows after `after` and up to `upTo`, in path order; an empty `upTo` means all after `after`. */
  ledgerRange(task: string, range: LedgerRange, limit: number): Promise<StoredEntry[]>;
  /** Which paths have these file ids in the ledger; undefined where none has. */
  fileIds(task: string, ids: readonly bigint[]): Promise<(FileIdRow | undefined)[]>;
  /** What agents may have written of these paths and not reported; undefined where nothing. */
  unreported(task: string, paths: readonly string[]): Promise<(UnreportedRow | undefined)[]>;
  /** Whether there is any such note of the task. */
  hasUnreported(task: string): Promise<boolean>;
  /**
   * The ledger's first row of the path or of anything below it: a folder gets its own row only when all in it is done. Undefined
   * when nothing of it was migrated.
   */
  firstMigrated(task: string, path: string): Promise<LedgerEntry | undefined>;
  /** How many rows the task's ledger has, counted no further than `max`. */
  countLedger(task: string, max: number): Promise<number>;
  /** What was kept of a deleted task of this id; undefined when nothing was. */
  keptLedger(task: string): Promise<KeptLedgerRow | undefined>;
  /** What was kept of deleted tasks, with ids after `after`. */
  keptLedgers(after: string, limit: number): Promise<{ task: string; row: KeptLedgerRow }[]>;
  /** Who has these names at the destination, which are folded paths in any order; undefined where nobody has. */
  names(task: string, paths: readonly string[]): Promise<(NameRow | undefined)[]>;
  agent(id: string): Promise<AgentRow | undefined>;
  agents(after: string, limit: number): Promise<AgentRow[]>;
  /** By the lower-case hexadecimal SHA-256 of its secret. */
  joinToken(secretHash: string): Promise<JoinTokenRow | undefined>;
  accessToken(id: string): Promise<AccessTokenRow | undefined>;
  /** Access tokens with ids after `after`, those that were revoked or have ended among them. */
  accessTokens(after: string, limit: number): Promise<AccessTokenRow[]>;
  webhook(id: string): Promise<WebhookRow | undefined>;
  /** Webhooks with ids after `after`. */
  webhooks(after: string, limit: number): Promise<WebhookRow[]>;
  /** An event that waits to be delivered. */
  webhookEvent(webhook: string, event: bigint): Promise<WebhookEventRow | undefined>;
  /** Events that wait, with numbers after `after`. */
  webhookEvents(webhook: string, after: bigint, limit: number): Promise<NumberedEvent[]>;
  /** An event that could not be delivered. */
  deadLetter(webhook: string, event: bigint): Promise<WebhookEventRow | undefined>;
  /** Events that could not be delivered, with numbers after `after`. */
  deadLetters(webhook: string, after: bigint, limit: number): Promise<NumberedEvent[]>;
  request(id: string): Promise<RequestRow | undefined>;
  settings(): Promise<SettingsRow | undefined>;
  /** Where the audit log ends; undefined when it has no entries. */
  auditHead(): Promise<AuditHeadRow | undefined>;
  /** Entries with numbers after `after`, in their order. */
  auditEntries(after: bigint, limit: number): Promise<AuditEntry[]>;
  /** Entries with numbers before `before`, the newest first. */
  auditEntriesBefore(before: bigint, limit: number): Promise<AuditEntry[]>;
}

/** Reads and writes inside one commit; reads see the commit's own writes of rows that are named (not of pages and ranges). */
export interface Transaction extends Reader {
  putTask(id: string, row: TaskRow): void;
  /** Whether rows of a deleted task of this id are still being removed; a new one of the same id has to wait. */
  isBeingDeleted(id: string): Promise<boolean>;
  /**
   * Marks the task as deleted: it is gone for every reader at once. Its runs, and its ledger unless that is `kept`, are removed
   * afterwards by `sweep`. Of a task that is deleted already, what was kept is removed so.
   */
  deleteTask(id: string, kept?: KeptLedgerRow): void;
  /** A task of this id goes on with the ledger that was kept, which counts as kept no more. */
  takeLedger(id: string): void;
  /** Also keeps the index of open runs. */
  putRun(key: RunKey, row: RunRow): void;
  putReadiness(key: RunKey, row: ReadinessRow): void;
  /** Also keeps the indexes of pending and of leased batches. */
  putBatch(key: BatchKey, row: BatchRow): void;
  putBatchItems(key: BatchKey, items: Uint8Array): void;
  putBatchResults(key: BatchKey, results: Uint8Array): void;
  /** Also keeps the index of file ids: it points to the row that was put last with an id. */
  putLedger(task: string, path: string, row: LedgerRow): void;
  /** Changes a row whose file id stays as it is: the index of file ids is not touched, which may lead to another path with that id by now. */
  updateLedger(task: string, path: string, row: LedgerRow): void;
  /** Also keeps the index of file ids. */
  deleteLedger(task: string, path: string): Promise<void>;
  putFileId(task: string, id: bigint, row: FileIdRow): void;
  /** Takes a file id out of the index, if it points to this path there. */
  dropFileId(task: string, id: bigint, path: string): Promise<void>;
  putUnreported(task: string, path: string, row: UnreportedRow): void;
  deleteUnreported(task: string, path: string): void;
  /** `path` is a folded path at the destination. */
  putName(task: string, path: string, row: NameRow): void;
  deleteName(task: string, path: string): void;
  putAgent(id: string, row: AgentRow): void;
  deleteAgent(id: string): void;
  putJoinToken(secretHash: string, row: JoinTokenRow): void;
  putAccessToken(id: string, row: AccessTokenRow): void;
  putWebhook(id: string, row: WebhookRow): void;
  /** With all of its events. */
  deleteWebhook(id: string): Promise<void>;
  putWebhookEvent(webhook: string, event: bigint, row: WebhookEventRow): void;
  deleteWebhookEvent(webhook: string, event: bigint): void;
  putDeadLetter(webhook: string, event: bigint, row: WebhookEventRow): void;
  deleteDeadLetter(webhook: string, event: bigint): void;
  putRequest(id: string, row: RequestRow): void;
  putSettings(row: SettingsRow): void;
  /** What the transaction has changed so far of what people keep: tasks, runs, agents, settings, tokens, webhooks. */
  rowChanges(): Promise<RowChange[]>;
  /** The same, of these kinds only. */
  rowChangesOf<K extends RowChange['kind']>(...kinds: K[]): Promise<(RowChange & { kind: K })[]>;
  /** How many rows that may be. */
  changedRows(): number;
  /** The same, counted: for a commit that changes more than can be told one by one. */
  rowTotals(): Map<RowChange['kind'], RowTotals>;
  /** Adds an entry to the end of the audit log; its number and its hashes are made here. */
  appendAudit(entry: AuditEntry): Promise<AuditEntry>;
}

/** A change that was made, and when it, and all that it saw, is written. */
export interface Begun<T> {
  result: T;
  /** Rejects when that fails; need not be handled. */
  written: Promise<void>;
}

export interface Store extends Reader, AsyncDisposable {
  /**
   * Runs `change` alone, one at a time in the order of the calls, then writes everything it put in one synced write.
   * Resolves after the write; if `change` throws, nothing is written and the error is passed on.
   */
  commit<T>(change: (transaction: Transaction) => Promise<T> | T): Promise<T>;
  /**
   * The same, but resolves when `change` was run and everything that it put is about to be written: for whoever goes on with the next
   * change of the same rows, and tells nobody of this one before it is written.
   */
  begin<T>(change: (transaction: Transaction) => Promise<T> | T): Promise<Begun<T>>;
  /**
   * Removes what deleted tasks left behind, in bounded steps, until nothing is left; then request ids that are no longer
   * remembered, and join tokens and access tokens that ended long ago.
   */
  sweep(nowMs: number): Promise<void>;
  /** Verifies the audit log as it is at one moment. Throws what the signal was aborted with. */
  verifyAudit(known?: KnownEntry, signal?: AbortSignal): Promise<Verdict>;
  /** This store, but for its commits: each ends with `finish`, which writes in the same commit, or throws and lets nothing be written. */
  withFinish(finish: (transaction: Transaction) => Promise<void>): Store;
  /** Idempotent; waits for the commit that is going. */
  close(): Promise<void>;
}
