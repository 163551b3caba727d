// Reports as callers get them, from a real coordinator whose store is written beforehand.
import { create, toBinary } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { HandlerContext } from '@connectrpc/connect';
import test, { type ExecutionContext } from 'ava';
import path from 'node:path';
import { BatchRowSchema, LeaseState, RunRowSchema, TaskRowSchema } from '../../gen/drover/store/v1/rows_pb.ts'; // oxfmt-ignore
import { BatchItemsSchema, BatchResultsSchema } from '../../gen/drover/v1/columns_pb.ts';
import { ItemAction, ItemKind, ItemState } from '../../gen/drover/v1/item_pb.ts';
import { ReportFormat, ReportKind, ReportService, type GetReportResponse } from '../../gen/drover/v1/report_pb.ts'; // oxfmt-ignore
import { RunState } from '../../gen/drover/v1/run_pb.ts';
import { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import { systemClock } from '../../lib/time.ts';
import { pieceBytes } from '../report/line-pieces.ts';
import { noThreads } from '../report/testing/report-text.ts';
import { openLevelStore } from '../store/level-store.ts';
import type { Store } from '../store/store.ts';
import { runName, taskName } from '../task/names.ts';
import { createReportService } from './report-service.ts';
import { refusalOf } from './testing/refusal.ts';
import { runCoordinator, temporaryFolder, type RunningCoordinator } from './testing/running-coordinator.ts'; // oxfmt-ignore

const batchItems = 2000;

/** Writes a task with a run that has ended, of so many batches. */
async function putTask(store: Store, task: string, run: number, batches: number): Promise<void> {
  const key = { task, run };
  await store.commit(async (transaction) => {
    const row = { name: taskName(task), uid: `uid of ${task}`, displayName: task.toUpperCase(), source: '/from', destination: `file:///to/${task}` }; // oxfmt-ignore
    transaction.putTask(task, create(TaskRowSchema, { task: row, latestRun: run }));
    if (run === 0) return;
    const end = { startTime: timestampFromMs(1000), endTime: timestampFromMs(91_000) };
    transaction.putRun(key, create(RunRowSchema, { run: { name: runName(key), state: RunState.SUCCEEDED, progress: {}, ...end }, batches })); // oxfmt-ignore
    for (let batch = 1; batch <= batches; batch += 1) putBatch(transaction, { ...key, batch });
  });
}

type Put = Pick<Parameters<Parameters<Store['commit']>[0]>[0], 'putBatch' | 'putBatchItems' | 'putBatchResults'>; // oxfmt-ignore

function putBatch(transaction: Put, key: { task: string; run: number; batch: number }): void {
  const { batch } = key;
  const each = <T>(value: T): T[] => Array.from({ length: batchItems }, () => value);
  const items = create(BatchItemsSchema, {
    path: Array.from({ length: batchItems }, (_, index) => `folder ${batch}/file ${index}.txt`),
    kind: each(ItemKind.FILE),
    action: each(ItemAction.CREATE),
    size: each(5n),
    modifiedNs: each(1_000_000_000n),
    createdNs: each(0n),
    fileId: each(0n),
  });
  const results = create(BatchResultsSchema, {
    state: each(ItemState.SUCCEEDED),
    size: each(5n),
    modifiedNs: each(1_000_000_000n),
    destinationModifiedNs: each(1_000_000_000n),
    sha256: new Uint8Array(32 * batchItems).fill(1),
    quickXorHash: new Uint8Array(20 * batchItems).fill(2),
    attempts: each(1),
  });
  const lease = { state: LeaseState.DONE, agent: 'one' };
  transaction.putBatch(key, create(BatchRowSchema, { lease, phase: BatchPhase.TRANSFER, items: batchItems, succeededItems: batchItems })); // oxfmt-ignore
  transaction.putBatchItems(key, toBinary(BatchItemsSchema, items));
  transaction.putBatchResults(key, toBinary(BatchResultsSchema, results));
}

/** Three tasks: one was run, one was run twice, and one never. */
async function openStore(folder: string, batches: number): Promise<Store> {
  const store = await openLevelStore(path.join(folder, 'store'));
  await putTask(store, 'a', 1, batches);
  await putTask(store, 'b', 1, 1);
  await putTask(store, 'b', 2, 2);
  await putTask(store, 'c', 0, 0);
  return store;
}

async function start(t: ExecutionContext): Promise<RunningCoordinator> {
  const dataFolder = temporaryFolder(t);
  const store = await openStore(dataFolder, 5);
  await store.close();
  return await runCoordinator(t, dataFolder);
}

async function contentOf(answers: AsyncIterable<GetReportResponse>): Promise<Uint8Array[]> {
  const pieces: Uint8Array[] = [];
  for await (const { content } of answers) pieces.push(content);
  return pieces;
}

const textOf = async (answers: AsyncIterable<GetReportResponse>) => Buffer.concat(await contentOf(answers)).toString(); // oxfmt-ignore

test('a report comes in pieces of whole lines, the same by every protocol', async (t) => {
  const running = await start(t);
  const texts = new Set<string>();
  for (const protocol of ['grpc', 'connect', 'http1'] as const) {
    const reports = running.client(ReportService, { protocol });
    const request = { kind: ReportKind.ITEM_REPORT, run: 'tasks/a/runs/1' };
    const pieces = await contentOf(reports.getReport(request));
    t.true(pieces.length > 10);
    // Less at the end of what was made together only.
    for (const piece of pieces) t.true(piece.length < 256 * 1024);
    t.true(pieces.filter(({ length }) => length >= pieceBytes).length > (pieces.length * 4) / 5);
    for (const piece of pieces) t.is(piece.at(-1), 0x0a);
    texts.add(Buffer.concat(pieces).toString());
  }
  t.is(texts.size, 1);
  const lines = [...texts][0]!.split('\r\n');
  t.is(lines.length, 5 * batchItems + 2);
  t.regex(lines[1]!, /^\/from\/folder 1\/file 0\.txt,\/to\/a\/folder 1\/file 0\.txt,file 0\.txt,txt,5,File,Migrated,CREATE,/); // oxfmt-ignore
  t.regex(lines.at(-2)!, /,tasks\/a\/runs\/1$/);
});

test('a run is named, or the latest one of a task is meant, or those of all tasks that a filter wants', async (t) => {
  const running = await start(t);
  const reports = running.client(ReportService);
  const rows = async (request: Parameters<typeof reports.getReport>[0]) => {
    const text = await textOf(reports.getReport({ format: ReportFormat.JSONL, ...request }));
    return text.split('\n').slice(0, -1).map((line) => JSON.parse(line) as { run?: string; task?: string; state?: string }); // oxfmt-ignore
  };
  const runs = async (request: Parameters<typeof reports.getReport>[0]) =>
    (await rows({ kind: ReportKind.SCAN_SUMMARY, ...request })).map(({ run }) => run);
  t.deepEqual(await runs({ run: 'tasks/b/runs/1' }), ['tasks/b/runs/1']);
  t.deepEqual(await runs({ run: 'tasks/b' }), ['tasks/b/runs/2']);
  t.deepEqual(await runs({}), ['tasks/a/runs/1', 'tasks/b/runs/2']);
  t.deepEqual(await runs({ filter: 'display_name=B' }), ['tasks/b/runs/2']);
  t.deepEqual(await runs({ filter: 'display_name=X' }), []);
  t.deepEqual(await runs({ run: 'tasks/c' }), []);
  const summary = await rows({ kind: ReportKind.SUMMARY });
  t.deepEqual(
    summary.map(({ task, state }) => `${task} ${state}`),
    ['tasks/a TASK_STATE_SUCCEEDED', 'tasks/b TASK_STATE_SUCCEEDED', 'tasks/c TASK_STATE_READY'],
  );
  t.is((await rows({ kind: ReportKind.URL_MAP })).length, 7 * batchItems);
});

test('bad arguments are refused by their field, before anything is sent', async (t) => {
  const running = await start(t);
  const reports = running.client(ReportService);
  const refused = async (request: Parameters<typeof reports.getReport>[0]) => {
    const asked = { kind: ReportKind.SUMMARY, ...request };
    const { fields, reasons } = await refusalOf(contentOf(reports.getReport(asked)));
    return [...reasons, ...fields];
  };
  t.deepEqual(await refused({ kind: ReportKind.UNSPECIFIED }), ['INVALID_ARGUMENT', 'kind']);
  t.deepEqual(await refused({ kind: 99 as ReportKind }), ['INVALID_ARGUMENT', 'kind']);
  t.deepEqual(await refused({ format: 99 as ReportFormat }), ['INVALID_ARGUMENT', 'format']);
  t.deepEqual(await refused({ run: 'a' }), ['INVALID_ARGUMENT', 'run']);
  t.deepEqual(await refused({ run: 'tasks/a/runs/x' }), ['INVALID_ARGUMENT', 'run']);
  t.deepEqual(await refused({ run: 'tasks/a/runs/2' }), ['NOT_FOUND']);
  t.deepEqual(await refused({ run: 'tasks/x' }), ['NOT_FOUND']);
  t.deepEqual(await refused({ filter: 'colour:red' }), ['INVALID_ARGUMENT', 'filter']);
  t.deepEqual(await refused({ run: 'tasks/a', filter: 'state:RUNNING' }), ['INVALID_ARGUMENT', 'filter']); // oxfmt-ignore
});

test('nobody reads on for a caller who does not take what comes, or has gone', async (t) => {
  const store = await openStore(temporaryFolder(t), 30);
  t.teardown(() => store.close());
  let read = 0;
  const counting = new Proxy(store, {
    get: (target, name) => {
      if (name === 'batchItems') read += 1;
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
  const { getReport } = createReportService({
    store: counting,
    reportThreads: noThreads,
    clock: systemClock,
  });
  const ask = (signal: AbortSignal, kind: ReportKind = ReportKind.ITEM_REPORT) => {
    const request = { kind, format: ReportFormat.CSV, run: 'tasks/a', filter: '' }; // oxfmt-ignore
    const answers = getReport(request as Parameters<typeof getReport>[0], { signal } as HandlerContext); // oxfmt-ignore
    return answers[Symbol.asyncIterator]();
  };
  const slow = ask(new AbortController().signal);
  t.false((await slow.next()).done);
  const ahead = read;
  t.true(ahead < 10);
  await new Promise((resolve) => setImmediate(resolve));
  t.is(read, ahead);
  await slow.return?.();
  t.is(read, ahead);
  const leaving = new AbortController();
  const answers = ask(leaving.signal);
  await answers.next();
  leaving.abort();
  await t.throwsAsync(answers.next());
  t.true(read < 2 * ahead + 5);
  // Nothing of this report comes before its end, so that it has no piece to stop at.
  const before = read;
  await t.throwsAsync(ask(leaving.signal, ReportKind.ITEM_SUMMARY).next());
  t.true(read < before + 10);
});
