// The audit log: what was changed, in the same commit as the change, and what was refused.
//
// The services work on `store`, and cannot change anything without an entry: their commits end with one about all that they changed of what
// people keep. What the coordinator does to get on with the work goes through the other store, which writes none.
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { AuditEntrySchema } from '../../gen/drover/v1/audit_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError, reasonByName, reasonName } from '../../lib/error.ts';
import { formatCount, shorten } from '../../lib/format.ts';
import type { Logger } from '../../lib/log.ts';
import type { Clock } from '../../lib/time.ts';
import type { Store, Transaction } from '../store/store.ts';
import { addressGroup } from './address-group.ts';
import { currentCall, type AuditCall } from './audit-call.ts';
import { auditChanges, summedChanges } from './audit-changes.ts';
import { FloodGate, type Counted } from './flood-gate.ts';

/** A caller decides how long what it sends is; an entry has a limit. */
const messageLengthMax = 500;
const nameLengthMax = 200;
/** How many changes are told one by one in an entry. Of more, as a file of tasks makes them, the entry says how many. */
const changesMax = 100;

export interface AuditLogParts {
  store: Store;
  clock: Clock;
  log: Logger;
}

type Entry = MessageInitShape<typeof AuditEntrySchema>;

export class AuditLog {
  /** The store whose commits enter what they change. */
  readonly store: Store;
  readonly #parts: AuditLogParts;
  readonly #gate: FloodGate;
  #writing: Promise<unknown> = Promise.resolve();

  constructor(parts: AuditLogParts) {
    const { store, clock } = parts;
    this.#parts = parts;
    this.store = store.withFinish((transaction) => this.#enterChanges(transaction));
    this.#gate = new FloodGate(clock, (counted) => void this.#enterCounted(counted));
  }

  /** Enters a call that was refused, or failed; resolves when it is written or counted. Never rejects. */
  async refused(call: AuditCall, thrown: unknown): Promise<void> {
    const { reason, message, metadata } = DroverError.from(thrown);
    const resource = call.resource || (metadata['name'] ?? '');
    await this.#enterOften({ ...entryOf(call), resource, reason, message });
  }

  /** Enters something that changes no row, such as that a certificate was renewed. Never rejects. */
  async note(call: AuditCall, facts: { resource: string; message: string }): Promise<void> {
    await this.#enterOften({ ...entryOf(call), ...facts });
  }

  /** Writes what was counted; resolves when nothing more is written. Idempotent. */
  async close(): Promise<void> {
    await this.#enterCounted(this.#gate.close());
    await this.#writing;
  }

  async #enterChanges(transaction: Transaction): Promise<void> {
    const isMany = transaction.changedRows() > changesMax;
    const changes = isMany
      ? summedChanges(transaction.rowTotals())
      : auditChanges(await transaction.rowChanges());
    const call = currentCall();
    const { note: message = '' } = call;
    if (changes.length === 0 && message === '') return;
    const resource = call.resource || (changes[0]?.resource ?? '');
    await transaction.appendAudit(this.#complete({ ...entryOf(call), resource, message, changes }));
  }

  /** Enters what callers can repeat as often as they like. */
  async #enterOften(entry: Entry): Promise<void> {
    const source = `${entry.caller ?? ''} ${addressGroup(entry.address ?? '')}`;
    const outcome = entry.reason ? reasonName(entry.reason) : 'done';
    const isFlood = entry.reason === ErrorReason.TOO_MANY_CALLS;
    if (this.#gate.admits(source, `${outcome} ${entry.method}`, isFlood))
      await this.#write([entry]);
  }

  /** What was too much to be entered one by one. */
  async #enterCounted(counted: readonly Counted[]): Promise<void> {
    if (counted.length > 0) await this.#write(counted.map(countedEntry));
  }

  async #write(entries: readonly Entry[]): Promise<void> {
    const { store, log } = this.#parts;
    const writing = store
      .commit(async (transaction) => {
        for (const entry of entries) await transaction.appendAudit(this.#complete(entry));
      })
      .catch((error: unknown) => log.error({ err: error, entries }, 'cannot write to the audit log')); // oxfmt-ignore
    this.#writing = Promise.all([this.#writing, writing]);
    await writing;
  }

  #complete(entry: Entry) {
    return create(AuditEntrySchema, {
      ...entry,
      time: timestampFromMs(this.#parts.clock.now()),
      caller: shorten(entry.caller ?? '', nameLengthMax),
      resource: shorten(entry.resource ?? '', nameLengthMax),
      message: shorten(entry.message ?? '', messageLengthMax),
    });
  }
}

function entryOf({ caller, role, address, method, requestId, resource }: AuditCall): Entry {
  return { caller, role, address, method, requestId, resource };
}

function countedEntry({ source, kinds, sinceMs }: Counted): Entry {
  const count = [...kinds.values()].reduce((sum, one) => sum + one, 0);
  const since = new Date(sinceMs).toISOString();
  const sorted = [...kinds].toSorted(([, one], [, other]) => other - one);
  const listed = sorted.map(([kind, times]) => `${formatCount(times)} × ${kind}`).join(', ');
  const space = source.lastIndexOf(' ');
  const from = source === '' ? ' from many addresses' : '';
  return {
    caller: source.slice(0, Math.max(0, space)),
    address: source.slice(space + 1),
    method: 'attempts that were counted',
    // That of most of them.
    reason: reasonByName(sorted[0]![0].split(' ', 1)[0]!) ?? ErrorReason.UNSPECIFIED,
    message: `${formatCount(count)} more ${count === 1 ? 'attempt' : 'attempts'}${from} since ${since} than are entered one by one: ${listed}`,
  };
}
