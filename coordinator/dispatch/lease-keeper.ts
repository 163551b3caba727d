// Leases while they live: given, kept over a broken stream, taken back. The store knows who holds what; this adds deadlines
// and sessions.
import { create } from '@bufbuild/protobuf';
import { LeaseState, type RunRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { LeaseKeySchema, type LeaseKey } from '../../gen/drover/v1/session_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { Logger } from '../../lib/log.ts';
import type { Clock } from '../../lib/time.ts';
import type { RunKey, Store } from '../store/store.ts';
import { agentName, batchLeaseId, runName, scanLeaseId, type LeaseTarget } from '../task/names.ts';
import { commitRelease, type Grant } from './lease-commit.ts';
import { isBatch, LeaseTable, type LiveLease } from './lease-table.ts';
import { notUnderstood, type Need } from './reach.ts';
import type { Session } from './session.ts';
import type { WorkSize } from './work-size.ts';

export interface LeaseKeeperParts {
  store: Store;
  clock: Clock;
  log: Logger;
  leaseTtlMs: number;
  /** What a run asks of its agents; undefined when it has ended. */
  needOf: (run: RunKey) => Need | undefined;
  /** A lease ended without a result, and the store knows it: its work can be given out again. */
  onReleased: (lease: LiveLease) => Promise<void>;
}

export class LeaseKeeper {
  readonly table = new LeaseTable();
  readonly #parts: LeaseKeeperParts;

  constructor(parts: LeaseKeeperParts) {
    this.#parts = parts;
  }

  /** Takes over the leases that were given before this process began: their agents have the usual time to come back. */
  async adopt(key: RunKey, row: RunRow): Promise<void> {
    const { store } = this.#parts;
    const scan = row.scan!.lease!;
    if (scan.state === LeaseState.LEASED)
      this.#add(key, { target: { kind: 'scan', run: key }, size: noSize, ...scan });
    for (const batch of await store.leasedBatches(key)) {
      const { lease, items, bytes } = (await store.batch({ ...key, batch }))!;
      const target: LeaseTarget = { kind: 'batch', batch: { ...key, batch } };
      this.#add(key, { target, size: { items, bytes }, ...lease! });
    }
  }

  /** Tells the agent of a lease that was committed. `attached` is false when it left meanwhile and can never hear of it. */
  give({ session, feed, target, generation, size, frame }: Grant, attached: boolean): void {
    const lease = this.#add(feed.key, { target, size, generation, agent: session.agent });
    if (attached) {
      this.table.hold(lease, session, this.#parts.clock.steady());
      session.send(frame);
    } else lease.expiresAtMs = this.#parts.clock.steady();
  }

  /** The lease of this key, if this session holds it. */
  held(session: Session, key: LeaseKey): LiveLease | undefined {
    const lease = this.table.get(key.lease);
    const holds = lease?.generation === key.generation && lease.session === session;
    return holds ? lease : undefined;
  }

  /** The agent was heard of. One that was told to stop has until its deadline, whatever else it says. */
  extend(lease: LiveLease): void {
    if (!lease.revoking) lease.expiresAtMs = this.#deadline();
  }

  /** The agent has reported its result, and it is stored. */
  finish(lease: LiveLease): void {
    this.table.remove(lease, this.#parts.clock.steady());
  }

  /**
   * Joins what a hello names with what is known, and takes back what it does not name, and what the agent does not understand any more: it may
   * have come back with an older version.
   */
  async resume(session: Session): Promise<void> {
    const kept = new Set<LiveLease>();
    for (const key of session.hello.leases) {
      const lease = this.table.get(key.lease);
      const unknown = lease === undefined ? [] : this.#unknownIn(session, lease.run);
      if (unknown.length > 0)
        session.revoke(key, `its run needs settings that this version does not know: ${unknown.join(', ')}`); // oxfmt-ignore
      else if (lease?.generation === key.generation && lease.agent === session.agent) {
        kept.add(lease);
        this.table.hold(lease, session, this.#parts.clock.steady());
        this.extend(lease);
        if (lease.revoking) session.revoke(key, 'it was taken back', isBatch(lease));
      } else session.revoke(key, 'the work was given to another agent');
    }
    for (const lease of this.table.ofAgent(session.agent))
      if (!kept.has(lease)) await this.release(lease);
  }

  /** The session is gone; its leases wait for the agent until they expire. */
  detach(session: Session): void {
    for (const lease of this.table.ofSession(session)) this.table.leave(lease);
  }

  /**
   * Tells the agent to stop; the lease is free when it says that it has, or when its time is over. One whose agent is away is free at
   * once. What was done of a batch is taken, unless its run has ended. An agent that was told already is not told again.
   */
  async revoke(lease: LiveLease, message: string, runIsOpen = true): Promise<void> {
    if (lease.session === undefined) return this.release(lease);
    if (lease.revoking) return;
    lease.revoking = true;
    lease.session.revoke(keyOf(lease), message, runIsOpen && isBatch(lease));
  }

  /** Ends a lease without a result; nothing to do when it has ended already. */
  async release(lease: LiveLease): Promise<void> {
    const { store, clock, onReleased } = this.#parts;
    if (this.table.get(lease.id) !== lease) return;
    this.table.remove(lease, clock.steady());
    try {
      await commitRelease(store, lease, clock.now());
    } catch (error) {
      // The result came in while the lease was on its way back.
      if (DroverError.from(error).reason === ErrorReason.LEASE_LOST) return;
      // The store still says that it is held, so that it must stay known: the next expiry tries again.
      lease.expiresAtMs = clock.steady();
      this.table.add(lease);
      throw error;
    }
    await onReleased(lease);
  }

  /** Takes back every lease whose agent was silent for too long. */
  async expire(): Promise<void> {
    const { clock, log } = this.#parts;
    for (const lease of this.table.expired(clock.steady())) {
      const { id, run, generation, agent, session } = lease;
      log.warn(
        { run: runName(run), lease: id, generation, agent: agentName(agent) },
        'lease expired',
      );
      session?.revoke(keyOf(lease), 'it expired');
      await this.release(lease);
    }
  }

  /** The names of the settings that count in the run and that the agent does not understand. */
  #unknownIn({ offered }: Session, run: RunKey): string[] {
    const need = this.#parts.needOf(run);
    return need === undefined ? [] : notUnderstood(offered, need).map(({ name }) => name);
  }

  #add(run: RunKey, given: Given): LiveLease {
    const { target, size, generation, agent } = given;
    const lease: LiveLease = {
      id: target.kind === 'scan' ? scanLeaseId(target.run) : batchLeaseId(target.batch),
      target,
      run,
      generation,
      agent,
      size,
      session: undefined,
      expiresAtMs: this.#deadline(),
      startTimeMs: undefined,
      items: 0n,
      bytes: 0n,
      revoking: false,
    };
    this.table.add(lease);
    return lease;
  }

  #deadline(): number {
    return this.#parts.clock.steady() + this.#parts.leaseTtlMs;
  }
}

/** What is known of a lease when it is given. */
interface Given {
  target: LeaseTarget;
  size: WorkSize;
  generation: number;
  agent: string;
}

const noSize: WorkSize = { items: 0, bytes: 0n };

function keyOf({ id, generation }: LiveLease): LeaseKey {
  return create(LeaseKeySchema, { lease: id, generation });
}
