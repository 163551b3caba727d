// The leases an agent holds, and the doing of what the lease table says. It knows threads and the journal, and of the link
// only a function that sends: what is not acknowledged is sent again by whoever attaches next.
import { create } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import {
  AttachRequestSchema,
  HeartbeatSchema,
  type AttachRequest,
  type AttachResponse,
  type Attention,
  type BatchDone,
  type BatchLease,
  type FilterPreviewStart,
  type Heartbeat,
  type LeaseKey,
  type LeaseRevocation,
  type LocationCheck,
  type ScanLease,
} from '../../gen/drover/v1/session_pb.ts';
import { systemClock, type Clock } from '../../lib/time.ts';
import { noteEnding, progressBytes, progressItems, stopJob, untilEnding } from '../pool/jobs.ts';
import { shareOf } from '../source/share-pattern.ts';
import { BatchRun } from './batch-run.ts';
import { checkLocation } from './check-location.ts';
import { keyText, type UnfinishedBatch } from './journal.ts';
import { isWorthResuming, LeaseJournal, type LeaseJournalParts, usesOf } from './lease-journal.ts';
import {
  attentionOf,
  endOf,
  hasThread,
  isHindered,
  isRevoked,
  isScan,
  type Entry,
} from './lease-entry.ts';
import { stepLease, takesSlot, type HeldLease, type LeaseEvent } from './lease-table.ts';
import { FilterPreviews } from './filter-previews.ts';
import { PendingNotes } from './pending-notes.ts';
import { RefusedLeases } from './refused-leases.ts';
import { ScanRun } from './scan-run.ts';
import type { ShareHost } from './share-host.ts';
import { lookAtPlace } from './look-at-place.ts';
import { compileSourceRoots, guardSources } from './source-roots.ts';
import { PlaceWatch } from './place-watch.ts';
import { StandstillWatch } from './standstill.ts';
import type { Trouble } from './trouble.ts';

export interface WorkOptions extends LeaseJournalParts {
  /** How many leases may be worked on or wait; what comes beyond them is given back. */
  slots: number;
  /** What may be read; none: everything. @default none */
  sourceRoots?: readonly string[];
  /** Connects shares; undefined where this platform does not. */
  shares?: ShareHost | undefined;
  /** @default the machine's */
  clock?: Clock;
}

export class Work {
  readonly #options: WorkOptions;
  readonly #journal: LeaseJournal;
  readonly #notes: PendingNotes;
  readonly #previews: FilterPreviews;
  readonly #refused: RefusedLeases;
  readonly #standstill: StandstillWatch;
  readonly #places: PlaceWatch;
  readonly #mayRead: (lease: ScanLease | BatchLease) => boolean;
  readonly #entries = new Map<string, Entry>();
  readonly #waiters = new Set<() => void>();
  #send: ((frame: AttachRequest) => void) | undefined;
  /** Leases whose jobs are going. */
  readonly #going = new Set<Entry>();
  #named: LeaseKey[] = [];
  #attention: Attention | undefined;
  /** What the coordinator was told last of what is wrong. */
  #told: Attention | undefined;
  #draining = false;
  #closed = false;

  constructor(options: WorkOptions) {
    this.#options = options;
    this.#journal = new LeaseJournal(options);
    this.#notes = new PendingNotes(this.#journal);
    const { pool, slots, sourceRoots = [], clock = systemClock, log } = options;
    this.#refused = new RefusedLeases({ most: slots, clock, giveBack: (key) => this.#giveBack(key) }); // oxfmt-ignore
    this.#mayRead = guardSources(sourceRoots, { clock, log });
    const entries = () => this.#entries.values();
    const isAttached = () => this.#send !== undefined;
    this.#standstill = new StandstillWatch({ entries, isAttached, clock, log });
    this.#previews = new FilterPreviews({
      pool,
      clock,
      sourceRoots,
      mayRead: compileSourceRoots(sourceRoots),
    });
    this.#places = new PlaceWatch({
      look: (place) => lookAtPlace(place, options.shares),
      clock,
      log,
    });
    for (const watch of [options.tenant?.signIn, options.shares, this.#places])
      watch?.subscribe(() => this.#followTroubles());
  }

  /** Takes up what an earlier process left: its results are sent again, its half-written files are removed. */
  async restore(): Promise<void> {
    const { results, unfinished, notes } = await this.#options.journal.contents();
    this.#notes.restore(notes);
    for (const result of results) this.#addResult(result);
    for (const batch of unfinished)
      if (isWorthResuming(batch) && this.#mayRead(batch.lease)) this.#resume(batch);
      else void this.#journal.sweep(batch);
  }

  /** Whether anything goes on that a watcher wants to see progress of. */
  get busy(): boolean {
    return this.#going.size > 0;
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** What the agent cannot do at the moment, for the hello. */
  attention(): Attention | undefined {
    return (this.#told = this.#attention);
  }

  /** Every lease that is held, for the hello; what is not named there the coordinator gives to somebody else. */
  leases(): LeaseKey[] {
    this.#named = Array.from(this.#entries.values(), (entry) => entry.key);
    return this.#named;
  }

  /** From now on frames go to `send`, first of all those that were not acknowledged. */
  attach(send: (frame: AttachRequest) => void): void {
    this.#send = send;
    // What the tenant throttles grows from what is said now: else what comes to it before the next heartbeat would count for nothing.
    const mayBeThrottled = this.#options.tenant !== undefined;
    if (mayBeThrottled || this.#told !== this.#attention) this.#announce();
    this.#notes.attach(send);
    // What went back between the hello and now had nobody to be sent to, and the hello said that it is held.
    for (const key of this.#named) if (!this.#entries.has(keyText(key))) this.#giveBack(key);
    this.#named = [];
    for (const { held, run } of this.#entries.values()) {
      if (!isRevoked(held) && run?.work === 'scan') run.unacknowledged().forEach(send);
      if (held.state === 'reporting') send(held.report);
    }
    // What an earlier process had begun goes on only now that the coordinator knows who has it.
    this.#startQueued();
  }

  /** The stream is lost: frames are kept until the next one. */
  detach(): void {
    this.#send = undefined;
    this.#notes.detach();
    this.#previews.stopAll();
    this.#refused.clear();
  }

  heartbeat(): Heartbeat {
    const leases = Array.from(this.#entries.values(), ({ key, run }) => ({
      key,
      items: run === undefined ? 0n : Atomics.load(run.shared.progress, progressItems),
      bytes: run === undefined ? 0n : Atomics.load(run.shared.progress, progressBytes),
    }));
    const attention = this.attention();
    const heartbeat = create(HeartbeatSchema, { leases, draining: this.#draining, ...(attention && { attention }) }); // oxfmt-ignore
    const throttling = this.#options.tenant?.throttling;
    if (throttling === undefined || throttling.requests + throttling.waitMs === 0) return heartbeat;
    heartbeat.throttledRequests = BigInt(throttling.requests);
    heartbeat.throttleWait = durationFromMs(throttling.waitMs);
    return heartbeat;
  }

  /** Takes a frame of the coordinator; a frame of an unknown kind is one of a newer version and is left alone. */
  receive({ frame }: AttachResponse): void {
    switch (frame.case) {
      case 'scanLease':
        return this.#accept(frame.value, (lease) => this.#scanRun(lease));
      case 'batchLease':
        return this.#accept(frame.value, (lease) => this.#batchRun({ lease, uploads: [] }));
      case 'locationCheck':
        void this.#checkLocation(frame.value);
        return;
      case 'filterPreviewStart':
        this.#preview(frame.value);
        return;
      case 'filterPreviewStop':
        return this.#previews.stop(frame.value.preview);
      case 'acknowledgement':
        return this.#acknowledge(frame.value.key, frame.value.page);
      case 'leaseRevocation':
        return this.#revoke(frame.value);
      default:
    }
  }

  /** Takes nothing new, gives back what has not begun, lets batches finish. Idempotent. */
  drain(): void {
    this.#draining = true;
    for (const entry of [...this.#entries.values()]) this.#apply(entry, { kind: 'drain' });
    this.#tell();
  }

  /** Resolves when `condition` holds, which is asked after every change. */
  async until(condition: (work: { leases: number; jobs: number }) => boolean): Promise<void> {
    while (!condition({ leases: this.#entries.size, jobs: this.#going.size }))
      await new Promise<void>((resolve) => this.#waiters.add(resolve));
  }

  /** Tells every job to stop and forgets about them; leases and results stay in the journal for the next process. */
  close(): void {
    this.#closed = true;
    this.#standstill.close();
    this.#places.close();
    this.#journal.close();
    this.detach();
    for (const { run } of this.#entries.values()) if (run !== undefined) stopJob(run.shared);
  }

  #accept<L extends ScanLease | BatchLease>(
    lease: L,
    start: (lease: L) => ScanRun | BatchRun,
  ): void {
    const { key } = lease;
    if (key === undefined || this.#entries.has(keyText(key))) return;
    if (!this.#mayRead(lease)) return this.#refused.add(key);
    const taken = Array.from(this.#entries.values()).filter(({ held }) => takesSlot(held)).length;
    const uses = this.#usesOf(lease);
    const isUnable = this.#draining || this.#closed || isHindered(uses, this.#attention);
    if (isUnable || taken >= this.#options.slots) return this.#giveBack(key);
    this.#stopOlder(key);
    const run = start(lease);
    const recorded =
      run.work === 'batch' ? this.#journal.record(lease as BatchLease) : Promise.resolve();
    const held: HeldLease = { state: 'queued', work: run.work };
    this.#hold({ key, held, run, ...uses, recorded });
    this.#startQueued();
  }

  /** When its share's account is refused, the coordinator hears of that before it gets the lease back. */
  #usesOf(lease: ScanLease | BatchLease): Pick<Entry, 'usesTenant' | 'places'> {
    const uses = usesOf(lease, this.#options);
    for (const place of uses.places)
      if (place.kind === 'unc') this.#options.shares?.want(shareOf(place));
    return uses;
  }

  #scanRun(lease: ScanLease): ScanRun {
    return new ScanRun(lease, {
      onPage: (page) => this.#page(page),
      sourceRoots: this.#options.sourceRoots ?? [],
      openTenant: () => this.#journal.openTenant(lease.destination, lease.key),
      onSignInTrouble: (trouble) => this.#options.tenant?.signIn.raise(trouble),
      ...this.#placeNotes(lease),
    });
  }

  /** Hears which end of a lease is out of reach, or is there. */
  #placeNotes({ source, destination }: ScanLease | BatchLease) {
    return {
      onSource: (trouble: Trouble | undefined) => this.#places.note(source, trouble),
      onDestination: (trouble: Trouble | undefined) => this.#places.note(destination, trouble),
    };
  }

  #batchRun({ lease, uploads }: UnfinishedBatch): BatchRun {
    return new BatchRun({
      lease,
      partTag: this.#journal.partTag(lease),
      uploads,
      openTenant: () => this.#journal.openTenant(lease.destination, lease.key),
      onSignInTrouble: (trouble) => this.#options.tenant?.signIn.raise(trouble),
      ...this.#placeNotes(lease),
      onUnreadable: (message) => {
        const { lease: name } = lease.key!;
        this.#options.log.error({ lease: name, message }, 'a batch whose items cannot be read is given back'); // oxfmt-ignore
      },
      keepNote: (note, shared) => this.#notes.keep(lease.key!, note, shared),
    });
  }

  /** A batch in whose file an earlier process stands: it is named in the hello, and goes on when the agent is attached. */
  #resume(batch: UnfinishedBatch): void {
    const { key } = batch.lease;
    if (key === undefined) return;
    const run = this.#batchRun(batch);
    const held: HeldLease = { state: 'queued', work: 'batch' };
    const uses = this.#usesOf(batch.lease);
    this.#hold({ key, held, run, ...uses, recorded: Promise.resolve() });
  }

  #hold(entry: Entry): void {
    this.#entries.set(keyText(entry.key), entry);
    this.#standstill.wake();
  }

  /** What is found is told on the stream that the question came on. */
  #preview(start: FilterPreviewStart): void {
    const send = this.#send;
    void this.#previews.start(start, (frame) => {
      if (send === this.#send) send?.(frame);
    });
  }

  /** Answered on the stream that the question came on: another one would not know it. */
  async #checkLocation(check: LocationCheck): Promise<void> {
    const send = this.#send;
    const answer = await checkLocation(check, this.#options.tenant);
    if (send === this.#send) send?.(answer);
  }

  // The coordinator gave the lease out again: what this agent still does of an older generation counts no more, and must
  // have ended before the newer one begins.
  #stopOlder(key: LeaseKey): void {
    for (const entry of [...this.#entries.values()])
      if (entry.key.lease === key.lease) this.#apply(entry, { kind: 'revoke', takesPart: false });
  }

  #acknowledge(key: LeaseKey | undefined, page: bigint): void {
    const entry = this.#entries.get(keyText(key));
    // The same number may be that of a note and of a page of a scan that has ended.
    if (page > 0n && !isScan(key)) this.#notes.acknowledge(page);
    else if (page > 0n && entry?.run?.work === 'scan') entry.run.acknowledge(page);
    else if (page === 0n && entry !== undefined) this.#apply(entry, { kind: 'acknowledge' });
  }

  #revoke({ key, message, takesPartial: takesPart }: LeaseRevocation): void {
    if (key === undefined) return;
    const { lease, generation } = key;
    this.#options.log.info({ lease, generation, takesPart, message }, 'lease revoked');
    this.#refused.forget(key);
    const entry = this.#entries.get(keyText(key));
    if (entry === undefined) this.#giveBack(key);
    else this.#apply(entry, { kind: 'revoke', takesPart });
  }

  #page(frame: AttachRequest): void {
    if (frame.frame.case !== 'scanPage') return;
    const entry = this.#entries.get(keyText(frame.frame.value.key));
    if (entry !== undefined && !isRevoked(entry.held)) this.#send?.(frame);
  }

  /**
   * Whoever cannot sign in, or reach a source or destination, says so first, so that nothing of what goes back comes again; then all that needs it stops,
   * and what was done of it by then is reported.
   */
  #followTroubles(): void {
    if (this.#closed) return;
    const { tenant, shares } = this.#options;
    this.#attention = attentionOf({
      tenant: tenant?.signIn.trouble,
      shares: shares?.trouble,
      places: this.#places.trouble,
    });
    this.#announce();
    if (this.#places.trouble === undefined) void this.#journal.sweepAgain();
    if (this.#attention === undefined) return;
    for (const entry of [...this.#entries.values()])
      if (isHindered(entry, this.#attention))
        this.#apply(entry, { kind: 'revoke', takesPart: true });
    this.#startQueued();
  }

  #announce(): void {
    this.#send?.(
      create(AttachRequestSchema, { frame: { case: 'heartbeat', value: this.heartbeat() } }),
    );
  }

  /** The one place where a lease changes. */
  #apply(entry: Entry, event: LeaseEvent): void {
    const { lease, effects } = stepLease(entry.held, event);
    if (lease === undefined) this.#entries.delete(keyText(entry.key));
    else entry.held = lease;
    for (const effect of effects) {
      switch (effect) {
        case 'run':
          void this.#runJob(entry);
          break;
        case 'stop':
        case 'stop-soon':
          if (entry.run !== undefined) stopJob(entry.run.shared, effect === 'stop' ? 'at-once' : 'soon'); // oxfmt-ignore
          break;
        case 'save':
          void this.#save(entry);
          break;
        case 'report':
          if (entry.held.state === 'reporting') this.#send?.(entry.held.report);
          break;
        case 'return':
          this.#giveBack(entry.key);
          break;
        case 'forget':
          this.#clean(entry);
      }
    }
    if (effects.length > 0) this.#tell();
  }

  /** Begins what waits, in the order in which it came: what cannot begin yet is not overtaken. */
  #startQueued(): void {
    for (const entry of this.#entries.values()) {
      if (this.#closed) return;
      if (entry.held.state !== 'queued' || this.#hasOlder(entry.key)) continue;
      if (!hasThread(entry, this.#going, this.#options.pool.threads)) return;
      this.#apply(entry, { kind: 'start' });
    }
  }

  #hasOlder(key: LeaseKey): boolean {
    return Array.from(this.#entries.values()).some(
      (other) => other.key.lease === key.lease && other.key.generation < key.generation,
    );
  }

  async #runJob(entry: Entry): Promise<void> {
    const run = entry.run!;
    this.#going.add(entry);
    void untilEnding(run.shared).then(() => this.#startQueued());
    await entry.recorded;
    const report = await run.run(this.#options.pool);
    this.#going.delete(entry);
    noteEnding(run.shared);
    if (!this.#closed) this.#apply(entry, endOf(report));
    this.#startQueued();
    this.#tell();
  }

  async #save(entry: Entry): Promise<void> {
    if (entry.held.state !== 'saving' || entry.held.report.frame.case !== 'batchDone') return;
    await this.#journal.save(entry.held.report.frame.value);
    if (!this.#closed) this.#apply(entry, { kind: 'saved' });
    this.#startQueued();
  }

  #addResult(result: BatchDone): void {
    if (result.key === undefined) return;
    const report = create(AttachRequestSchema, { frame: { case: 'batchDone', value: result } });
    const held: HeldLease = { state: 'reporting', work: 'batch', report };
    const { key } = result;
    const uses = { usesTenant: false, places: [] };
    this.#hold({ key, held, run: undefined, ...uses, recorded: Promise.resolve() });
  }

  /** Deletes a lease from the journal, once nothing of it is open any more. */
  #clean({ key, held, run }: Entry): void {
    if (held.work !== 'batch') return;
    const leftOpen = run?.work === 'batch' ? run.leftOpen : undefined;
    void (leftOpen === undefined ? this.#journal.forget(key) : this.#journal.sweep(leftOpen));
  }

  // Without a stream there is nothing to say: the next hello does not name the lease, which means the same.
  #giveBack(key: LeaseKey): void {
    this.#send?.(
      create(AttachRequestSchema, { frame: { case: 'leaseReturn', value: { keys: [key] } } }),
    );
  }

  #tell(): void {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const wake of waiters) wake();
  }
}
