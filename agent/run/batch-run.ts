// One batch: a job for a thread, and the frame with its results.
import { hash } from 'node:crypto';
import { MessageChannel } from 'node:worker_threads';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { BatchItemsSchema, BatchResultsSchema } from '../../gen/drover/v1/columns_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemState } from '../../gen/drover/v1/item_pb.ts';
import {
  AttachRequestSchema,
  type AttachRequest,
  type BatchLease,
} from '../../gen/drover/v1/session_pb.ts';
import { isSignInReason } from '../credential/sign-in-reason.ts';
import {
  createSharedJobState,
  isStopped,
  type ItemUpload,
  type JobResult,
  type JobTenant,
  type SharedJobState,
  type SweepJob,
} from '../pool/jobs.ts';
import type { Pool } from '../pool/pool.ts';
import { answerNotes, type WriteNote } from '../pool/write-notes.ts';
import type { UnfinishedBatch } from './journal.ts';
import { runSettings } from './run-settings.ts';
import type { Trouble } from './trouble.ts';

const sha256Bytes = 32;
const quickXorHashBytes = 20;

export interface BatchRunParts {
  lease: BatchLease;
  partTag: string;
  /** What an earlier process of this agent left open of the batch. */
  uploads: readonly ItemUpload[];
  /** What the job needs to reach its destination; undefined for a folder. Asked when the job begins. */
  openTenant: () => JobTenant | undefined;
  /** The job could not be done because the sign-in does not work. */
  onSignInTrouble: (trouble: Trouble) => void;
  /** Hears why the source cannot be read as a whole; undefined when it could be. */
  onSource: (trouble: Trouble | undefined) => void;
  /** The same of a destination folder. */
  onDestination: (trouble: Trouble | undefined) => void;
  /** The items are no BatchItems, so that nothing can be said of any of them. */
  onUnreadable: (message: string) => void;
  /** Keeps what is about to be written that is not what the scan found; answers with false when the job was stopped before it could. */
  keepNote: (note: WriteNote, shared: SharedJobState) => Promise<boolean>;
}

export class BatchRun {
  readonly work = 'batch';
  readonly shared = createSharedJobState(0);
  readonly #parts: BatchRunParts;
  #begun = false;
  #isDestinationLost = false;

  constructor(parts: BatchRunParts) {
    this.#parts = parts;
  }

  /** The job that cleans up, when there is something open that nobody has gone on with, or out of reach; undefined when there is nothing. */
  get leftOpen(): UnfinishedBatch | undefined {
    const { lease, uploads } = this.#parts;
    const isLeft = this.#isDestinationLost || (!this.#begun && uploads.length > 0);
    return isLeft ? { lease, uploads: [...uploads] } : undefined;
  }

  /**
   * Runs the batch until it ends or is stopped; answers with its BatchDone, if there is anything to tell: nothing when the sign-in did not
   * work, or source or destination were out of reach, because others may do the items, or when the items cannot be read. Never rejects.
   */
  async run(pool: Pool): Promise<AttachRequest | undefined> {
    const { lease, partTag, uploads, openTenant, onUnreadable, keepNote } = this.#parts;
    const { onSignInTrouble, onSource, onDestination } = this.#parts;
    this.#begun = true;
    const { port1: ownEnd, port2: notes } = new MessageChannel();
    answerNotes(ownEnd, (note) => keepNote(note, this.shared));
    const result = await pool.run({
      kind: 'batch',
      source: lease.source,
      destination: lease.destination,
      destinationHoldsItems: lease.destinationHoldsItems,
      run: runOfLease(lease.key!.lease),
      tenant: openTenant(),
      uploads,
      settings: runSettings(lease.settings),
      phase: lease.phase,
      items: ownBytes(lease.items),
      partTag,
      generation: lease.key!.generation,
      shared: this.shared,
      notes,
    });
    ownEnd.close();
    // Whoever connects shares has said so.
    if (result.kind === 'failed' && result.reason === ErrorReason.SOURCE_SIGN_IN_FAILED)
      return undefined;
    if (result.kind === 'failed' && isSignInReason(result.reason)) {
      // Whoever was told to stop may have been told because of this, and it may be over.
      if (!isStopped(this.shared))
        onSignInTrouble({ reason: result.reason as ErrorReason, message: result.message });
      return undefined;
    }
    if (result.kind === 'batch-done') {
      onSource(undefined);
      onDestination(undefined);
    }
    if (result.kind === 'source-lost')
      onSource({ reason: result.reason as ErrorReason, message: result.message });
    this.#isDestinationLost = result.kind === 'destination-lost';
    if (result.kind === 'destination-lost')
      onDestination({ reason: result.reason as ErrorReason, message: result.message });
    if (result.kind === 'failed' && !isReadable(lease.items)) {
      onUnreadable(result.message);
      return undefined;
    }
    const results = batchResults(result, lease.items);
    if (results === undefined) return undefined;
    const partial = result.kind !== 'batch-done' && result.kind !== 'failed';
    const value = { key: lease.key!, results, partial };
    return create(AttachRequestSchema, { frame: { case: 'batchDone', value } });
  }
}

/** The job that removes what a process which died left half-written of this batch. */
export function sweepJob(
  { lease, uploads }: UnfinishedBatch,
  partTag: string,
  tenant: JobTenant | undefined,
): SweepJob {
  return {
    kind: 'sweep',
    destination: lease.destination,
    destinationHoldsItems: lease.destinationHoldsItems,
    run: runOfLease(lease.key?.lease ?? ''),
    tenant,
    uploads,
    items: ownBytes(lease.items),
    partTag,
    generation: lease.key!.generation,
  };
}

/** The run that a lease belongs to, tasks/{task}/runs/{run}. */
export function runOfLease(lease: string): string {
  return lease.split('/').slice(0, 4).join('/');
}

/**
 * What names the half-written files of the run that a lease belongs to: the same for every agent, batch and generation, and another for a
 * run of the same name of another coordinator; 16 hexadecimal digits.
 */
export function partTagOf(authority: string, lease: string): string {
  return hash('sha256', `${authority}\0${runOfLease(lease)}`).slice(0, 16);
}

function batchResults(result: JobResult, items: Uint8Array): Uint8Array | undefined {
  switch (result.kind) {
    case 'batch-done':
    case 'stopped':
    case 'source-lost':
      return result.results;
    case 'failed':
      return failedResults(items, result.reason as ErrorReason, result.message);
    default:
      return undefined;
  }
}

function isReadable(items: Uint8Array): boolean {
  try {
    fromBinary(BatchItemsSchema, items);
    return true;
  } catch {
    return false;
  }
}

/** Encoded BatchResults that say of every item of a batch that it failed for this reason. */
export function failedResults(
  items: Uint8Array,
  reason: ErrorReason,
  message: string,
): Uint8Array<ArrayBuffer> {
  const count = fromBinary(BatchItemsSchema, items).path.length;
  const zeros = new Array<bigint>(count).fill(0n);
  const results = create(BatchResultsSchema, {
    state: new Array<ItemState>(count).fill(ItemState.FAILED),
    size: zeros,
    modifiedNs: zeros,
    destinationModifiedNs: zeros,
    sha256: new Uint8Array(count * sha256Bytes),
    quickXorHash: new Uint8Array(count * quickXorHashBytes),
    attempts: new Array<number>(count).fill(1),
    remark: Array.from({ length: count }, (_, index) => ({ index, reason, message })),
  });
  return toBinary(BatchResultsSchema, results);
}

// A part of a larger buffer crosses to a thread with the whole of it.
function ownBytes(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
}
