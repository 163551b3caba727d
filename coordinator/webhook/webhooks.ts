// All webhooks of a coordinator: what enters events for them, and who delivers those.
import { randomBytes } from 'node:crypto';
import { DroverError } from '../../lib/error.ts';
import type { DispatcherRoute } from '../../lib/http-dispatcher.ts';
import type { Logger } from '../../lib/log.ts';
import type { SealedBox } from '../../lib/sealed-box.ts';
import type { Clock } from '../../lib/time.ts';
import type { WebhookEventRow, WebhookRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import type { Dispatcher } from '../dispatch/dispatcher.ts';
import type { Observer } from '../observer.ts';
import type { ChangeHub } from '../rpc/change-hub.ts';
import type { Store } from '../store/store.ts';
import { AgentTeller } from './agent-teller.ts';
import type { Resolve } from './allowed-address.ts';
import { testEvent } from './event-body.ts';
import { newEventRow, webhooksMax } from './events.ts';
import { Outbox } from './outbox.ts';
import { Sender, type Outcome } from './sender.ts';
import { signing } from './rotate-secret.ts';
import { secretBytes, secretText, signedHeaders } from './signature.ts';
import { Slots } from './slots.ts';
import { WebhookWorker } from './worker.ts';

/** How many requests are made at once. */
const requestsMax = 16;

export interface WebhooksParts {
  /** The store whose commits enter nothing. */
  store: Store;
  /** Seals the secrets. */
  box: SealedBox;
  clock: Clock;
  log: Logger;
  route: DispatcherRoute;
  observer?: Pick<Observer, 'delivered'> | undefined;
  /** @default the system's resolver */
  resolve?: Resolve | undefined;
  /** From 0 up to 1. @default Math.random */
  random?: () => number;
}

/** How many events there are, over all webhooks. */
export interface WebhookFigures {
  waiting: number;
  dead: number;
}

export class Webhooks {
  /** The store on which the rest of the coordinator works: its commits enter what webhooks are told. */
  readonly store: Store;
  readonly #parts: WebhooksParts;
  readonly #outbox: Outbox;
  readonly #sender: Sender;
  readonly #slots = new Slots(requestsMax);
  readonly #workers = new Map<string, WebhookWorker>();
  /** Those whose webhooks were deleted, until they have ended. */
  readonly #ending = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  #teller: AgentTeller | undefined;

  private constructor(parts: WebhooksParts) {
    const { store, clock, route, resolve } = parts;
    this.#parts = parts;
    this.#outbox = new Outbox({ store, clock, onEntered: (id) => this.#workers.get(id)?.wake() });
    this.#sender = new Sender({ clock, route, resolve });
    this.store = this.#outbox.store;
  }

  /** Reads which webhooks there are. Nothing is delivered before `start`. */
  static async open(parts: WebhooksParts): Promise<Webhooks> {
    const webhooks = new Webhooks(parts);
    await webhooks.#outbox.load();
    return webhooks;
  }

  /** Begins to deliver, and to look at agents. */
  start(parts: {
    dispatcher: Pick<Dispatcher, 'liveAgent'>;
    changes: Pick<ChangeHub, 'subscribe'>;
  }): void {
    // oxfmt-ignore
    const { store, clock, log } = this.#parts;
    this.#teller = new AgentTeller({ ...parts, store, clock, log, outbox: this.#outbox });
    for (const id of this.#outbox.webhooks) if (!this.#workers.has(id)) this.#work(id);
  }

  /** To be called before a commit that makes a webhook, which then calls `know`. */
  async prepare(): Promise<void> {
    if (this.#outbox.isIdle) await this.#teller?.adopt();
  }

  /** A commit is about to make this webhook: from it on, events are entered. */
  know(id: string): void {
    this.#outbox.know(id);
  }

  /** A commit made this webhook, changed it, or put events for it. */
  changed(id: string): void {
    const worker = this.#workers.get(id);
    if (worker === undefined) this.#work(id);
    else worker.wake();
  }

  /** A commit removed this webhook. */
  removed(id: string): void {
    this.#outbox.forget(id);
    const worker = this.#workers.get(id);
    if (worker === undefined) return;
    this.#workers.delete(id);
    const ending = worker.close().finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }

  /** A new secret for the webhook of this name: as its owner gets it, and as it is kept. */
  newSecret(name: string): { text: string; sealed: Uint8Array } {
    const secret = randomBytes(secretBytes);
    return { text: secretText(secret), sealed: this.#parts.box.seal(secret, name) };
  }

  /** Sends an event that is kept nowhere, once. Throws UNAVAILABLE when the coordinator stops meanwhile. */
  async test(row: WebhookRow): Promise<Outcome> {
    const event = newEventRow(testEvent(row.webhook!.name, this.#parts.clock.now()));
    try {
      return await this.#slots.use(() => this.#send(row, event, this.#closing.signal));
    } catch (cause) {
      throw new DroverError(ErrorReason.UNAVAILABLE, 'the coordinator is stopping', { cause });
    }
  }

  async figures(): Promise<WebhookFigures> {
    const figures = { waiting: 0, dead: 0 };
    for (const { webhook } of await this.#parts.store.webhooks('', webhooksMax)) {
      figures.waiting += Number(webhook!.waitingEvents);
      figures.dead += Number(webhook!.deadLetters);
    }
    return figures;
  }

  /** Looks at no more agents, and breaks off what is being sent: it is sent again at the next start. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#teller?.close();
    await Promise.all([...this.#ending, ...[...this.#workers.values()].map((one) => one.close())]);
    await this.#sender[Symbol.asyncDispose]();
  }

  #work(id: string): void {
    if (this.#closing.signal.aborted) return;
    const { store, clock, log, observer, random = Math.random } = this.#parts;
    const parts = { store, clock, log, observer, random, slots: this.#slots };
    this.#workers.set(id, new WebhookWorker(id, { ...parts, send: (row, event, signal) => this.#send(row, event, signal) })); // oxfmt-ignore
  }

  async #send(row: WebhookRow, event: WebhookEventRow, signal: AbortSignal): Promise<Outcome> {
    const { box, clock } = this.#parts;
    const { name, url } = row.webhook!;
    const secret = box.open(row.sealedSecret, name);
    if (secret === undefined)
      return { kind: 'failed', status: 0, message: 'not sent: its secret cannot be read with the key that the coordinator has; give it a new one with drover webhooks rotate-secret' }; // oxfmt-ignore
    const { eventId, body } = event;
    const nowMs = clock.now();
    const former = signing(row, nowMs).flatMap(({ sealedSecret }) => box.open(sealedSecret, name) ?? []); // oxfmt-ignore
    const headers = signedHeaders([secret, ...former], { eventId, body, nowMs });
    return this.#sender.send(url, { headers, body }, signal);
  }
}
