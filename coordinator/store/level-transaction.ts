// What one commit reads and is about to write.
import { toBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import {
  AgentRowSchema,
  BatchRowSchema,
  JoinTokenRowSchema,
  LeaseState,
  LedgerRowSchema,
  NameRowSchema,
  RequestRowSchema,
  RunRowSchema,
  SettingsRowSchema,
  TaskRowSchema,
  type AgentRow,
  type BatchRow,
  type JoinTokenRow,
  type LedgerRow,
  type NameRow,
  type RequestRow,
  type RunRow,
  type SettingsRow,
  type TaskRow,
} from '../../gen/drover/store/v1/rows_pb.ts';
import { isRunOpen } from '../task/run-states.ts';
import { keys } from './keys.ts';
import { LevelReader } from './level-reader.ts';
import type { BatchKey, RunKey, Transaction } from './store.ts';

const nothing = new Uint8Array(0);

/** Collects writes; indexes follow their rows. */
export class LevelTransaction extends LevelReader implements Transaction {
  /** What the commit will write; undefined deletes. */
  readonly writes = new Map<string, Uint8Array | undefined>();

  protected override async get(key: string): Promise<Uint8Array | undefined> {
    return this.writes.has(key) ? this.writes.get(key) : super.get(key);
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
    return (await this.get(keys.deletedTask(id))) !== undefined;
  }

  deleteTask(id: string): void {
    this.writes.set(keys.task(id), undefined);
    this.writes.set(keys.deletedTask(id), nothing);
  }

  putRun(key: RunKey, row: RunRow): void {
    this.#put(RunRowSchema, keys.run(key), row);
    this.#index(keys.openRun(key), isRunOpen(row.run!.state));
  }

  putBatch(key: BatchKey, row: BatchRow): void {
    this.#put(BatchRowSchema, keys.batch(key), row);
    const { state } = row.lease!;
    this.#index(keys.pendingBatch(key, row.phase), state === LeaseState.PENDING);
    this.#index(keys.leasedBatch(key), state === LeaseState.LEASED);
  }

  putBatchItems(key: BatchKey, items: Uint8Array): void {
    this.writes.set(keys.batchItems(key), items);
  }

  putBatchResults(key: BatchKey, results: Uint8Array): void {
    this.writes.set(keys.batchResults(key), results);
  }

  putLedger(task: string, itemPath: string, row: LedgerRow): void {
    this.#put(LedgerRowSchema, keys.ledger(task, itemPath), row);
  }

  putName(task: string, itemPath: string, row: NameRow): void {
    this.#put(NameRowSchema, keys.name(task, itemPath), row);
  }

  putAgent(id: string, row: AgentRow): void {
    this.#put(AgentRowSchema, keys.agent(id), row);
  }

  putJoinToken(secretHash: string, row: JoinTokenRow): void {
    this.#put(JoinTokenRowSchema, keys.joinToken(secretHash), row);
  }

  putRequest(id: string, row: RequestRow): void {
    this.#put(RequestRowSchema, keys.request(id), row);
  }

  putSettings(row: SettingsRow): void {
    this.#put(SettingsRowSchema, keys.settings, row);
  }
}
