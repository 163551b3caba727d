import type { ConnectRouter } from '@connectrpc/connect';
import test from 'ava';
import { WebhookService, type RotateSecretRequest } from '../../gen/drover/v1/webhook_pb.ts';
import { startTestCoordinator } from './test-coordinator.ts';

test('a webhook is tried, and the exit status says whether it took the event', async (t) => {
  const routes = (router: ConnectRouter) =>
    router.service(WebhookService, {
      testWebhook: ({ name }) =>
        name === 'webhooks/good'
          ? { delivered: true, status: 204, message: 'taken with status 204' }
          : { status: 500, message: 'the endpoint answered with status 500' },
    });
  await using coordinator = await startTestCoordinator(routes);
  const good = await coordinator.drover(['webhooks', 'test', 'webhooks/good']);
  t.is(good.status, 0);
  t.regex(good.stdout, /delivered +yes/);
  const bad = await coordinator.drover(['webhooks', 'test', 'webhooks/bad']);
  t.is(bad.status, 1);
  t.regex(bad.stdout, /message +the endpoint answered with status 500/);
});

test('a secret is rotated with the time that is given, and shown once', async (t) => {
  const seen: RotateSecretRequest[] = [];
  const routes = (router: ConnectRouter) =>
    router.service(WebhookService, {
      rotateSecret: (request) => {
        seen.push(request);
        return { webhook: { name: request.name }, secret: 'whsec_bmV3' };
      },
    });
  await using coordinator = await startTestCoordinator(routes);
  const { stdout, status } = await coordinator.drover(['webhooks', 'rotate-secret', 'alarms']);
  t.is(status, 0);
  t.regex(stdout, /secret +whsec_bmV3/);
  await coordinator.drover(['webhooks', 'rotate-secret', 'alarms', '--overlap', '0']);
  await coordinator.drover(['webhooks', 'rotate-secret', 'webhooks/alarms', '--overlap', '90m']);
  t.deepEqual(seen.map(({ name, overlap }) => [name, overlap?.seconds]), [['webhooks/alarms', undefined], ['webhooks/alarms', 0n], ['webhooks/alarms', 5400n]]); // oxfmt-ignore
  const wrong = await coordinator.drover([
    'webhooks',
    'rotate-secret',
    'alarms',
    '--overlap',
    '-1h',
  ]);
  t.is(wrong.status, 2);
  t.is(seen.length, 3);
});

test('the list of what could not be delivered shows what and why, not the bodies first', async (t) => {
  const letter = { number: 7n, eventType: 'run.failed', attempts: 8, lastFailure: 'no answer within 10 seconds', eventId: 'evt_1' }; // oxfmt-ignore
  const routes = (router: ConnectRouter) =>
    router.service(WebhookService, { listDeadLetters: () => ({ deadLetters: [letter] }) });
  await using coordinator = await startTestCoordinator(routes);
  const { stdout } = await coordinator.drover(['webhooks', 'list-dead-letters', 'webhooks/w']);
  t.regex(stdout, /^NUMBER +EVENT +ATTEMPTS +LAST FAILURE +EVENT ID/);
  t.regex(stdout, /7 +run.failed +8 +no answer within 10 seconds +evt_1/);
});
