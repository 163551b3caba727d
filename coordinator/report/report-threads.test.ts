// Reports that are made in threads, on a real store.
import test, { type ExecutionContext } from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ReportFormat, ReportKind } from '../../gen/drover/v1/report_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { openNamedTask, type NamedTask } from '../dispatch/testing/named-task.ts';
import { numbersOf } from '../store/testing/random.ts';
import { createReport } from './create-report.ts';
import type { LinesJob } from './item-lines.ts';
import { ReportThreads, type ReportThreadsOptions } from './report-threads.ts';
import { fillRun } from './testing/random-items.ts';
import { reportText } from './testing/report-text.ts';

async function openThreads(
  t: ExecutionContext,
  options: ReportThreadsOptions = {},
): Promise<ReportThreads> {
  const threads = new ReportThreads({ itemsWithoutMax: 0, ...options });
  t.teardown(() => threads.close());
  t.false(threads.isLoaded);
  await threads.load();
  t.true(threads.isLoaded);
  return threads;
}

async function filledTask(t: ExecutionContext, batches: number): Promise<NamedTask> {
  const task = await openNamedTask(t, 'file:///to');
  await fillRun(task, numbersOf(batches), batches);
  return task;
}

/** A job without items. */
const noItems: LinesJob = {
  run: 'tasks/a/runs/1',
  task: { uid: 'uid', source: '/from', destination: 'file:///to' },
  batches: [],
  items: 0,
  kind: ReportKind.ITEM_REPORT,
  format: ReportFormat.CSV,
};

/** The same, but that nothing is made in the main thread where they are not loaded yet, or ended for want of work. */
function onlyThreads(threads: ReportThreads) {
  return { itemsWithoutMax: 0, isLoaded: true, jobsAhead: 2, lines: threads.lines.bind(threads) };
}

const { CSV, JSONL } = ReportFormat;
const { ITEM_REPORT, ITEM_FAILURE_REPORT, URL_MAP, PLAN } = ReportKind;

test('a report is the same with threads and without, also of several at once', async (t) => {
  const task = await filledTask(t, 3);
  const whole = await openThreads(t);
  const half = { ...onlyThreads(whole), itemsWithoutMax: 4000 };
  const wanted = [ITEM_REPORT, ITEM_FAILURE_REPORT, URL_MAP, PLAN].flatMap((kind) => [CSV, JSONL].map((format) => ({ kind, format }))); // oxfmt-ignore
  await Promise.all(
    wanted.map(async ({ kind, format }) => {
      const without = await reportText(task, kind, format);
      t.true(without.length > 50_000);
      t.true((await reportText(task, kind, format, whole)) === without, `${kind} ${format}`);
      t.true((await reportText(task, kind, format, half)) === without, `half ${kind} ${format}`);
    }),
  );
});

test('what goes wrong fails its report, and the next one is whole', async (t) => {
  const task = await filledTask(t, 4);
  const threads = await openThreads(t);
  const results = (await task.store.batchResults({ ...task.key, batch: 3 }))!;
  const put = (bytes: Uint8Array) => task.store.commit(async (transaction) => transaction.putBatchResults({ ...task.key, batch: 3 }, bytes)); // oxfmt-ignore
  await put(results.subarray(0, 1000));
  await t.throwsAsync(reportText(task, ITEM_REPORT, CSV, onlyThreads(threads)), { message: /a thread could not make lines of a report: .*premature EOF/ }); // oxfmt-ignore
  await put(results);
  const whole = await reportText(task, ITEM_REPORT);
  t.true((await reportText(task, ITEM_REPORT, CSV, threads)) === whole);
  const leaving = new AbortController();
  const row = await task.store.run(task.key);
  const runs = async function* () {
    yield { task: (await task.store.task('a'))!.task!, key: task.key, row };
  };
  const pieces = createReport({ store: task.store, threads, kind: ITEM_REPORT, format: CSV, nowMs: 0, signal: leaving.signal }, runs()); // oxfmt-ignore
  t.false((await pieces.next()).done);
  leaving.abort();
  await t.throwsAsync(pieces.next(), { name: 'AbortError' });
  t.true((await reportText(task, ITEM_REPORT, CSV, threads)) === whole);
  // Deleted by the time that its last batch is read.
  const deleted = reportText(task, ITEM_REPORT, CSV, {
    ...onlyThreads(threads),
    lines: async (job) => {
      await task.store.commit(async (transaction) => transaction.deleteTask('a', undefined));
      return await threads.lines(job);
    },
  });
  await t.throwsAsync(deleted, { message: 'tasks/a/runs/1 was deleted while its report was read' });
});

test('a thread that needs too much memory fails the reports that wait for it, and no later one', async (t) => {
  const threads = await openThreads(t, { program: new URL('./testing/hungry-thread.ts', import.meta.url) }); // oxfmt-ignore
  const first = threads.lines({ ...noItems, items: 2001 });
  const others = [1, 2, 3, 4, 5].map(() => threads.lines(noItems));
  const ends = Promise.allSettled(others);
  const error = await t.throwsAsync(first, { message: /out of memory/ });
  t.is(DroverError.from(error).reason, ErrorReason.INTERNAL);
  t.is((await ends).length, 5);
  t.deepEqual([...(await threads.lines(noItems))], []);
});

test('a thread that has nothing to do ends, and the next report has another one', async (t) => {
  const threads = await openThreads(t, { idleMs: 1 });
  while (threads.isLoaded) await new Promise(setImmediate);
  await threads.load();
  t.deepEqual([...(await threads.lines(noItems))], []);
});

test('a thread that cannot be loaded fails the report', async (t) => {
  const threads = await openThreads(t, { program: new URL('./testing/no-such-file.ts', import.meta.url) }); // oxfmt-ignore
  for (let count = 0; count < 2; count += 1)
    await t.throwsAsync(threads.lines(noItems), { message: /a thread could not make lines of a report/ }); // oxfmt-ignore
});

test('at the end jobs that are under way fail, no thread is left, and none is started', async (t) => {
  const threads = new ReportThreads();
  t.false(threads.isLoaded);
  const underWay = [threads.lines(noItems), threads.lines(noItems)];
  for (const lines of underWay) lines.catch(() => {});
  await threads.close();
  await threads.close();
  for (const lines of underWay) await t.throwsAsync(lines, { message: /is stopping/ });
  await t.throwsAsync(threads.lines(noItems), { message: /is stopping/ });
  await new ReportThreads().close();
});
