// ReportService: reports as streams of bytes; coordinator/report/ makes them.
import type { ServiceImpl } from '@connectrpc/connect';
import {
  ReportFormat,
  ReportFormatSchema,
  ReportKind,
  ReportKindSchema,
  type GetReportRequest,
  type ReportService,
} from '../../gen/drover/v1/report_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { Clock } from '../../lib/time.ts';
import { createReport, type ReportParts } from '../report/create-report.ts';
import type { ReportedRun } from '../report/reported-run.ts';
import type { Reader, RunKey } from '../store/store.ts';
import { parseRunName, parseTaskName } from '../task/names.ts';
import { parseTaskFilter, type TaskFilter } from './filter.ts';
import { latestRun, requireRun, requireTask } from './lookup.ts';
import { viewTask } from './task-view.ts';

const tasksRead = 100;

export interface ReportServiceParts {
  store: Reader;
  reportThreads: ReportParts['threads'];
  clock: Clock;
}

export function createReportService(parts: ReportServiceParts): ServiceImpl<typeof ReportService> {
  return { getReport: (request, { signal }) => getReport(parts, request, signal) };
}

async function* getReport(
  { store, reportThreads: threads, clock }: ReportServiceParts,
  request: GetReportRequest,
  signal: AbortSignal,
) {
  const { kind, format } = request;
  check(request);
  const runs = await runsOf(store, request);
  const parts = { store, threads, kind, format, nowMs: clock.now(), signal };
  for await (const content of createReport(parts, runs)) yield { content };
}

function check({ kind, format, run, filter }: GetReportRequest): void {
  if (kind === ReportKind.UNSPECIFIED)
    throw DroverError.invalid('kind', 'is missing; say what the report is about');
  if (ReportKindSchema.value[kind] === undefined)
    throw DroverError.invalid('kind', `${kind} is not a kind that is known`);
  if (format !== ReportFormat.UNSPECIFIED && ReportFormatSchema.value[format] === undefined)
    throw DroverError.invalid('format', `${format} is not a format that is known`);
  if (run !== '' && filter !== '')
    throw DroverError.invalid('filter', 'cannot be given together with a run');
}

/** What is asked for is looked up before the first byte is sent. */
async function runsOf(
  store: Reader,
  { run, filter }: GetReportRequest,
): Promise<AsyncIterable<ReportedRun>> {
  if (run === '') return filteredRuns(store, parseTaskFilter(filter));
  const found = await namedRun(store, run);
  return (async function* () {
    yield found;
  })();
}

async function namedRun(store: Reader, name: string): Promise<ReportedRun> {
  if (!name.includes('/runs/')) {
    const task = parseTaskName(name, 'run');
    return await latestOf(store, task);
  }
  const key = parseRunName(name, 'run');
  const row = await requireRun(store, key);
  return { task: viewTask(await requireTask(store, key.task), row), key, row };
}

async function latestOf(store: Reader, task: string): Promise<ReportedRun> {
  const taskRow = await requireTask(store, task);
  const row = await latestRun(store, task, taskRow);
  const key: RunKey = { task, run: taskRow.latestRun };
  return { task: viewTask(taskRow, row), key, row };
}

/** The latest runs of the tasks that the filter wants, in the order of their names. */
async function* filteredRuns(store: Reader, isWanted: TaskFilter): AsyncGenerator<ReportedRun> {
  for (let after = ''; ;) {
    const rows = await store.tasks(after, tasksRead);
    for (const taskRow of rows) {
      const id = parseTaskName(taskRow.task!.name, 'name');
      after = id;
      const row = await latestRun(store, id, taskRow);
      const task = viewTask(taskRow, row);
      if (isWanted(task)) yield { task, key: { task: id, run: taskRow.latestRun }, row };
    }
    if (rows.length < tasksRead) return;
  }
}
