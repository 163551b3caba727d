// A coordinator that is started again with its clock a day back: what it says, whom it refuses, and what is left when the clock is right again.
import test from 'ava';
import { pino } from 'pino';
import { ErrorInfoSchema } from '../../gen/google/rpc/error_details_pb.ts';
import { EnrollmentService } from '../../gen/drover/v1/session_pb.ts';
import { TaskService } from '../../gen/drover/v1/task_pb.ts';
import { certificateBeginsKey } from '../../lib/certificate-begins.ts';
import { systemClock } from '../../lib/time.ts';
import { ConnectError } from '@connectrpc/connect';
import { attach } from './testing/attached-agent.ts';
import { runCoordinator, temporaryFolder } from './testing/running-coordinator.ts';

/** Half an hour more than a day, so that what it is told as does not depend on how long the test takes. */
const backMs = 24.5 * 60 * 60_000;

test('a clock that was set back is told of and costs an agent nothing but time: it is refused, with why, and keeps its lease', async (t) => {
  const folder = temporaryFolder(t);
  const lines: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line) => lines.push(line) });
  const start = (aheadMs: number) =>
    runCoordinator(t, folder, { ...systemClock, now: () => systemClock.now() + aheadMs }, {}, log);
  const first = await start(0);
  const { identity } = await first.join('one');
  const session = await attach(first, identity);
  const tasks = first.client(TaskService);
  await tasks.createTask({ task: { source: '/srv/a', destination: '/b' }, taskId: 'a' });
  await tasks.runTask({ name: 'tasks/a' });
  const { key } = await session.next('scanLease');
  await first.coordinator.close();
  await session.leave();
  t.notRegex(lines.join(''), /clock/);

  const back = await start(-backMs);
  t.regex(
    lines.join(''),
    /this computer's clock is 1 d 00 h behind the latest entry of the audit log/,
  );
  const asks = back.client(EnrollmentService, { token: '', identity }).getIdentity({});
  const refused = await t.throwsAsync<ConnectError>(asks, { message: /it begins at 2.*Z, and here it is 2.*Z; set the clock of the coordinator's computer/ }); // oxfmt-ignore
  const [info] = refused.findDetails(ErrorInfoSchema);
  t.is(info?.reason, 'UNAUTHENTICATED');
  t.truthy(info?.metadata[certificateBeginsKey]);
  await back.coordinator.close();

  const again = await start(0);
  const resumed = await attach(again, identity, { leases: [key!] });
  resumed.send({ case: 'scanDone', value: { key: key!, pages: 0n } });
  t.is((await resumed.next('acknowledgement')).key?.lease, key!.lease);
});
