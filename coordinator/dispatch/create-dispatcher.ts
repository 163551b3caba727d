// The dispatcher: sessions offer slots, runs have work, and leases join the two. State that must outlive the process is in the
// store; what is here can be made again from it and from the agents' hellos.
import { create } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import type { RunRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { AgentAvailability } from '../../gen/drover/v1/agent_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import type { FilterPreview } from '../../gen/drover/v1/filter_pb.ts';
import { RunState } from '../../gen/drover/v1/run_pb.ts';
import { WelcomeSchema, type AttachRequest, type AttachResponse } from '../../gen/drover/v1/session_pb.ts'; // oxfmt-ignore
import type { TaskSettings } from '../../gen/drover/v1/settings_pb.ts';
import type { Task } from '../../gen/drover/v1/task_pb.ts';
import { DroverError, reasonName } from '../../lib/error.ts';
import { disabledAgent } from '../trust/identity.ts';
import type { Logger } from '../../lib/log.ts';
import type { Clock } from '../../lib/time.ts';
import type { Observer } from '../observer.ts';
import type { RunKey, Store } from '../store/store.ts';
import { agentName } from '../task/names.ts';
import { Assigner } from './assigner.ts';
import { AgentSpeed } from './agent-speed.ts';
import { capacityFor } from './capacity.ts';
import { Changes } from './changes.ts';
import { DisabledSessions } from './disabled-sessions.ts';
import type { Change, Dispatcher, DispatchFigures, LiveAgent, LiveProgress } from './dispatcher.ts';
import { FilterPreviews, type PreviewRequest } from './filter-previews.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import { isBatch, sumOf, type LiveLease } from './lease-table.ts';
import { LocationChecks, type CheckOptions } from './location-checks.ts';
import { inFlightOf, liveProgress } from './live-progress.ts';
import type { Capacity } from './plan-estimate.ts';
import { OpenRuns } from './open-runs.ts';
import { Reports } from './reports.ts';
import type { RunFeed } from './run-feed.ts';
import { replacedSession, Session } from './session.ts';
import { TakeBack } from './take-back.ts';
import { notToScan } from './unread-source.ts';
import { isRunOpen } from '../task/run-states.ts';

export interface DispatcherOptions {
  /** A lease whose agent was silent for so long is taken back. */
  leaseTtlMs: number;
  /** An agent is to be heard of at least this often. */
  heartbeatIntervalMs: number;
}

export interface DispatcherParts {
  store: Store;
  clock: Clock;
  log: Logger;
  options: DispatcherOptions;
  /** @default nobody measures */
  observer?: Pick<Observer, 'advanced' | 'throttled'> | undefined;
}

/** Goes on with every run that is open in the store. */
export function createDispatcher(parts: DispatcherParts): Dispatcher {
  return new LeaseDispatcher(parts);
}

/** Why an agent is told to stop. */
const disabled = 'the agent was disabled';

class LeaseDispatcher implements Dispatcher {
  readonly #parts: DispatcherParts;
  readonly #changes = new Changes();
  readonly #runs: OpenRuns;
  readonly #leases: LeaseKeeper;
  readonly #reports: Reports;
  readonly #assigner: Assigner;
  readonly #rebalance: TakeBack;
  readonly #checks: LocationChecks;
  readonly #previews: FilterPreviews;
  readonly #disabled: DisabledSessions;
  /** By the agent's id. */
  readonly #sessions = new Map<string, Session>();
  /** By the agent's id, as long as this process lives: an agent that comes back is as fast as it was. */
  readonly #speeds = new Map<string, AgentSpeed>();
  readonly #loaded: Promise<void>;
  #cancelExpiry: () => void = () => {};
  #closed = false;

  constructor(parts: DispatcherParts) {
    const { store, clock, log, options } = parts;
    const { leaseTtlMs } = options;
    this.#parts = parts;
    this.#runs = new OpenRuns(store, this.#changes, parts.observer);
    this.#leases = new LeaseKeeper({
      store,
      clock,
      log,
      leaseTtlMs,
      needOf: (run) => this.#runs.get(run)?.need,
      onReleased: (lease) => this.#takeBack(lease),
    });
    this.#checks = new LocationChecks({ clock, sessions: this.#sessions });
    this.#previews = new FilterPreviews({ clock, sessions: this.#sessions });
    this.#disabled = new DisabledSessions({ clock, table: this.#leases.table, end: (session) => this.#cutOff(session, disabledAgent(session.agent)) }); // oxfmt-ignore
    this.#reports = new Reports({
      store,
      clock,
      log,
      leases: this.#leases,
      onAdvance: (key, row) => this.#advance(key, row),
      onUnread: (session, run) => this.#noteUnread(session, run),
      onRest: (key, rest) => this.#runs.get(key)?.addPart(key.batch, rest),
      onProgress: (session, runs) => this.#progressed(session, runs),
      onThrottled: ({ requests, waitMs }) => parts.observer?.throttled(requests, waitMs),
      onChecked: (session, done) => this.#checks.answer(session, done),
      onPreviewed: (session, progress) => this.#previews.answer(session, progress),
      onRoom: () => this.#assigner.wake(),
      onAttention: (session) => this.#noteAttention(session),
      onFailure: (session, error) => this.#fail(session, error),
    });
    this.#assigner = new Assigner({
      store,
      clock,
      runs: this.#runs,
      leases: this.#leases,
      sessions: this.#sessions,
      onSettled: (offers) => this.#rebalance.consider(this.#closed ? [] : offers),
      onFailure: (error) => this.#logFailure('cannot give out work', error),
    });
    this.#rebalance = new TakeBack({
      clock,
      runs: this.#runs,
      leases: this.#leases,
      onTime: () => this.#assigner.wake(),
      onFailure: (error) => this.#logFailure('cannot take leases back', error),
    });
    this.#loaded = this.#load();
    this.#loaded.catch((error: unknown) => this.#logFailure('cannot load open runs', error));
    this.#scheduleExpiry();
  }

  async *attach(
    agent: string,
    frames: AsyncIterable<AttachRequest>,
    signal: AbortSignal,
    from = '',
  ): AsyncGenerator<AttachResponse> {
    await this.#loaded;
    const reader = frames[Symbol.asyncIterator]();
    const session = await this.#open(agent, reader, from);
    const abort = () => session.close();
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    // Not awaited at the end: the reader ends with the stream, and that ends only after this generator has returned.
    void this.#read(session, reader);
    try {
      yield* session.outgoing;
    } finally {
      signal.removeEventListener('abort', abort);
      this.#detach(session);
    }
  }

  taskChanged(task: string): void {
    for (const { key } of this.#runs.all()) if (key.task === task) this.runChanged(key);
  }

  runChanged(key: RunKey): void {
    // Leases of an earlier process must be known first, or a run would count as stopped while agents work on it.
    this.#loaded
      .then(() => this.#follow(key))
      .catch((error: unknown) => this.#logFailure('cannot follow a run', error));
  }

  async checkDestination(destination: string, options?: CheckOptions): Promise<{ agent: string }> {
    return this.#checks.check(destination, options);
  }

  previewFilters(request: PreviewRequest, signal: AbortSignal): AsyncIterable<FilterPreview> {
    return this.#previews.preview(request, signal);
  }

  progress(key: RunKey): LiveProgress | undefined {
    const feed = this.#runs.get(key);
    if (feed === undefined) return undefined;
    return liveProgress(feed, this.#leases.table, this.#sessions.values(), this.#parts.clock);
  }

  figures(): DispatchFigures {
    const { table } = this.#leases;
    const runs = this.#runs.all().map((feed) => {
      const leases = table.ofRun(feed.key);
      return {
        state: feed.row.run!.state,
        queuedBatches: feed.queuedBatches(leases.filter(isBatch).length),
        isWaiting: feed.isGoing && leases.length === 0,
      };
    });
    const leases = this.#runs.all().flatMap(({ key }) => table.ofRun(key));
    const batchLeases = leases.filter(isBatch).length;
    const slots = [...this.#sessions.values()].reduce((sum, session) => sum + session.slots, 0);
    return { runs, scanLeases: leases.length - batchLeases, batchLeases, slots };
  }

  capacity(task: Task, settings?: TaskSettings): Capacity {
    return capacityFor(task, settings, [...this.#sessions.values()].filter(({ takesWork }) => takesWork)); // oxfmt-ignore
  }

  liveAgent(agent: string): LiveAgent | undefined {
    const session = this.#sessions.get(agent);
    if (session === undefined) return undefined;
    const { version, platform, locationKinds, sourceRoots } = session.hello;
    const { slots, attachTimeMs, lastSeenTimeMs, draining, offered, attention } = session;
    return {
      ...{ draining, version, platform, slots, locationKinds, sourceRoots },
      ...{ attachTimeMs, lastSeenTimeMs, attention, unknownSettings: session.unknownSettings },
      group: offered.group,
      slotsUsed: this.#leases.table.ofSession(session).length,
      ...session.speed.rates(this.#parts.clock.steady()),
    };
  }

  attachedAgents(): string[] {
    return [...this.#sessions.keys()];
  }

  setAvailability(agent: string, availability: AgentAvailability): void {
    const session = this.#sessions.get(agent);
    if (session !== undefined) session.availability = availability;
    if (availability === AgentAvailability.DISABLED) this.#disable(agent, session);
    this.#assigner.wake();
    this.#changes.emit({ kind: 'agent', agent });
  }

  #disable(agent: string, session: Session | undefined): void {
    this.#freeLeases(agent, (lease) => this.#leases.revoke(lease, disabled));
    if (session !== undefined) this.#loaded.then(() => this.#disabled.begin(session), () => undefined); // oxfmt-ignore
  }

  removeAgent(agent: string): void {
    const session = this.#sessions.get(agent);
    const removed = new DroverError(ErrorReason.UNAUTHENTICATED, `${agentName(agent)} was removed from this coordinator`); // oxfmt-ignore
    if (session !== undefined) this.#cutOff(session, removed);
    else this.#freeLeases(agent, (lease) => this.#leases.release(lease));
    this.#speeds.delete(agent);
  }

  /** Ends a session for good: what it holds is for others at once. */
  #cutOff(session: Session, error: DroverError): void {
    session.close(error);
    this.#detach(session);
    this.#freeLeases(session.agent, (lease) => this.#leases.release(lease));
  }

  /** Frees what an agent holds, as soon as the leases of an earlier process are known. */
  #freeLeases(agent: string, free: (lease: LiveLease) => Promise<void>): void {
    this.#loaded
      .then(async () => {
        for (const lease of this.#leases.table.ofAgent(agent)) await free(lease);
      })
      .catch((error: unknown) => this.#logFailure('cannot take leases back', error));
  }

  subscribe(callback: (change: Change) => void): () => void {
    return this.#changes.subscribe(callback);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelExpiry();
    this.#rebalance.close();
    this.#checks.close();
    this.#previews.close();
    for (const session of [...this.#sessions.values()]) this.#detach(session);
    await this.#assigner.close();
    await this.#loaded.catch(() => undefined);
  }

  // ---- runs

  async #load(): Promise<void> {
    for (const key of await this.#parts.store.openRuns()) {
      const feed = await this.#runs.refresh(key);
      if (feed === undefined) continue;
      await this.#leases.adopt(key, feed.row);
      await this.#follow(key);
    }
  }

  /** Does what a run's new state asks for: gives its work out, or takes its leases back. */
  async #follow(key: RunKey): Promise<void> {
    const wasGoing = this.#runs.get(key)?.isGoing;
    const feed = await this.#runs.refresh(key);
    if (feed?.isGoing !== true) await this.#stop(key, feed);
    else if (wasGoing === false) feed.meter.restart();
    this.#assigner.wake();
  }

  async #stop(key: RunKey, feed: RunFeed | undefined): Promise<void> {
    for (const lease of this.#leases.table.ofRun(key))
      await this.#leases.revoke(lease, 'the run was stopped', feed !== undefined && isRunOpen(feed.row.run!.state)); // oxfmt-ignore
    const cancelling = feed?.row.run!.state === RunState.CANCELLING;
    if (cancelling && this.#leases.table.ofRun(key).length === 0)
      await this.#runs.endCancelled(feed, this.#parts.clock.now());
  }

  async #takeBack({ run, target, size }: LiveLease): Promise<void> {
    this.#runs
      .get(run)
      ?.giveBack(target.kind === 'scan' ? target : { kind: 'batch', batch: target.batch.batch, size }); // oxfmt-ignore
    await this.#follow(run);
  }

  async #advance(key: RunKey, row: RunRow): Promise<void> {
    const feed = this.#runs.get(key);
    if (feed !== undefined) {
      this.#runs.update(feed, row);
      this.#measure(feed);
      if (!feed.isGoing) await this.#stop(key, feed);
    }
    // Also where it has ended: the room that it had is for other runs.
    this.#assigner.wake();
  }

  #noteUnread({ agent }: Session, key: RunKey): readonly string[] | undefined {
    const feed = this.#runs.get(key);
    if (feed === undefined) return [];
    feed.unreadBy.add(agent);
    return notToScan(feed, this.#sessions.values()).size > 0 ? undefined : [...feed.unreadBy];
  }

  #progressed(session: Session, runs: readonly RunKey[]): void {
    for (const key of runs) {
      const feed = this.#runs.get(key);
      if (feed === undefined) continue;
      this.#measure(feed);
      this.#changes.emit({ kind: 'task', task: key.task });
    }
    session.speed.sample(this.#parts.clock.steady(), sumOf(this.#leases.table.ofSession(session)));
    this.#changes.emit({ kind: 'agent', agent: session.agent });
  }

  /** Who has work of the kind that the agent cannot do now, or can do again, waits for something else from now on. */
  #noteAttention({ agent, attention }: Session): void {
    const { log } = this.#parts;
    if (attention === undefined) log.info({ agent: agentName(agent) }, 'agent needs no attention any more');
    else log.warn({ agent: agentName(agent), reason: reasonName(attention.reason) }, `agent needs attention: ${attention.message}`); // oxfmt-ignore
    for (const { key } of this.#runs.all()) this.#changes.emit({ kind: 'task', task: key.task });
    this.#assigner.wake();
  }

  #measure(feed: RunFeed): void {
    const now = this.#parts.clock.steady();
    const inFlight = inFlightOf(feed, this.#leases.table);
    const { succeededItems, failedItems, succeededBytes } = feed.row.run!.progress!;
    const items = succeededItems + failedItems + inFlight.items;
    const bytes = succeededBytes + inFlight.bytes;
    // As long as only the scan goes on, nothing can be said of how fast items are done.
    const isBegun = items > 0n || bytes > 0n || this.#leases.table.ofRun(feed.key).some(isBatch);
    if (!isBegun) feed.meter.restart();
    feed.meter.sample(now, items, bytes);
  }

  // ---- sessions

  async #open(agent: string, reader: AsyncIterator<AttachRequest>, from: string) {
    const first = await reader.next();
    if (first.done === true || first.value.frame.case !== 'hello')
      throw DroverError.invalid('frame', 'the first frame of a session must be a hello');
    if (this.#closed) throw new DroverError(ErrorReason.UNAVAILABLE, 'the coordinator is stopping');
    const speed = this.#speeds.get(agent) ?? new AgentSpeed();
    const session = new Session(agent, first.value.frame.value, this.#parts.clock, speed);
    this.#speeds.set(agent, speed);
    const older = this.#sessions.get(agent);
    older?.close(replacedSession(older, from, this.#parts.clock));
    if (older !== undefined) this.#detach(older);
    this.#sessions.set(agent, session);
    session.send({ case: 'welcome', value: this.#welcome(agent) });
    try {
      await this.#leases.resume(session);
    } catch (error) {
      this.#detach(session);
      throw error;
    }
    const row = await this.#parts.store.agent(agent);
    session.availability ??= row?.agent?.availability || AgentAvailability.ENABLED;
    session.resumed = true;
    if (session.availability === AgentAvailability.DISABLED) this.#disable(agent, session);
    this.#parts.log.info({ agent: agentName(agent), slots: session.slots }, 'agent attached');
    this.#tellUnknown(session);
    this.#changes.emit({ kind: 'agent', agent });
    this.#assigner.wake();
    return session;
  }

  #tellUnknown({ agent, hello, unknownSettings: settings }: Session): void {
    if (settings.length === 0) return;
    this.#parts.log.warn({ agent: agentName(agent), version: hello.version, settings }, 'agent does not know settings of this version; it gets no run in which they count, and keeps nothing of one, until it is updated'); // oxfmt-ignore
  }

  #welcome(agent: string) {
    const { heartbeatIntervalMs, leaseTtlMs } = this.#parts.options;
    return create(WelcomeSchema, {
      agent: agentName(agent),
      heartbeatInterval: durationFromMs(heartbeatIntervalMs),
      leaseTtl: durationFromMs(leaseTtlMs),
    });
  }

  #detach(session: Session): void {
    session.close();
    this.#disabled.forget(session);
    this.#leases.detach(session);
    this.#checks.detach(session);
    this.#previews.detach(session);
    if (this.#sessions.get(session.agent) !== session) return;
    this.#sessions.delete(session.agent);
    this.#parts.log.info({ agent: agentName(session.agent) }, 'agent detached');
    this.#changes.emit({ kind: 'agent', agent: session.agent });
  }

  /** Takes the agent's frames one after the other until there are no more; never rejects. */
  async #read(session: Session, reader: AsyncIterator<AttachRequest>): Promise<void> {
    try {
      for (let next = await reader.next(); next.done !== true; next = await reader.next()) {
        if (session.closed) return;
        session.heard(this.#parts.clock);
        await this.#reports.take(session, next.value.frame);
        this.#disabled.look(session);
      }
      session.close();
    } catch (error) {
      this.#fail(session, error);
    }
  }

  #fail(session: Session, error: unknown): void {
    if (!session.closed) this.#logFailure('a session ended', error);
    session.close(error);
  }

  #scheduleExpiry(): void {
    if (this.#closed) return;
    const { clock, options } = this.#parts;
    this.#cancelExpiry = clock.after(options.leaseTtlMs / 4, () => {
      this.#cutOffSilent();
      this.#leases
        .expire()
        .catch((error: unknown) => this.#logFailure('cannot take leases back', error))
        .finally(() => {
          if (this.#closed) return;
          // Also where nothing expired: it may be the store that kept work from being given out.
          this.#assigner.wake();
          this.#scheduleExpiry();
        });
    });
  }

  /**
   * Ends the sessions of agents that were silent for too long: they are gone, whatever their connections say. Left in, such an
   * agent would get the work of its expired leases again and again, because nobody has more room.
   */
  #cutOffSilent(): void {
    const { clock, options } = this.#parts;
    for (const session of [...this.#sessions.values()]) {
      if (session.silentMs(clock) < options.leaseTtlMs) continue;
      session.close(new DroverError(ErrorReason.UNAVAILABLE, 'the agent was silent for too long'));
      this.#detach(session);
    }
  }

  #logFailure(what: string, error: unknown): void {
    if (!this.#closed) this.#parts.log.error({ err: error }, what);
  }
}
