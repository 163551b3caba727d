// WebhookService: who is told of what happens, and what became of telling them.
import { create } from '@bufbuild/protobuf';
import { durationMs, timestampFromMs, type Duration } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { WebhookRowSchema, type WebhookRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import {
  DeadLetterSchema,
  WebhookSchema,
  type CreateWebhookRequest,
  type DeadLetter,
  type ListDeadLettersRequest,
  type ListWebhooksRequest,
  type RedeliverDeadLettersRequest,
  type RotateSecretRequest,
  type UpdateWebhookRequest,
  type Webhook,
  type WebhookService,
} from '../../gen/drover/v1/webhook_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { formatCount } from '../../lib/format.ts';
import type { NumberedEvent, Reader } from '../store/store.ts';
import { checkId, parseWebhookName, webhookName } from '../task/names.ts';
import { randomBase32 } from '../trust/agent-id.ts';
import { noteOnCall } from '../trust/audit-call.ts';
import { checkUrl } from '../webhook/allowed-address.ts';
import { checkEventTypes } from '../webhook/event-types.ts';
import { deadLettersMax, redeliver, webhooksMax } from '../webhook/events.ts';
import { rotated } from '../webhook/rotate-secret.ts';
import { checkEtag, computeEtag } from './etag.ts';
import { applyUpdate, type FieldRules } from './field-mask.ts';
import { notFound } from './lookup.ts';
import { readPageRequest, writePageToken } from './paging.ts';
import type { ServiceParts } from './service-parts.ts';

const hourMs = 60 * 60 * 1000;
const overlapDefaultMs = 24 * hourMs;
const overlapMaxMs = 7 * 24 * hourMs;

/** What callers may change of a webhook. */
export const webhookRules: FieldRules = {
  outputOnly: [
    'create_time',
    'waiting_events',
    'dead_letters',
    'dropped_events',
    'last_success_time',
    'last_failure',
    'secret_rotate_time',
    'former_secret_expire_time',
  ],
  immutable: [],
  addressing: ['name', 'etag'],
};

type Parts = Pick<ServiceParts, 'store' | 'clock' | 'webhooks'>;

export function createWebhookService(parts: Parts): ServiceImpl<typeof WebhookService> {
  const { store, webhooks } = parts;
  return {
    createWebhook: (request) => createWebhook(parts, request),
    getWebhook: async ({ name }) => ({
      webhook: viewWebhook(await requireWebhook(store, parseWebhookName(name, 'name'))),
    }),
    listWebhooks: (request) => listWebhooks(store, request),
    updateWebhook: async (request) => ({ webhook: await updateWebhook(parts, request) }),
    deleteWebhook: async ({ name }) => {
      const id = parseWebhookName(name, 'name');
      await store.commit(async (transaction) => {
        await requireWebhook(transaction, id);
        await transaction.deleteWebhook(id);
      });
      webhooks.removed(id);
      return {};
    },
    rotateSecret: (request) => rotateSecret(parts, request),
    testWebhook: async ({ name }) => {
      const row = await requireWebhook(store, parseWebhookName(name, 'name'));
      const { kind, status, message } = await webhooks.test(row);
      return { delivered: kind === 'delivered', status, message };
    },
    listDeadLetters: (request) => listDeadLetters(store, request),
    redeliverDeadLetters: (request) => redeliverDeadLetters(parts, request),
  };
}

async function createWebhook(parts: Parts, { webhook: given, webhookId }: CreateWebhookRequest) {
  const { store, clock, webhooks } = parts;
  if (given === undefined) throw DroverError.invalid('webhook', 'is missing');
  if (webhookId !== '') checkId(webhookId, 'webhook_id');
  checkWebhook(given);
  const id = webhookId === '' ? `w-${randomBase32(8)}` : webhookId;
  const name = webhookName(id);
  const { text, sealed } = webhooks.newSecret(name);
  const { url, eventTypes, paused } = given;
  await webhooks.prepare();
  const row = await store.commit(async (transaction) => {
    if ((await transaction.webhook(id)) !== undefined)
      throw new DroverError(ErrorReason.ALREADY_EXISTS, `there is a webhook ${name} already`, {
        metadata: { name },
      });
    if ((await transaction.webhooks('', webhooksMax)).length >= webhooksMax)
      throw new DroverError(ErrorReason.LIMIT_EXCEEDED, `there are ${webhooksMax} webhooks already; delete one that is not needed`); // oxfmt-ignore
    const createTime = timestampFromMs(clock.now());
    const webhook = create(WebhookSchema, { name, url, eventTypes, paused, createTime });
    const made = create(WebhookRowSchema, { webhook, sealedSecret: sealed });
    webhooks.know(id);
    transaction.putWebhook(id, made);
    return made;
  });
  webhooks.changed(id);
  return { webhook: viewWebhook(row), secret: text };
}

async function rotateSecret(parts: Parts, { name, overlap }: RotateSecretRequest) {
  const id = parseWebhookName(name, 'name');
  const overlapMs = readOverlap(overlap);
  const { text, sealed } = parts.webhooks.newSecret(name);
  const row = await parts.store.commit(async (transaction) => {
    const before = await requireWebhook(transaction, id);
    const after = rotated(before, { sealed, overlapMs, nowMs: parts.clock.now() });
    transaction.putWebhook(id, after);
    return after;
  });
  parts.webhooks.changed(id);
  return { webhook: viewWebhook(row), secret: text };
}

function readOverlap(overlap: Duration | undefined): number {
  if (overlap === undefined) return overlapDefaultMs;
  const overlapMs = durationMs(overlap);
  if (overlapMs >= 0 && overlapMs <= overlapMaxMs) return overlapMs;
  throw DroverError.invalid('overlap', 'must be from 0 to 7 days');
}

async function listWebhooks(reader: Reader, request: ListWebhooksRequest) {
  const scope = ['webhooks'];
  const { size, cursor } = readPageRequest(request, scope);
  const found = await reader.webhooks(cursor, size + 1);
  const page = found.slice(0, size).map(viewWebhook);
  const last = found.length > size ? page.at(-1) : undefined;
  const next = last && parseWebhookName(last.name, 'name');
  return { webhooks: page, nextPageToken: writePageToken(next, scope) };
}

async function updateWebhook(parts: Parts, request: UpdateWebhookRequest): Promise<Webhook> {
  const { webhook: incoming, updateMask: mask } = request;
  if (incoming === undefined) throw DroverError.invalid('webhook', 'is missing');
  const id = parseWebhookName(incoming.name, 'webhook.name');
  const row = await parts.store.commit(async (transaction) => {
    const before = await requireWebhook(transaction, id);
    const current = viewWebhook(before);
    checkEtag(incoming.etag, current.etag, current.name);
    const update = { schema: WebhookSchema, current, incoming, mask, rules: webhookRules };
    const webhook = applyUpdate({ ...update, field: 'webhook' });
    checkWebhook(webhook);
    const after = create(WebhookRowSchema, { ...before, webhook: { ...webhook, etag: '' } });
    transaction.putWebhook(id, after);
    return after;
  });
  parts.webhooks.changed(id);
  return viewWebhook(row);
}

async function listDeadLetters(reader: Reader, request: ListDeadLettersRequest) {
  const id = parseWebhookName(request.parent, 'parent');
  await requireWebhook(reader, id);
  const scope = ['dead-letters', id];
  const { size, cursor } = readPageRequest(request, scope);
  const found = await reader.deadLetters(id, cursor === '' ? 0n : BigInt(cursor), size + 1);
  const page = found.slice(0, size);
  const last = found.length > size ? page.at(-1) : undefined;
  return {
    deadLetters: page.map(viewDeadLetter),
    nextPageToken: writePageToken(last && String(last.number), scope),
  };
}

async function redeliverDeadLetters(parts: Parts, { name, number }: RedeliverDeadLettersRequest) {
  const id = parseWebhookName(name, 'name');
  const redelivered = await parts.store.commit(async (transaction) => {
    await requireWebhook(transaction, id);
    const letters = await lettersOf(transaction, id, number);
    await redeliver(transaction, id, letters);
    if (letters.length > 0) noteOnCall(`put back ${lettersInWords(letters)} to be delivered again`);
    return letters.length;
  });
  parts.webhooks.changed(id);
  return { redelivered: BigInt(redelivered) };
}

/** One, or all. Throws NOT_FOUND when there is no such one. */
async function lettersOf(reader: Reader, id: string, number: bigint): Promise<NumberedEvent[]> {
  if (number === 0n) return reader.deadLetters(id, 0n, deadLettersMax);
  const row = await reader.deadLetter(id, number);
  if (row === undefined) throw notFound('dead letter', `${number} of ${webhookName(id)}`);
  return [{ number, row }];
}

function lettersInWords(letters: readonly NumberedEvent[]): string {
  const [only, ...others] = letters;
  return others.length === 0
    ? `dead letter ${only!.number}`
    : `${formatCount(letters.length)} dead letters`;
}

async function requireWebhook(reader: Reader, id: string): Promise<WebhookRow> {
  const row = await reader.webhook(id);
  if (row === undefined) throw notFound('webhook', webhookName(id));
  return row;
}

function checkWebhook({ url, eventTypes }: Webhook): void {
  checkUrl(url, 'webhook.url');
  checkEventTypes(eventTypes, 'webhook.event_types');
}

/** How it goes is no change by somebody, so the etag is of the rest. */
function viewWebhook({ webhook }: WebhookRow): Webhook {
  const { name, url, eventTypes, paused, createTime, secretRotateTime } = webhook!;
  const decided = { name, url, eventTypes, paused, ...(createTime && { createTime }), ...(secretRotateTime && { secretRotateTime }) }; // oxfmt-ignore
  const etag = computeEtag(WebhookSchema, create(WebhookSchema, decided));
  return create(WebhookSchema, { ...webhook!, etag });
}

function viewDeadLetter({ number, row }: NumberedEvent): DeadLetter {
  const { eventId, eventType, eventTime, attempts, lastFailure, body } = row;
  const facts = { number, eventId, eventType, attempts, lastFailure, body };
  return create(DeadLetterSchema, { ...facts, ...(eventTime && { eventTime }) });
}
