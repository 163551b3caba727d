// What one commit reads and is about to write.
import { toBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import {
  AccessTokenRowSchema,
  AgentRowSchema,
  AuditHeadRowSchema,
  BatchRowSchema,
  JoinTokenRowSchema,
  KeptLedgerRowSchema,
  LeaseState,
  NameRowSchema,
  RequestRowSchema,
  RunRowSchema,
  SettingsRowSchema,
  TaskRowSchema,
  UnreportedRowSchema,
  WebhookEventRowSchema,
  WebhookRowSchema,
  type AccessTokenRow,
  type AgentRow,
  type BatchRow,
  type FileIdRow,
  type JoinTokenRow,
  type KeptLedgerRow,
  type LedgerRow,
  type NameRow,
  type RequestRow,
  type RunRow,
  type SettingsRow,
  type TaskRow,
  type UnreportedRow,
  type WebhookEventRow,
  type WebhookRow,
} from '../../gen/drover/store/v1/rows_pb.ts';
import { ReadinessRowSchema, type ReadinessRow } from '../../gen/drover/store/v1/readiness_pb.ts';
import type { AuditEntry } from '../../gen/drover/v1/audit_pb.ts';
import { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import { isRunOpen } from '../task/run-states.ts';
import { chained, emptyLog, encodeEntry, headAt } from './audit-chain.ts';
import { keys, under, webhookPrefixes } from './keys.ts';
import type { UnwrittenRows } from './commit-queue.ts';
import { LevelReader, type OpenedStore } from './level-reader.ts';
import type { Database } from './open-database.ts';
import { encodeFileIdPath, encodeFileIdRow, encodeLedgerRow } from './row-bytes.ts';
import {
  countRows,
  rowChangesOf,
  rowTotalsOf,
  type RowChange,
  type RowTotals,
} from './row-changes.ts';
import type { ReadLedger } from './ledger-ahead.ts';
import { readError } from './store-errors.ts';
import type { BatchKey, LedgerRange, RunKey, StoredEntry, Transaction } from './store.ts';

const nothing = new Uint8Array(0);

const allWritten: UnwrittenRows = {
  has: () => false,
  hasUnder: () => false,
  get: () => undefined,
  written: () => Promise.resolve(),
};

/** Collects writes; indexes follow their rows. */
export class LevelTransaction extends LevelReader implements Transaction {
  /** What the commit will write; undefined deletes. */
  readonly writes = new Map<string, Uint8Array | undefined>();

  readonly #unwritten: UnwrittenRows;

  /** `unwritten` is what earlier commits put and nobody has written yet. */
  constructor(opened: OpenedStore, unwritten: UnwrittenRows = allWritten) {
    super(opened);
    this.#unwritten = unwritten;
  }

  protected override async whole(): Promise<Database> {
    await this.#unwritten.written();
    return this.database;
  }

  protected override async wholeUnder(prefix: string): Promise<Database> {
    return this.#unwritten.hasUnder(prefix) ? this.whole() : this.database;
  }

  // At once, not in another thread: what a commit reads was written or read a moment ago, and is had sooner than a thread is woken.
  protected override async get(key: string): Promise<Uint8Array | undefined> {
    return this.writes.has(key) ? this.writes.get(key) : this.#before(key);
  }

  /** What stood under the key before this transaction. */
  #before(key: string): Uint8Array | undefined {
    if (this.#unwritten.has(key)) return this.#unwritten.get(key);
    const { known } = this.opened;
    const row = known.get(key);
    if (row !== undefined) return row;
    try {
      const found = this.database.getSync(key);
      // Nothing can have been written meanwhile.
      known.set(key, found);
      return found;
    } catch (error) {
      throw readError(this.opened.folder, error);
    }
  }

  protected override async getMany(rowKeys: string[]): Promise<(Uint8Array | undefined)[]> {
    // What is not written yet is looked up first: it may be written while the rest is read.
    const known = new Map(
      rowKeys.flatMap((key) => {
        if (this.writes.has(key)) return [[key, this.writes.get(key)] as const];
        return this.#unwritten.has(key) ? [[key, this.#unwritten.get(key)] as const] : [];
      }),
    );
    const found = await super.getMany(rowKeys);
    return found.map((bytes, index) =>
      known.has(rowKeys[index]!) ? known.get(rowKeys[index]!) : bytes,
    );
  }

  #put<D extends DescMessage>(schema: D, key: string, row: MessageShape<D>): void {
    this.writes.set(key, toBinary(schema, row));
  }

  #index(key: string, stands: boolean): void {
    this.writes.set(key, stands ? nothing : undefined);
  }

  putTask(id: string, row: TaskRow): void {
    this.#put(TaskRowSchema, keys.task(id), row);
  }

  async isBeingDeleted(id: string): Promise<boolean> {
    const marks = [keys.deletedTask(id), keys.deletedRuns(id)];
    const standing = await Promise.all(marks.map((key) => this.get(key)));
    return standing.some((mark) => mark !== undefined);
  }

  deleteTask(id: string, kept?: KeptLedgerRow): void {
    this.writes.set(keys.task(id), undefined);
    if (kept === undefined) {
      this.writes.set(keys.keptLedger(id), undefined);
      this.writes.set(keys.deletedTask(id), nothing);
    } else {
      this.#put(KeptLedgerRowSchema, keys.keptLedger(id), kept);
      this.writes.set(keys.deletedRuns(id), nothing);
    }
  }

  takeLedger(id: string): void {
    this.writes.set(keys.keptLedger(id), undefined);
  }

  putRun(key: RunKey, row: RunRow): void {
    this.#put(RunRowSchema, keys.run(key), row);
    this.#index(keys.openRun(key), isRunOpen(row.run!.state));
  }

  putReadiness(key: RunKey, row: ReadinessRow): void {
    this.#put(ReadinessRowSchema, keys.readiness(key), row);
  }

  putBatch(key: BatchKey, row: BatchRow): void {
    this.#put(BatchRowSchema, keys.batch(key), row);
    const { state } = row.lease!;
    this.#index(keys.pendingBatch(key, row.phase), state === LeaseState.PENDING);
    this.#index(keys.leasedBatch(key), state === LeaseState.LEASED);
    // The one way in which a batch comes into another phase.
    if (row.phase === BatchPhase.GONE)
      this.#index(keys.pendingBatch(key, BatchPhase.GONE_FOLDERS), false);
  }

  putBatchItems(key: BatchKey, items: Uint8Array): void {
    this.writes.set(keys.batchItems(key), items);
  }

  putBatchResults(key: BatchKey, results: Uint8Array): void {
    this.writes.set(keys.batchResults(key), results);
  }

  putLedger(task: string, itemPath: string, row: LedgerRow): void {
    this.updateLedger(task, itemPath, row);
    // What is kept of a file that is gone must not take the id from the path that the file may have now.
    if (row.fileId === 0n || row.goneRun !== 0) return;
    this.writes.set(keys.fileId(task, row.fileId), encodeFileIdPath(itemPath));
  }

  updateLedger(task: string, itemPath: string, row: LedgerRow): void {
    this.#writeLedger(task, itemPath, encodeLedgerRow(row));
  }

  async deleteLedger(task: string, itemPath: string): Promise<void> {
    const [row] = await this.ledgerRows(task, [itemPath]);
    this.#writeLedger(task, itemPath, undefined);
    if (row !== undefined) await this.dropFileId(task, row.fileId, itemPath);
  }

  #writeLedger(task: string, itemPath: string, row: Uint8Array | undefined): void {
    this.writes.set(keys.ledger(task, itemPath), row);
    this.opened.ahead.forget(task);
  }

  // What is read ahead was read when all that had been committed before was written.
  override ledgerRange(task: string, range: LedgerRange, limit: number): Promise<StoredEntry[]> {
    const read: ReadLedger = (part, most) => super.ledgerRange(task, part, most);
    return this.opened.ahead.range(task, range, { limit, read });
  }

  putFileId(task: string, id: bigint, row: FileIdRow): void {
    this.writes.set(keys.fileId(task, id), encodeFileIdRow(row));
  }

  async dropFileId(task: string, id: bigint, itemPath: string): Promise<void> {
    if (id === 0n) return;
    const [row] = await this.fileIds(task, [id]);
    if (row?.path === itemPath) this.writes.set(keys.fileId(task, id), undefined);
  }

  putUnreported(task: string, itemPath: string, row: UnreportedRow): void {
    this.#put(UnreportedRowSchema, keys.unreported(task, itemPath), row);
  }

  deleteUnreported(task: string, itemPath: string): void {
    this.writes.set(keys.unreported(task, itemPath), undefined);
  }

  putName(task: string, itemPath: string, row: NameRow): void {
    this.#put(NameRowSchema, keys.name(task, itemPath), row);
  }

  deleteName(task: string, itemPath: string): void {
    this.writes.set(keys.name(task, itemPath), undefined);
  }

  putAgent(id: string, row: AgentRow): void {
    this.#put(AgentRowSchema, keys.agent(id), row);
  }

  deleteAgent(id: string): void {
    this.writes.set(keys.agent(id), undefined);
  }

  putJoinToken(secretHash: string, row: JoinTokenRow): void {
    this.#put(JoinTokenRowSchema, keys.joinToken(secretHash), row);
  }

  putAccessToken(id: string, row: AccessTokenRow): void {
    this.#put(AccessTokenRowSchema, keys.accessToken(id), row);
  }

  putWebhook(id: string, row: WebhookRow): void {
    this.#put(WebhookRowSchema, keys.webhook(id), row);
  }

  async deleteWebhook(id: string): Promise<void> {
    this.writes.set(keys.webhook(id), undefined);
    for (const prefix of webhookPrefixes(id))
      for (const key of await this.read((await this.wholeUnder(prefix)).keys(under(prefix)).all()))
        this.writes.set(key, undefined);
  }

  putWebhookEvent(webhook: string, event: bigint, row: WebhookEventRow): void {
    this.#put(WebhookEventRowSchema, keys.webhookEvent(webhook, event), row);
  }

  deleteWebhookEvent(webhook: string, event: bigint): void {
    this.writes.set(keys.webhookEvent(webhook, event), undefined);
  }

  putDeadLetter(webhook: string, event: bigint, row: WebhookEventRow): void {
    this.#put(WebhookEventRowSchema, keys.deadLetter(webhook, event), row);
  }

  deleteDeadLetter(webhook: string, event: bigint): void {
    this.writes.set(keys.deadLetter(webhook, event), undefined);
  }

  putRequest(id: string, row: RequestRow): void {
    this.#put(RequestRowSchema, keys.request(id), row);
  }

  putSettings(row: SettingsRow): void {
    this.#put(SettingsRowSchema, keys.settings, row);
  }

  rowChanges(): Promise<RowChange[]> {
    return rowChangesOf(this.writes, async (key) => this.#before(key));
  }

  async rowChangesOf<K extends RowChange['kind']>(
    ...kinds: K[]
  ): Promise<(RowChange & { kind: K })[]> {
    const changes = await rowChangesOf(this.writes, async (key) => this.#before(key), kinds);
    return changes as (RowChange & { kind: K })[];
  }

  changedRows(): number {
    return countRows(this.writes);
  }

  rowTotals(): Map<RowChange['kind'], RowTotals> {
    return rowTotalsOf(this.writes, (key) => this.#before(key));
  }

  async appendAudit(entry: AuditEntry): Promise<AuditEntry> {
    const next = chained(entry, (await this.auditHead()) ?? emptyLog);
    this.writes.set(keys.audit(next.number), encodeEntry(next));
    this.#put(AuditHeadRowSchema, keys.auditHead, headAt(next));
    return next;
  }
}
