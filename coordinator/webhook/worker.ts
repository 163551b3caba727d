// Delivers the events of one webhook: one after the other, in the order in which they happened as long as all goes well. One that fails
// waits for its next try, and those behind it go on.
import { create } from '@bufbuild/protobuf';
import { timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import { WebhookEventRowSchema, type WebhookEventRow, type WebhookRow } from '../../gen/drover/store/v1/rows_pb.ts'; // oxfmt-ignore
import type { Logger } from '../../lib/log.ts';
import { pause, type Clock } from '../../lib/time.ts';
import type { Observer } from '../observer.ts';
import { ChangeFlag } from '../rpc/change-hub.ts';
import type { NumberedEvent, Store, Transaction } from '../store/store.ts';
import { webhookName } from '../task/names.ts';
import { bury, changedWebhook, settleDelivered, waitingEventsMax } from './events.ts';
import { retryDelayMs, retryDelayMsMax } from './retry-times.ts';
import type { Outcome } from './sender.ts';
import type { Slots } from './slots.ts';

/** How many events are read at once. */
const eventsRead = 100;
/** How long it rests when the store cannot be read or written. */
const restMs = 10_000;

export interface WorkerParts {
  store: Store;
  clock: Clock;
  log: Logger;
  slots: Slots;
  /** From 0 up to 1. */
  random: () => number;
  send: (webhook: WebhookRow, event: WebhookEventRow, signal: AbortSignal) => Promise<Outcome>;
  observer?: Pick<Observer, 'delivered'> | undefined;
}

/** What became of an event by a try. */
type Settled =
  /** It waits still, until then by the steady clock. */
  | { kind: 'waiting'; dueMs: number }
  /** It waits no longer: it was delivered, or had made room for others meanwhile. */
  | { kind: 'over' }
  /** It failed, and is tried no more. */
  | { kind: 'dead' };

export class WebhookWorker {
  readonly #id: string;
  readonly #parts: WorkerParts;
  readonly #closing = new AbortController();
  readonly #flag = new ChangeFlag();
  readonly #done: Promise<void>;
  /** When each event that waits is due, by the steady clock, in the order of their numbers; 0: at once. */
  readonly #due = new Map<bigint, number>();
  /** The highest number that was read. */
  #seen = 0n;
  /** There may be events that were not read. */
  #isBehind = true;

  constructor(id: string, parts: WorkerParts) {
    this.#id = id;
    this.#parts = parts;
    this.#done = this.#run();
  }

  /** A commit put events for it, or changed the webhook; it need not be written yet. */
  wake(): void {
    this.#isBehind = true;
    this.#flag.raise();
  }

  /** Breaks off what is being sent, which is sent again some time; resolves when nothing is done any more. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        await this.#step(signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#isBehind = true;
        this.#parts.log.error({ err: error, webhook: webhookName(this.#id) }, 'events of a webhook cannot be read or settled'); // oxfmt-ignore
        await pause(this.#parts.clock, restMs, signal);
      }
    }
  }

  /** Delivers the next event that is due, or waits until there may be one. */
  async #step(signal: AbortSignal): Promise<void> {
    const { store, clock } = this.#parts;
    // What is sent was written before: an event of a change that a crash undoes must not be told.
    if (this.#isBehind) await store.commit(() => undefined);
    const row = await store.webhook(this.#id);
    if (row === undefined) return this.#closing.abort();
    if (row.webhook!.paused) return this.#wait(undefined, signal);
    if (this.#isBehind) await this.#read();
    const nowMs = clock.steady();
    const next = this.#next(nowMs);
    if (next === undefined || next.dueMs > nowMs) return this.#wait(next && next.dueMs - nowMs, signal); // oxfmt-ignore
    await this.#parts.slots.use(() => this.#deliver(row, next.number, signal));
  }

  async #wait(delayMs: number | undefined, signal: AbortSignal): Promise<void> {
    const cancel = delayMs === undefined ? () => {} : this.#parts.clock.after(delayMs, () => this.#flag.raise()); // oxfmt-ignore
    try {
      await this.#flag.wait(signal);
    } finally {
      cancel();
    }
  }

  async #read(): Promise<void> {
    this.#isBehind = false;
    // Of many that were entered while nothing was sent, the oldest are not there any more.
    if (this.#due.size >= waitingEventsMax) {
      this.#due.clear();
      this.#seen = 0n;
    }
    for (let found: NumberedEvent[]; ;) {
      found = await this.#parts.store.webhookEvents(this.#id, this.#seen, eventsRead);
      for (const { number, row } of found) {
        this.#due.set(number, this.#dueMs(row));
        this.#seen = number;
      }
      if (found.length < eventsRead) return;
    }
  }

  /** The time that was written down may have been told by a clock that was wrong: no wait is longer than any that is begun. */
  #dueMs({ nextAttemptTime }: WebhookEventRow): number {
    if (nextAttemptTime === undefined) return 0;
    const { clock } = this.#parts;
    return clock.steady() + Math.min(timestampMs(nextAttemptTime) - clock.now(), retryDelayMsMax);
  }

  /** The first that is due, or else the one that is due first. */
  #next(nowMs: number): { number: bigint; dueMs: number } | undefined {
    let next: { number: bigint; dueMs: number } | undefined;
    for (const [number, dueMs] of this.#due) {
      if (dueMs <= nowMs) return { number, dueMs };
      if (next === undefined || dueMs < next.dueMs) next = { number, dueMs };
    }
    return next;
  }

  async #deliver(webhook: WebhookRow, number: bigint, signal: AbortSignal): Promise<void> {
    const { store, send, observer, log } = this.#parts;
    signal.throwIfAborted();
    const event = await store.webhookEvent(this.#id, number);
    if (event === undefined) return void this.#due.delete(number);
    const outcome = await send(webhook, event, signal);
    const settled = await store.commit((transaction) => this.#settle(transaction, { number, row: event }, outcome)); // oxfmt-ignore
    if (settled.kind === 'waiting') this.#due.set(number, settled.dueMs);
    else this.#due.delete(number);
    const isDead = settled.kind === 'dead';
    observer?.delivered(isDead ? 'dead' : outcome.kind);
    if (outcome.kind === 'delivered') return;
    const facts = { webhook: webhookName(this.#id), event: event.eventId, type: event.eventType, why: outcome.message }; // oxfmt-ignore
    log.warn(facts, isDead ? 'an event could not be delivered, and is not tried any more' : 'an event could not be delivered'); // oxfmt-ignore
  }

  /** Writes down what became of a try. */
  async #settle(
    transaction: Transaction,
    { number, row: sent }: NumberedEvent,
    { kind, message }: Outcome,
  ): Promise<Settled> {
    const id = this.#id;
    const row = await transaction.webhook(id);
    const event = await transaction.webhookEvent(id, number);
    // Meanwhile it was dropped, or another webhook has the name.
    if (row === undefined || event?.eventId !== sent.eventId) return { kind: 'over' };
    const { clock } = this.#parts;
    const nowMs = clock.now();
    if (kind === 'delivered') {
      settleDelivered(transaction, { id, row, number, nowMs });
      return { kind: 'over' };
    }
    const attempts = event.attempts + 1;
    const tried = create(WebhookEventRowSchema, { ...event, attempts, lastFailure: message });
    if (kind === 'gone') {
      transaction.putWebhookEvent(id, number, tried);
      transaction.putWebhook(id, changedWebhook(row, { paused: true, lastFailure: message }));
      return { kind: 'waiting', dueMs: 0 };
    }
    const delayMs = retryDelayMs(attempts, this.#parts.random());
    if (delayMs === undefined) {
      await bury(transaction, { id, row, event: { number, row: tried } });
      return { kind: 'dead' };
    }
    tried.nextAttemptTime = timestampFromMs(nowMs + delayMs);
    transaction.putWebhookEvent(id, number, tried);
    transaction.putWebhook(id, changedWebhook(row, { lastFailure: message }));
    return { kind: 'waiting', dueMs: clock.steady() + delayMs };
  }
}
