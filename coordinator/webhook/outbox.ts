// The outbox: that a run came into another state is entered for every webhook that wants it, in the commit that changes the run. Whoever
// commits knows nothing of it. While there is no webhook, commits are what they are without.
import type { WebhookEventRow } from '../../gen/drover/store/v1/rows_pb.ts';
import type { Clock } from '../../lib/time.ts';
import type { RowChange } from '../store/row-changes.ts';
import type { Store, Transaction } from '../store/store.ts';
import { parseWebhookName } from '../task/names.ts';
import { agentEvent, runEvent, type NewEvent } from './event-body.ts';
import { agentRemovedType, wants } from './event-types.ts';
import { enterEvents, newEventRow, webhooksMax } from './events.ts';

export interface OutboxParts {
  store: Store;
  clock: Clock;
  /** Events were put for this webhook by a commit that is not written yet. */
  onEntered: (webhook: string) => void;
}

export class Outbox {
  /** The store whose commits enter what webhooks are told. */
  readonly store: Store;
  readonly #parts: OutboxParts;
  /** The ids of all webhooks, and perhaps some that are not there: what counts is their rows. */
  readonly #known = new Set<string>();

  constructor(parts: OutboxParts) {
    this.#parts = parts;
    this.store = parts.store.withFinish((transaction) => this.#enterChanges(transaction));
  }

  /** Reads which webhooks there are, before anything is committed. */
  async load(): Promise<void> {
    for (const { webhook } of await this.#parts.store.webhooks('', webhooksMax))
      this.know(parseWebhookName(webhook!.name, 'name'));
  }

  get webhooks(): readonly string[] {
    return [...this.#known];
  }

  /** Whether nobody is told anything. */
  get isIdle(): boolean {
    return this.#known.size === 0;
  }

  /** A commit is about to make this webhook. */
  know(webhook: string): void {
    this.#known.add(webhook);
  }

  /** A commit removed this webhook. */
  forget(webhook: string): void {
    this.#known.delete(webhook);
  }

  /** Enters events for everybody who wants them; once in a commit. */
  async enter(transaction: Transaction, events: readonly NewEvent[]): Promise<void> {
    for (const id of this.#known) {
      const row = await transaction.webhook(id);
      if (row === undefined) continue;
      const wanted = events.filter(({ type }) => wants(row.webhook!.eventTypes, type));
      if (wanted.length === 0) continue;
      await enterEvents(transaction, id, wanted.map((event): WebhookEventRow => newEventRow(event))); // oxfmt-ignore
      this.#parts.onEntered(id);
    }
  }

  async #enterChanges(transaction: Transaction): Promise<void> {
    if (this.isIdle) return;
    const nowMs = this.#parts.clock.now();
    const changes = await transaction.rowChangesOf('run', 'agent');
    const events = changes.flatMap((change) => eventOf(change, nowMs) ?? []);
    if (events.length > 0) await this.enter(transaction, events);
  }
}

function eventOf(change: RowChange & { kind: 'run' | 'agent' }, nowMs: number) {
  if (change.kind === 'agent')
    return change.after === undefined && change.before !== undefined
      ? agentEvent(change.before.agent!, nowMs, agentRemovedType)
      : undefined;
  const { before, after } = change;
  if (after === undefined || before?.run?.state === after.run!.state) return undefined;
  return runEvent(after, nowMs);
}
