// Entering events for a webhook, and what becomes of them: changes of rows inside a commit that somebody else makes.
import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { randomUUID } from 'node:crypto';
import {
  WebhookEventRowSchema,
  WebhookRowSchema,
  type WebhookEventRow,
  type WebhookRow,
} from '../../gen/drover/store/v1/rows_pb.ts';
import { WebhookSchema, type Webhook } from '../../gen/drover/v1/webhook_pb.ts';
import type { NumberedEvent, Transaction } from '../store/store.ts';
import type { NewEvent } from './event-body.ts';

/** How many webhooks there may be. */
export const webhooksMax = 100;
/** How many events may wait for one webhook, and how many that could not be delivered are kept; the oldest make room. */
export const waitingEventsMax = 10_000;
export const deadLettersMax = 1000;

/** An event as it is entered first. */
export function newEventRow({ type, timeMs, body }: NewEvent): WebhookEventRow {
  const eventTime = timestampFromMs(timeMs);
  return create(WebhookEventRowSchema, { eventId: `evt_${randomUUID()}`, eventType: type, eventTime, body }); // oxfmt-ignore
}

/** Enters events at the end of what waits for a webhook; once in a commit for each webhook, because the oldest are looked for in the store. */
export async function enterEvents(
  transaction: Transaction,
  id: string,
  events: readonly WebhookEventRow[],
): Promise<void> {
  const row = await transaction.webhook(id);
  if (row === undefined) return;
  const webhook = row.webhook!;
  const entered = events.slice(-waitingEventsMax);
  const waiting = Number(webhook.waitingEvents);
  const excess = Math.max(0, waiting + entered.length - waitingEventsMax);
  const oldest = excess === 0 ? [] : await transaction.webhookEvents(id, 0n, excess);
  for (const { number } of oldest) transaction.deleteWebhookEvent(id, number);
  let lastNumber = row.lastNumber;
  for (const event of entered) transaction.putWebhookEvent(id, ++lastNumber, event);
  const dropped = oldest.length + events.length - entered.length;
  const changed = changedWebhook(row, {
    waitingEvents: BigInt(waiting + entered.length - oldest.length),
    droppedEvents: webhook.droppedEvents + BigInt(dropped),
  });
  transaction.putWebhook(id, create(WebhookRowSchema, { ...changed, lastNumber }));
}

/** An event waits no longer, because it was delivered. */
export function settleDelivered(
  transaction: Transaction,
  { id, row, number, nowMs }: { id: string; row: WebhookRow; number: bigint; nowMs: number },
): void {
  transaction.deleteWebhookEvent(id, number);
  const changed = changedWebhook(row, {
    waitingEvents: row.webhook!.waitingEvents - 1n,
    lastSuccessTime: timestampFromMs(nowMs),
    lastFailure: '',
  });
  transaction.putWebhook(id, changed);
}

/** An event is tried no more, and kept for somebody to decide. */
export async function bury(
  transaction: Transaction,
  { id, row, event }: { id: string; row: WebhookRow; event: NumberedEvent },
): Promise<void> {
  const webhook = row.webhook!;
  const isFull = webhook.deadLetters >= BigInt(deadLettersMax);
  const oldest = isFull ? await transaction.deadLetters(id, 0n, 1) : [];
  for (const { number } of oldest) transaction.deleteDeadLetter(id, number);
  transaction.deleteWebhookEvent(id, event.number);
  transaction.putDeadLetter(id, event.number, event.row);
  const changed = changedWebhook(row, {
    waitingEvents: webhook.waitingEvents - 1n,
    deadLetters: webhook.deadLetters + 1n - BigInt(oldest.length),
    droppedEvents: webhook.droppedEvents + BigInt(oldest.length),
    lastFailure: event.row.lastFailure,
  });
  transaction.putWebhook(id, changed);
}

/** Takes dead letters back among the events that wait, at their end and as if they were new. */
export async function redeliver(
  transaction: Transaction,
  id: string,
  letters: readonly NumberedEvent[],
): Promise<void> {
  const row = await transaction.webhook(id);
  if (row === undefined) return;
  for (const { number } of letters) transaction.deleteDeadLetter(id, number);
  const deadLetters = row.webhook!.deadLetters - BigInt(letters.length);
  transaction.putWebhook(id, changedWebhook(row, { deadLetters }));
  await enterEvents(transaction, id, letters.map(({ row: letter }) => asNew(letter))); // oxfmt-ignore
}

function asNew({ eventId, eventType, eventTime, body }: WebhookEventRow): WebhookEventRow {
  return create(WebhookEventRowSchema, { eventId, eventType, body, ...(eventTime && { eventTime }) }); // oxfmt-ignore
}

/** The row with another webhook. */
export function changedWebhook(row: WebhookRow, changes: Partial<Webhook>): WebhookRow {
  const webhook = create(WebhookSchema, { ...row.webhook!, ...changes });
  return create(WebhookRowSchema, { ...row, webhook });
}
