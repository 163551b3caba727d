// What the journal keeps of the leases that an agent holds, and the sweeping up after those whose work died.
import type { BatchDone, BatchLease, LeaseKey, WriteNote } from '../../gen/drover/v1/session_pb.ts';
import { parseLocation, type Location } from '../../lib/location.ts';
import type { Logger } from '../../lib/log.ts';
import { chunkBytesFirst } from '../destination/sharepoint/chunk-size.ts';
import type { JobTenant } from '../pool/jobs.ts';
import type { Pool } from '../pool/pool.ts';
import { partTagOf, sweepJob } from './batch-run.ts';
import type { Journal, UnfinishedBatch } from './journal.ts';
import type { TenantHost } from './tenant-host.ts';

export interface LeaseJournalParts {
  pool: Pool;
  journal: Journal;
  /** Tells one coordinator's leases from another's; see partTagOf. */
  authority: string;
  /** Undefined when the agent has no sign-in to a tenant. */
  tenant: TenantHost | undefined;
  log: Logger;
}

/**
 * A journal that cannot be written, as on a full disk, must not stop a migration: what it would have kept is in memory too, and the
 * worst that follows is that the coordinator has a batch done once more when this process dies. So nothing here ever rejects. Only a note
 * has to be safe before its file is written, see PendingNotes.
 */
export class LeaseJournal {
  readonly #parts: LeaseJournalParts;
  /** What could not be swept up after, as when its destination is out of reach. */
  #unswept: UnfinishedBatch[] = [];
  #closed = false;

  constructor(parts: LeaseJournalParts) {
    this.#parts = parts;
  }

  /** Resolves when the journal has the lease. */
  record(lease: BatchLease): Promise<void> {
    return this.#guard('a lease', this.#parts.journal.recordLease(lease));
  }

  /** Resolves when the journal has the result. */
  save(result: BatchDone): Promise<void> {
    return this.#guard('a result', this.#parts.journal.saveResult(result));
  }

  /** Answers whether the journal has the note. */
  keepNote(note: WriteNote): Promise<boolean> {
    return this.#attempt('a note', this.#parts.journal.keepNote(note));
  }

  forgetNote(number: bigint): Promise<void> {
    return this.#guard('the end of a note', this.#parts.journal.forgetNote(number));
  }

  /** Deletes a lease and all that belongs to it. */
  forget(key: LeaseKey): Promise<void> {
    return this.#guard('an end', this.#parts.journal.forget(key));
  }

  /** Removes what a batch left half-written or open, and then forgets the lease. */
  async sweep(batch: UnfinishedBatch): Promise<void> {
    const { pool, log } = this.#parts;
    const { lease } = batch;
    const tenant = this.openTenant(lease.destination, lease.key);
    const result = await pool.run(sweepJob(batch, this.partTag(lease), tenant));
    if (result.kind === 'swept') return this.forget(lease.key!);
    this.#unswept.push(batch);
    if (!this.#closed) log.warn({ lease: lease.key?.lease, result }, 'half-written files may remain; it is tried again when the destination is back, and at the next start'); // oxfmt-ignore
  }

  /** Tries to sweep up again after all that could not be swept up after. */
  async sweepAgain(): Promise<void> {
    const batches = this.#unswept;
    this.#unswept = [];
    for (const batch of batches) await this.sweep(batch);
  }

  /** What a job needs beside its own thread when it writes to a tenant; what it holds open is kept in the journal. */
  openTenant(destination: string, key: LeaseKey | undefined): JobTenant | undefined {
    const { tenant, journal } = this.#parts;
    if (tenant === undefined || key === undefined || !isTenantPlace(destination)) return undefined;
    return tenant.openJob((index, upload) =>
      this.#guard(
        'an open upload',
        journal.keepUpload(key, index, upload, (upload?.size ?? 0) > chunkBytesFirst),
      ),
    );
  }

  /** What names the half-written files of a lease. */
  partTag(lease: BatchLease): string {
    return partTagOf(this.#parts.authority, lease.key?.lease ?? '');
  }

  /** From now on what goes wrong is no news any more. */
  close(): void {
    this.#closed = true;
  }

  async #guard(what: string, change: Promise<void>): Promise<void> {
    await this.#attempt(what, change);
  }

  async #attempt(what: string, change: Promise<void>): Promise<boolean> {
    try {
      await change;
      return true;
    } catch (error) {
      if (!this.#closed)
        this.#parts.log.error({ err: error }, `the journal could not take ${what}`);
      return false;
    }
  }
}

/** Whether a batch goes on where it stood: only a file of several chunks is worth it, for of all others nothing was taken, or everything. */
export function isWorthResuming({ uploads }: UnfinishedBatch): boolean {
  return uploads.some(({ size }) => size > chunkBytesFirst);
}

/** Whether a destination is one that only an agent with a sign-in can write to. */
export function isTenantPlace(destination: string): boolean {
  return parseLocation(destination, 'destination').kind === 'sharepoint';
}

/** What a lease can be done with only, of what this agent has. */
export function usesOf(
  { source, destination }: { source: string; destination: string },
  { tenant }: { tenant: unknown },
): { usesTenant: boolean; places: Location[] } {
  const from = parseLocation(source, 'source');
  const to = parseLocation(destination, 'destination');
  return {
    usesTenant: tenant !== undefined && to.kind === 'sharepoint',
    places: to.kind === 'file' ? [from, to] : [from],
  };
}
