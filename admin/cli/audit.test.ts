import type { ConnectRouter } from '@connectrpc/connect';
import test from 'ava';
import { AuditService, type VerifyAuditRequest } from '../../gen/drover/v1/audit_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { startTestCoordinator } from './test-coordinator.ts';

const hash = Uint8Array.from({ length: 32 }, (_, index) => index);

test('what verify shows as a hash it takes as one, and its exit status says whether the log is whole', async (t) => {
  const requests: VerifyAuditRequest[] = [];
  const routes = (router: ConnectRouter) =>
    router.service(AuditService, {
      verifyAudit: (request) => {
        requests.push(request);
        const isWhole = request.knownNumber < 9n;
        return isWhole
          ? { entries: 7n, lastHash: hash }
          : { entries: 7n, lastHash: hash, brokenNumber: 8n, brokenMessage: 'it is missing' };
      },
    });
  await using coordinator = await startTestCoordinator(routes);
  const whole = await coordinator.drover(['audit', 'verify']);
  t.is(whole.status, 0);
  const shown = /last hash +([0-9a-f]{64})/.exec(whole.stdout)![1]!;
  const words = ['audit', 'verify', '--known-number', '9', '--known-hash', shown];
  const broken = await coordinator.drover(words);
  t.is(broken.status, 1);
  t.regex(broken.stdout, /broken number +8\nbroken message +it is missing/);
  t.deepEqual(Buffer.from(requests[1]!.knownHash), Buffer.from(hash));
  const base64 = Buffer.from(hash).toString('base64');
  await coordinator.drover(['audit', 'verify', '--known-number', '9', '--known-hash', base64]);
  t.deepEqual(Buffer.from(requests[2]!.knownHash), Buffer.from(hash));
  const bad = await coordinator.drover(['audit', 'verify', '--known-hash', 'not this']);
  t.is(bad.status, 2);
});

test('the list shows who did what first, and an export is lines of JSON', async (t) => {
  const entry = {
    number: 3n,
    caller: 'anna@contoso.example',
    method: 'drover.v1.TaskService/DeleteTask',
    resource: 'tasks/a',
    reason: ErrorReason.PERMISSION_DENIED,
    changes: [{ resource: 'tasks/a', before: '{}' }],
    hash,
  };
  const routes = (router: ConnectRouter) =>
    router.service(AuditService, {
      listAuditEntries: () => ({ entries: [entry] }),
      async *exportAudit() {
        yield { entry };
        yield { entry: { number: 4n } };
      },
    });
  await using coordinator = await startTestCoordinator(routes);
  const list = await coordinator.drover(['audit', 'list']);
  t.regex(list.stdout, /^NUMBER +CALLER +METHOD +RESOURCE +REASON/);
  t.regex(list.stdout, /3 +anna@contoso.example +drover.v1.TaskService\/DeleteTask +tasks\/a +permission denied/); // oxfmt-ignore
  const { stdout } = await coordinator.drover(['audit', 'export', '--output', 'json']);
  const lines = stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as { entry: Record<string, unknown> }); // oxfmt-ignore
  t.deepEqual(lines.map((line) => line.entry['number']), ['3', '4']); // oxfmt-ignore
  t.is(lines[0]!.entry['hash'], Buffer.from(hash).toString('base64'));
});
