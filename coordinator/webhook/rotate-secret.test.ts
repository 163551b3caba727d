// Secrets of webhooks that are replaced while requests are signed: of a real coordinator whose clock is moved by hand, told over a real connection.
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import test, { type ExecutionContext } from 'ava';
import { createHmac } from 'node:crypto';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { AuditService } from '../../gen/drover/v1/audit_pb.ts';
import { WebhookService } from '../../gen/drover/v1/webhook_pb.ts';
import { ManualClock } from '../dispatch/testing/manual-clock.ts';
import { refusalOf } from '../rpc/testing/refusal.ts';
import { runCoordinator, temporaryFolder } from '../rpc/testing/running-coordinator.ts';
import { openLevelStore } from '../store/level-store.ts';
import { formerSecretsMax } from './rotate-secret.ts';
import { Endpoint } from './testing/endpoint.ts';

const hourMs = 60 * 60 * 1000;
const name = 'webhooks/w';

/** A coordinator with one webhook; its clock stands some days ago: what it signs later must be good for a client already. */
async function open(t: ExecutionContext, dataFolder = temporaryFolder(t)) {
  const clock = new ManualClock(Date.now() - 72 * hourMs);
  const running = await runCoordinator(t, dataFolder, clock);
  const webhooks = running.client(WebhookService);
  const endpoint = await Endpoint.open(t);
  const { secret } = await webhooks.createWebhook({ webhook: { url: endpoint.url, eventTypes: ['run.failed'] }, webhookId: 'w' }); // oxfmt-ignore
  /** Sends an event; answers with those of the secrets that signed it, and how many signatures there were. */
  const signedBy = async (...secrets: string[]) => {
    await webhooks.testWebhook({ name });
    const { headers, body } = endpoint.received.at(-1)!;
    const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
    const signatures = headers['webhook-signature']!.split(' ');
    const sign = (one: string) => `v1,${createHmac('sha256', Buffer.from(one.slice(6), 'base64')).update(signed).digest('base64')}`; // oxfmt-ignore
    return [secrets.filter((one) => signatures.includes(sign(one))), signatures.length];
  };
  const rotate = async (overlapMs?: number) =>
    webhooks.rotateSecret({ name, ...(overlapMs !== undefined && { overlap: durationFromMs(overlapMs) }) }); // oxfmt-ignore
  return { ...running, clock, webhooks, endpoint, first: secret, signedBy, rotate, dataFolder };
}

test('a new secret signs at once, and the one before beside it for a day', async (t) => {
  const { first, rotate, signedBy, clock } = await open(t);
  t.deepEqual(await signedBy(first), [[first], 1]);
  const { secret, webhook } = await rotate();
  t.regex(secret, /^whsec_/v);
  t.not(secret, first);
  t.is(Number(webhook!.formerSecretExpireTime!.seconds - webhook!.secretRotateTime!.seconds), 24 * 60 * 60); // oxfmt-ignore
  t.deepEqual(await signedBy(first, secret), [[first, secret], 2]);
  clock.advance(24 * hourMs - 1);
  t.deepEqual(await signedBy(first, secret), [[first, secret], 2]);
  clock.advance(1);
  t.deepEqual(await signedBy(first, secret), [[secret], 1]);
});

test('a secret that somebody else has seen ends at once, with those before it', async (t) => {
  const { first, rotate, signedBy } = await open(t);
  const { secret: seen } = await rotate(2 * hourMs);
  t.deepEqual(await signedBy(first, seen), [[first, seen], 2]);
  const { secret, webhook } = await rotate(0);
  t.is(webhook!.formerSecretExpireTime, undefined);
  t.deepEqual(await signedBy(first, seen, secret), [[secret], 1]);
});

test('who rotates again before the time is over breaks nothing, up to a few secrets', async (t) => {
  const { first, rotate, signedBy, webhooks } = await open(t);
  const secrets = [first];
  for (let times = 0; times < formerSecretsMax; times += 1)
    secrets.push((await rotate(hourMs)).secret);
  const { etag } = (await webhooks.getWebhook({ name })).webhook!;
  t.deepEqual((await refusalOf(rotate(hourMs))).reasons, ['LIMIT_EXCEEDED']);
  t.is((await webhooks.getWebhook({ name })).webhook!.etag, etag, 'nothing was changed');
  t.deepEqual(await signedBy(...secrets), [secrets, secrets.length]);
  const { secret } = await rotate(0);
  t.deepEqual(await signedBy(...secrets, secret), [[secret], 1]);
});

test('a rotation is in the audit log, without a secret, which the store has sealed only', async (t) => {
  const { first, rotate, client, coordinator, dataFolder } = await open(t);
  const { secret } = await rotate(hourMs);
  const { entries } = await client(AuditService).listAuditEntries({});
  const [entry] = entries.filter(({ method }) => method.endsWith('/RotateSecret'));
  t.is(entry!.changes[0]!.resource, name);
  t.regex(entry!.changes[0]!.after, /"secretRotateTime":.*"formerSecretExpireTime":/v);
  await coordinator.close();
  await using store = await openLevelStore(path.join(dataFolder, 'store'));
  const row = (await store.webhook('w'))!;
  const kept = Buffer.concat([
    row.sealedSecret,
    ...row.formerSecrets.map((one) => one.sealedSecret),
  ]);
  const said = JSON.stringify(entries, (_, value: unknown) => typeof value === 'bigint' ? String(value) : value); // oxfmt-ignore
  for (const one of [first, secret]) {
    t.false(kept.includes(Buffer.from(one.slice(6), 'base64')));
    t.false(said.includes(one.slice(6)));
  }
});

test('what cannot be is refused, and changes nothing', async (t) => {
  const { first, rotate, signedBy, webhooks } = await open(t);
  for (const overlapMs of [-1000, 7 * 24 * hourMs + 1]) {
    const refused = await refusalOf(rotate(overlapMs));
    t.deepEqual([refused.reasons, refused.fields], [['INVALID_ARGUMENT'], ['overlap']]);
  }
  t.deepEqual((await refusalOf(webhooks.rotateSecret({ name: 'w' }))).fields, ['name']);
  t.deepEqual((await refusalOf(webhooks.rotateSecret({ name: 'webhooks/x' }))).reasons, ['NOT_FOUND']); // oxfmt-ignore
  t.deepEqual(await signedBy(first), [[first], 1]);
});

test('a webhook whose secret cannot be read any more gets a new one', async (t) => {
  const { coordinator, dataFolder, endpoint: before } = await open(t);
  await coordinator.close();
  rmSync(path.join(dataFolder, 'trust', 'webhook-key'));
  const again = await runCoordinator(t, dataFolder, new ManualClock(Date.now()));
  const webhooks = again.client(WebhookService);
  const refused = await webhooks.testWebhook({ name });
  t.false(refused.delivered);
  t.regex(refused.message, /cannot be read .*drover webhooks rotate-secret/v);
  await webhooks.rotateSecret({ name });
  t.true((await webhooks.testWebhook({ name })).delivered);
  t.is(before.received[0]!.headers['webhook-signature']!.split(' ').length, 1);
});
