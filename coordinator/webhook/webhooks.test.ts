// Webhooks of a real coordinator, told over real connections; the clock is moved by hand.
import test, { type ExecutionContext } from 'ava';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { AgentService } from '../../gen/drover/v1/agent_pb.ts';
import { AuditService } from '../../gen/drover/v1/audit_pb.ts';
import { TaskService } from '../../gen/drover/v1/task_pb.ts';
import { WebhookService, type Webhook } from '../../gen/drover/v1/webhook_pb.ts';
import { ManualClock } from '../dispatch/testing/manual-clock.ts';
import type { CoordinatorOptions } from '../options.ts';
import { attach } from '../rpc/testing/attached-agent.ts';
import { refusalOf } from '../rpc/testing/refusal.ts';
import { runCoordinator, temporaryFolder } from '../rpc/testing/running-coordinator.ts';
import { openLevelStore } from '../store/level-store.ts';
import { serverCertificate } from '../trust/testing/issuer.ts';
import { graceMs } from './agent-teller.ts';
import { retryDelayMsMax, retryDelaysMs } from './retry-times.ts';
import { tryTimeoutMs } from './sender.ts';
import { Endpoint, type Received } from './testing/endpoint.ts';

const dayMs = 24 * 60 * 60 * 1000;
const name = 'webhooks/w';
const places = { source: '/srv/a', destination: 'file:///srv/b' };

interface Opening {
  dataFolder?: string;
  clock?: ManualClock;
  options?: CoordinatorOptions;
}

/** A coordinator whose clock stands some days ago: what it signs later must be good for a client already. */
async function open(t: ExecutionContext, opening: Opening = {}) {
  const { dataFolder = temporaryFolder(t), options = {} } = opening;
  const clock = opening.clock ?? new ManualClock(Date.now() - 3 * dayMs);
  const running = await runCoordinator(t, dataFolder, clock, options);
  const tasks = running.client(TaskService);
  const webhooks = running.client(WebhookService);
  return {
    ...running,
    clock,
    tasks,
    webhooks,
    /** Makes a webhook of the name; answers with its secret. */
    hook: async (url: string, ...eventTypes: string[]) =>
      (await webhooks.createWebhook({ webhook: { url, eventTypes }, webhookId: 'w' })).secret,
    /** Runs a new task, which nobody works on. */
    run: async (id: string) => {
      await tasks.createTask({ task: places, taskId: id });
      await tasks.runTask({ name: `tasks/${id}` });
    },
    /** Waits until the webhook is as wanted. */
    until: async (wanted: (webhook: Webhook) => boolean): Promise<Webhook> => {
      for (let tries = 0; tries < 5000; tries += 1) {
        const webhook = (await webhooks.getWebhook({ name })).webhook!;
        if (wanted(webhook)) return webhook;
        await setImmediate();
      }
      throw new Error('it does not happen');
    },
  };
}

type Verify = (
  secret: string,
  headers: Record<string, string>,
  body: string,
  nowSeconds?: number,
) => { type: string; data: { run?: { name: string; state: string }; agent?: { name: string } } };

/** The recipe that stands in the manual. */
async function recipe(t: ExecutionContext): Promise<Verify> {
  const manual = readFileSync(new URL('../../docs/WEBHOOKS.md', import.meta.url), 'utf8');
  const file = path.join(temporaryFolder(t), 'verify.mjs');
  writeFileSync(file, /```js\n([^]*?)```/.exec(manual)![1]!);
  return ((await import(pathToFileURL(file).href)) as { verify: Verify }).verify;
}

const idOf = ({ headers }: Received) => headers['webhook-id'];

test('what becomes of a run is told in order, signed as the manual says', async (t) => {
  const { hook, run, tasks, clock } = await open(t);
  const endpoint = await Endpoint.open(t);
  const secret = await hook(endpoint.url, 'run.*');
  await run('a');
  await tasks.pauseTask({ name: 'tasks/a' });
  await tasks.resumeTask({ name: 'tasks/a' });
  await tasks.cancelTask({ name: 'tasks/a' });
  const received = await endpoint.until(5);
  t.deepEqual(endpoint.types, ['run.queued', 'run.paused', 'run.queued', 'run.cancelling', 'run.cancelled']); // oxfmt-ignore
  const verify = await recipe(t);
  const nowSeconds = clock.now() / 1000;
  const told = received.map(({ headers, body }) => verify(secret, headers, body, nowSeconds));
  t.deepEqual(told[1]!.data.run!.name, 'tasks/a/runs/1');
  t.deepEqual(told.map(({ data }) => data.run!.state.replace('RUN_STATE_', '').toLowerCase()), endpoint.types.map((type) => type.slice(4))); // oxfmt-ignore
  t.is(new Set(received.map(idOf)).size, 5);
  t.is(received[0]!.headers['content-type'], 'application/json');
});

test('a request that is forged, changed or repeated later is found by the recipe', async (t) => {
  const { hook, run, clock } = await open(t);
  const endpoint = await Endpoint.open(t);
  const secret = await hook(endpoint.url, 'run.queued');
  await run('a');
  const [{ headers, body }] = (await endpoint.until(1)) as [Received];
  const verify = await recipe(t);
  const nowSeconds = clock.now() / 1000;
  t.is(verify(secret, headers, body, nowSeconds).type, 'run.queued');
  const other = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
  const unsigned = { message: /not signed/ };
  t.throws(() => verify(other, headers, body, nowSeconds), unsigned);
  t.throws(() => verify(secret, headers, body.replace('queued', 'failed'), nowSeconds), unsigned);
  const renamed = { ...headers, 'webhook-id': 'evt_another' };
  t.throws(() => verify(secret, renamed, body, nowSeconds), unsigned);
  const redated = { ...headers, 'webhook-timestamp': String(Math.floor(nowSeconds) + 600) };
  t.throws(() => verify(secret, redated, body, nowSeconds + 600), unsigned);
  t.throws(() => verify(secret, headers, body, nowSeconds + 600), { message: /too old/ });
});

test('what is not taken is tried again later and later, is a dead letter at last, and can be redelivered', async (t) => {
  const { hook, run, clock, until, webhooks, client } = await open(t);
  const endpoint = await Endpoint.open(t);
  await hook(endpoint.url, 'run.queued');
  endpoint.answer = 500;
  await run('a');
  for (const [index, delayMs] of [0, ...retryDelaysMs].entries()) {
    // Each try has a status of its own, so that it can be seen when it is written down.
    endpoint.answer = 500 + index;
    if (index > 0) {
      clock.advance(delayMs - 1);
      await until(() => true);
      t.is(endpoint.received.length, index, 'it is tried too early');
    }
    clock.advance(delayMs * 0.2 + 1);
    await endpoint.until(index + 1);
    await until(({ lastFailure }) => lastFailure.endsWith(`status ${500 + index}`));
    // Somebody sets the clock, which makes no wait shorter or longer.
    clock.set(index % 2 === 0 ? dayMs : -dayMs);
  }
  const dead = await until(({ deadLetters }) => deadLetters === 1n);
  t.is(dead.waitingEvents, 0n);
  t.is(new Set(endpoint.received.map(idOf)).size, 1);
  const { deadLetters } = await webhooks.listDeadLetters({ parent: name });
  const [letter] = deadLetters;
  t.is(letter!.attempts, retryDelaysMs.length + 1);
  t.is(letter!.eventType, 'run.queued');
  t.is(letter!.body, endpoint.received[0]!.body);
  t.deepEqual((await refusalOf(webhooks.redeliverDeadLetters({ name, number: 99n }))).code, 'NotFound'); // oxfmt-ignore
  endpoint.answer = 200;
  const { redelivered } = await webhooks.redeliverDeadLetters({ name, number: letter!.number });
  t.is(redelivered, 1n);
  const again = (await endpoint.until(retryDelaysMs.length + 2)).at(-1)!;
  t.is(idOf(again), letter!.eventId);
  const after = await until(({ waitingEvents }) => waitingEvents === 0n);
  t.is(after.deadLetters, 0n);
  t.is(after.lastFailure, '');
  t.truthy(after.lastSuccessTime);
  // Who had it delivered again is in the audit log; nobody has what is not there delivered.
  t.is((await webhooks.redeliverDeadLetters({ name })).redelivered, 0n);
  const { entries } = await client(AuditService).listAuditEntries({ resource: name });
  const message = `put back dead letter ${letter!.number} to be delivered again`;
  const method = 'drover.v1.WebhookService/RedeliverDeadLetters';
  t.like(entries[0], { caller: 'admin-token', method, resource: name, message, reason: 0 });
});

test('one event that fails holds up neither those behind it nor other webhooks nor a run', async (t) => {
  const { hook, run, clock, until, webhooks } = await open(t);
  const slow = await Endpoint.open(t);
  const other = await Endpoint.open(t);
  slow.answer = () => {};
  await hook(slow.url, 'run.queued');
  await webhooks.createWebhook({ webhook: { url: other.url } });
  await run('a');
  await slow.until(1);
  await run('b');
  await other.until(2);
  t.is(slow.received.length, 1);
  slow.answer = 200;
  clock.advance(tryTimeoutMs);
  const told = (await slow.until(2)).at(-1)!;
  t.regex(told.body, /tasks\/b\/runs\/1/);
  const webhook = await until(({ waitingEvents }) => waitingEvents === 1n);
  t.truthy(webhook.lastSuccessTime);
  clock.advance(retryDelaysMs[0]! * 2);
  t.is(idOf((await slow.until(3)).at(-1)!), idOf(slow.received[0]!));
});

test('an endpoint that answers too late, or not at all, has not taken the event', async (t) => {
  const { hook, clock, webhooks } = await open(t);
  const endpoint = await Endpoint.open(t);
  endpoint.answer = () => {};
  await hook(endpoint.url);
  const late = webhooks.testWebhook({ name });
  await endpoint.until(1);
  clock.advance(tryTimeoutMs);
  t.like(await late, { delivered: false, status: 0, message: 'no answer within 10 seconds' });
  endpoint.answer = (response) => response.destroy();
  t.regex((await webhooks.testWebhook({ name })).message, /^no answer: /);
  // An answer that does not end is cut off.
  endpoint.answer = (response) => {
    response.writeHead(200);
    const writing = setInterval(() => response.write(Buffer.alloc(1024)), 1);
    response.on('close', () => clearInterval(writing));
  };
  t.like(await webhooks.testWebhook({ name }), { delivered: true, status: 200 });
  endpoint.answer = 202;
  t.like(await webhooks.testWebhook({ name }), { delivered: true, status: 202 });
  t.deepEqual(new Set(endpoint.types), new Set(['webhook.test']));
});

test('a redirect is not followed', async (t) => {
  const { hook, webhooks } = await open(t);
  const endpoint = await Endpoint.open(t);
  const inner = await Endpoint.open(t);
  await hook(endpoint.url);
  for (const status of [301, 302, 307, 308]) {
    endpoint.answer = (response) => response.writeHead(status, { location: inner.url }).end();
    const { delivered, message } = await webhooks.testWebhook({ name });
    t.false(delivered);
    t.is(message, `the endpoint answered with status ${status}, and redirects are not followed`);
  }
  t.is(inner.received.length, 0);
});

test('what waits is delivered after a restart, and what was told before is not told again', async (t) => {
  const first = await open(t);
  const endpoint = await Endpoint.open(t);
  await first.hook(endpoint.url, 'run.*');
  await first.run('a');
  await endpoint.until(1);
  await first.until(({ waitingEvents }) => waitingEvents === 0n);
  endpoint.answer = 500;
  await first.tasks.pauseTask({ name: 'tasks/a' });
  await first.tasks.resumeTask({ name: 'tasks/a' });
  await first.until(({ waitingEvents, lastFailure }) => waitingEvents === 2n && lastFailure !== '');
  await endpoint.until(3);
  await first.coordinator.close();
  endpoint.answer = 200;
  const { dataFolder, clock } = first;
  // The times that were written down are days ahead by the clock as it is now.
  clock.set(-2 * dayMs);
  const waits: number[] = [];
  const after = clock.after.bind(clock);
  clock.after = (delayMs, callback) => (waits.push(delayMs), after(delayMs, callback));
  const before = endpoint.received.length;
  const second = await open(t, { dataFolder, clock });
  await second.until(() => waits.includes(retryDelayMsMax));
  clock.advance(retryDelayMsMax);
  await endpoint.until(before + 2);
  // What was being sent when the coordinator was closed may not have been tried by what is written down, and is due at once then.
  t.deepEqual(endpoint.types.slice(before).toSorted(), ['run.paused', 'run.queued']);
  const paused = endpoint.received[before + endpoint.types.slice(before).indexOf('run.paused')]!;
  t.is(idOf(paused), idOf(endpoint.received[1]!));
  await second.until(({ waitingEvents }) => waitingEvents === 0n);
  t.is(endpoint.received.length, before + 2);
});

test('a webhook is paused by status 410 or by somebody, and what happens meanwhile waits', async (t) => {
  const { hook, run, until, webhooks } = await open(t);
  const endpoint = await Endpoint.open(t);
  endpoint.answer = 410;
  await hook(endpoint.url, 'run.queued');
  await run('a');
  const paused = await until((webhook) => webhook.paused);
  t.regex(paused.lastFailure, /status 410/);
  await run('b');
  t.is((await until(({ waitingEvents }) => waitingEvents === 2n)).deadLetters, 0n);
  t.is(endpoint.received.length, 1);
  endpoint.answer = 200;
  const update = { webhook: { name, paused: false, etag: paused.etag }, updateMask: { paths: ['paused'] } }; // oxfmt-ignore
  await webhooks.updateWebhook(update);
  await endpoint.until(3);
  t.is(idOf(endpoint.received[1]!), idOf(endpoint.received[0]!));
  t.deepEqual((await refusalOf(webhooks.updateWebhook(update))).reasons, ['ETAG_MISMATCH']);
  await webhooks.deleteWebhook({ name });
  await run('c');
  t.deepEqual((await refusalOf(webhooks.getWebhook({ name }))).code, 'NotFound');
  // Of the same name, but another one: nothing of the old one is told to it.
  await hook(endpoint.url, 'run.queued');
  await run('d');
  t.regex((await endpoint.until(4)).at(-1)!.body, /tasks\/d\//);
});

test('what becomes of agents is told, also over a restart, and nothing that is no news', async (t) => {
  const first = await open(t);
  const { dataFolder, clock } = first;
  const one = await first.join('one');
  const two = await first.join('two');
  const session = await attach(first, two.identity);
  const endpoint = await Endpoint.open(t);
  await first.hook(endpoint.url, 'agent.*');
  const next = async (count: number) => {
    while (endpoint.received.length < count) {
      clock.advance(1000);
      await first.until(() => true).catch(() => undefined);
    }
    const { type, data } = JSON.parse(endpoint.received[count - 1]!.body) as ReturnType<Verify>;
    return `${type} ${data.agent!.name}`;
  };
  const other = await attach(first, one.identity);
  t.is(await next(1), `agent.online ${one.name}`);
  await first.client(AgentService).disableAgent({ name: one.name });
  t.is(await next(2), `agent.disabled ${one.name}`);
  await other.leave();
  await first.client(AgentService).deleteAgent({ name: one.name });
  t.is(await next(3), `agent.removed ${one.name}`);
  await first.until(({ waitingEvents }) => waitingEvents === 0n);
  await first.coordinator.close();
  await session.leave();
  const second = await open(t, { dataFolder, clock });
  clock.advance(graceMs);
  await endpoint.until(4);
  t.is(await next(4), `agent.disconnected ${two.name}`);
  await attach(second, two.identity);
  t.is(await next(5), `agent.online ${two.name}`);
  t.is(endpoint.received.length, 5);
});

test('an endpoint with TLS is told where its authority is trusted, and no other', async (t) => {
  const { certificate, privateKey } = await serverCertificate();
  const webhookCaFile = path.join(temporaryFolder(t), 'ca.pem');
  writeFileSync(webhookCaFile, certificate);
  const endpoint = await Endpoint.open(t, { cert: certificate, key: privateKey }, 'localhost');
  const trusting = await open(t, { options: { webhookCaFile } });
  await trusting.hook(endpoint.url);
  t.like(await trusting.webhooks.testWebhook({ name }), { delivered: true });
  const wary = await open(t);
  await wary.hook(endpoint.url);
  t.regex((await wary.webhooks.testWebhook({ name })).message, /self-signed certificate/);
  t.is(endpoint.received.length, 1);
});

test('addresses and types that cannot be are refused, and so is everybody but an admin', async (t) => {
  const { webhooks, client } = await open(t);
  const url = 'https://example.com/hook';
  const refused = async (webhook: { url?: string; eventTypes?: string[] }) =>
    (await refusalOf(webhooks.createWebhook({ webhook }))).fields;
  for (const wrong of [
    '',
    'example.com',
    'ftp://example.com',
    'https://u:p@example.com',
    'https://example.com/#a',
    `https://example.com/${'x'.repeat(2000)}`,
  ])
    // oxfmt-ignore
    t.deepEqual(await refused({ url: wrong }), ['webhook.url'], wrong);
  for (const eventTypes of [['run.exploded'], ['webhook.test'], ['agent.busy'], ['*.failed'], ['']])
    t.deepEqual(await refused({ url, eventTypes }), ['webhook.event_types']);
  const twice = { webhook: { url }, webhookId: 'w' };
  await webhooks.createWebhook(twice);
  t.deepEqual((await refusalOf(webhooks.createWebhook(twice))).reasons, ['ALREADY_EXISTS']);
  t.deepEqual((await refusalOf(webhooks.updateWebhook({ webhook: { name, url: 'http://example.com' } }))).fields, ['webhook.url']); // oxfmt-ignore
  const counted = { webhook: { name, deadLetters: 1n }, updateMask: { paths: ['dead_letters'] } };
  t.deepEqual((await refusalOf(webhooks.updateWebhook(counted))).fields, ['update_mask']);
  t.deepEqual((await refusalOf(webhooks.listDeadLetters({ parent: 'webhooks/v' }))).code, 'NotFound'); // oxfmt-ignore
  const nobody = client(WebhookService, { token: '' });
  t.is((await refusalOf(nobody.listWebhooks({}))).code, 'Unauthenticated');
  t.deepEqual(
    (await webhooks.listWebhooks({})).webhooks.map((one) => one.name),
    [name],
  );
});

test('the secret is in no row and no entry of the audit log, which tells what was decided and nothing else', async (t) => {
  const { hook, run, coordinator, client, dataFolder, until } = await open(t);
  const endpoint = await Endpoint.open(t);
  const secret = await hook(endpoint.url, 'run.queued');
  await run('a');
  await endpoint.until(1);
  await until(({ waitingEvents }) => waitingEvents === 0n);
  const { entries } = await client(AuditService).listAuditEntries({});
  const ours = entries.filter(({ changes }) => changes.some(({ resource }) => resource === name));
  t.is(ours.length, 1);
  t.deepEqual(Object.keys(JSON.parse(ours[0]!.changes[0]!.after) as object), ['name', 'url', 'eventTypes', 'createTime']); // oxfmt-ignore
  await coordinator.close();
  const bytes = Buffer.from(secret.slice('whsec_'.length), 'base64');
  await using store = await openLevelStore(path.join(dataFolder, 'store'));
  const row = (await store.webhook('w'))!;
  t.true(row.sealedSecret.length > bytes.length);
  t.false(Buffer.from(row.sealedSecret).includes(bytes));
  t.false(JSON.stringify(entries, (_, value: unknown) => typeof value === 'bigint' ? String(value) : value).includes(secret.slice(6))); // oxfmt-ignore
});
