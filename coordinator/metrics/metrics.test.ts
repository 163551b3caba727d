import test from 'ava';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type RunProgressSchema, RunSchema, RunState } from '../../gen/drover/v1/run_pb.ts';
import { HeartbeatSchema } from '../../gen/drover/v1/session_pb.ts';
import { TaskService } from '../../gen/drover/v1/task_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { runCoordinator, temporaryFolder } from '../rpc/testing/running-coordinator.ts';
import { attach } from '../rpc/testing/attached-agent.ts';
import { refusalOf } from '../rpc/testing/refusal.ts';
import { Metrics } from './metrics.ts';

const nothing = { runs: [], scanLeases: 0, batchLeases: 0, slots: 0 };
const source = {
  dispatch: () => nothing,
  agents: () => Promise.resolve(new Map()),
  webhooks: () => Promise.resolve({ waiting: 0, dead: 0 }),
};

/** The values of a text that Prometheus reads, by name and labels. */
function valuesOf(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const cut = line.lastIndexOf(' ');
      return [line.slice(0, cut), Number(line.slice(cut + 1))];
    }),
  );
}

const runOf = (state: RunState, progress: MessageInitShape<typeof RunProgressSchema>) =>
  create(RunSchema, { state, progress });

test('what runs do is counted, and no counter falls', async (t) => {
  const metrics = new Metrics(source);
  const going = RunState.RUNNING;
  metrics.advanced(runOf(going, {}), runOf(going, { scannedItems: 9n, skippedItems: 1n, failedItems: 2n })); // oxfmt-ignore
  metrics.advanced(
    runOf(going, { scannedItems: 9n, failedItems: 2n }),
    runOf(RunState.SUCCEEDED, {
      scannedItems: 9n,
      failedItems: 1n,
      succeededItems: 5n,
      succeededBytes: 700n,
      movedItems: 3n,
    }),
  );
  const values = valuesOf((await metrics.text()).text);
  t.is(values.get('drover_items_scanned_total'), 9);
  t.is(values.get('drover_items_total{result="succeeded"}'), 5);
  t.is(values.get('drover_items_total{result="failed"}'), 2);
  t.is(values.get('drover_items_total{result="moved"}'), 3);
  t.is(values.get('drover_bytes_total{result="succeeded"}'), 700);
  t.is(values.get('drover_runs_ended_total{state="succeeded"}'), 1);
});

test('every metric is in the manual, and nothing else', (t) => {
  const manual = readFileSync(new URL('../../docs/METRICS.md', import.meta.url), 'utf8');
  const listed = [...manual.matchAll(/^\| `(drover_[a-z_]+)/gm)].map(([, name]) => name!);
  t.deepEqual(listed.toSorted(), new Metrics(source).names.toSorted());
});

test('a coordinator serves what it measures to who shows the token', async (t) => {
  const folder = temporaryFolder(t);
  const metricsTokenFile = path.join(folder, 'token');
  writeFileSync(metricsTokenFile, 'metrics-secret\n');
  const metricsListen = { host: '127.0.0.1', port: 0 };
  const running = await runCoordinator(t, path.join(folder, 'data'), undefined, {
    metricsListen,
    metricsTokenFile,
  });
  const address = running.coordinator.metricsAddress!;
  const read = (init: RequestInit = {}, url = address) => fetch(url, init);
  const headers = { authorization: 'Bearer metrics-secret' };
  t.is((await read()).status, 401);
  t.is((await read({ headers: { authorization: 'Bearer metrics-secre' } })).status, 401);
  t.is((await read({ headers }, new URL('/', address).href)).status, 404);
  t.is((await read({ headers, method: 'POST' })).status, 405);
  await running.join('one');
  const tasks = running.client(TaskService);
  await tasks.createTask({ task: { source: '/from', destination: 'file:///to' }, taskId: 'one' });
  await tasks.runTask({ name: 'tasks/one' });
  await refusalOf(tasks.getTask({ name: 'tasks/two' }));
  await refusalOf(running.client(TaskService, { token: 'wrong' }).listTasks({}));
  const answer = await read({ headers });
  t.regex(answer.headers.get('content-type')!, /^text\/plain; version=0\.0\.4/);
  const values = valuesOf(await answer.text());
  t.is(values.get('drover_agents{state="disconnected"}'), 1);
  t.is(values.get('drover_runs{state="queued"}'), 1);
  t.is(values.get('drover_runs{state="running"}'), 0);
  t.is(values.get('drover_runs_waiting'), 1);
  const calls = (rpc: string, code: string) => values.get(`drover_call_duration_seconds_count{rpc="drover.v1.TaskService/${rpc}",code="${code}"}`); // oxfmt-ignore
  t.is(calls('CreateTask', 'Ok'), 1);
  t.is(calls('GetTask', 'NotFound'), 1);
  t.is(calls('ListTasks', 'Unauthenticated'), 1);
  t.true(values.get('drover_store_rows_written_total')! > 3);
  t.true(values.get('drover_store_write_duration_seconds_count')! > 1);
  t.true(values.get('process_resident_memory_bytes')! > 0);
  const { identity } = await running.join('two');
  const session = await attach(running, identity);
  const throttled = (requests: bigint, waitMs: number) =>
    session.send({ case: 'heartbeat', value: create(HeartbeatSchema, { throttledRequests: requests, throttleWait: durationFromMs(waitMs) }) }); // oxfmt-ignore
  throttled(2n, 500);
  throttled(5n, 2000);
  const later = async () => valuesOf(await (await read({ headers })).text());
  let sums = await later();
  while (sums.get('drover_throttled_requests_total') !== 3) sums = await later();
  t.is(sums.get('drover_throttle_wait_seconds_total'), 1.5);
  t.is(sums.get('drover_webhook_events{state="waiting"}'), 0);
});

for (const [what, options, says] of [
  [
    'an address that is none of this machine',
    { metricsListen: { host: '192.0.2.1', port: 1 } },
    /--metrics-listen: cannot listen on 192\.0\.2\.1:1/,
  ],
  [
    'a token file that is not there',
    { metricsListen: { host: '127.0.0.1', port: 0 }, metricsTokenFile: '/nowhere' },
    /--metrics-token-file: cannot be read/,
  ],
  [
    'a token without an address',
    { metricsTokenFile: '/nowhere' },
    /--metrics-listen does not say where/,
  ],
] as const)
  // oxfmt-ignore
  test(`${what} is refused`, async (t) => {
    const error = await t.throwsAsync(runCoordinator(t, undefined, undefined, options), {
      instanceOf: DroverError,
    });
    t.regex(error.message, says);
  });
