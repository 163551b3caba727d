// Workload j: the report of a run of a million items, as a client gets it over the wire, beside sqlite3 that writes the same rows from a table
// of its own.
import { execFile } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { ReportFormat, ReportKind } from '../gen/drover/v1/report_pb.ts';
import { connectApi, type Api } from './api-client.ts';
import { startBenchAgents } from './bench-agents.ts';
import { attach, checkRun, createTask, runToEnd, startOnData } from './bench-coordinator.ts';
import { cpuMsOf, hasProgram, median, memoryOf, programMs } from './bench-measure.ts';
import { figureRow, ratioRow, type Row } from './bench-table.ts';
import type { WorkloadContext } from './bench-workloads.ts';

const execute = promisify(execFile);
const agentCount = 4;
const lineFeed = 0x0a;
const mebibyte = 1024 * 1024;

/** j: the report of a run. */
export async function reportOfRun(context: WorkloadContext): Promise<Row[]> {
  const { rounds, sizes } = context.options;
  const items = sizes.reportItems;
  using agents = startBenchAgents();
  const coordinator = await startOnData(context);
  try {
    const api = connectApi(coordinator.ready);
    await attach({ agents, api, coordinator }, agentCount);
    await agents.setWork({ items, isHolding: false });
    const task = await createTask(api, 'reported');
    checkRun((await runToEnd(api, task)).run, items);
    const before = memoryOf(coordinator.pid)?.peakBytes ?? 0;
    const theirs = await sqliteExport(context, api, task);
    const [oursMs, theirsMs, cpuMs]: [number[], number[], number[]] = [[], [], []];
    for (let round = 0; round < rounds; round++) {
      const ours = async () => {
        const startCpuMs = cpuMsOf(coordinator.pid);
        oursMs.push(await reportMs(api, task, items));
        cpuMs.push(cpuMsOf(coordinator.pid) - startCpuMs);
      };
      const other = async () => theirs && theirsMs.push(await theirs());
      for (const one of round % 2 === 0 ? [ours, other] : [other, ours]) await one();
      context.say(`  round ${round + 1}: ${oursMs.at(-1)!.toFixed(0)} ms against ${theirsMs.at(-1)?.toFixed(0) ?? '-'} ms`); // oxfmt-ignore
    }
    const perSecond = (timesMs: number[]) => (items * 1000) / median(timesMs);
    const grownBytes = (memoryOf(coordinator.pid)?.peakBytes ?? 0) - before;
    return [
      figureRow(`j  report of ${items} items: rows a second`, perSecond(oursMs), { least: 100_000 }), // oxfmt-ignore
      figureRow('   rows a second of processor time of the coordinator', perSecond(cpuMs)),
      ratioRow('   the same rows from a table, sqlite3 -csv', oursMs, theirsMs),
      figureRow('   memory of the coordinator above that of the run, MiB', grownBytes / mebibyte, { most: 100 }), // oxfmt-ignore
    ];
  } finally {
    await coordinator.stop();
  }
}

function report(api: Api, task: string) {
  return api.reports.getReport({ kind: ReportKind.ITEM_REPORT, format: ReportFormat.CSV, run: task }); // oxfmt-ignore
}

/** Milliseconds until the last byte was here; throws when it is not a row for each item. */
async function reportMs(api: Api, task: string, items: number): Promise<number> {
  const startMs = performance.now();
  let lines = 0;
  for await (const { content } of report(api, task)) lines += linesIn(content);
  const elapsedMs = performance.now() - startMs;
  if (lines !== items + 1) throw new Error(`the report has ${lines - 1} rows, not ${items}`);
  return elapsedMs;
}

/** Counted in the cheapest way: client and coordinator share the cores. */
function linesIn({ buffer, byteOffset, length }: Uint8Array): number {
  const bytes = Buffer.from(buffer, byteOffset, length);
  let lines = 0;
  for (let at = bytes.indexOf(lineFeed); at >= 0; at = bytes.indexOf(lineFeed, at + 1)) lines += 1; // oxfmt-ignore
  return lines;
}

/** Puts the rows into a table of SQLite; answers with what measures its export, undefined where it is not here. */
async function sqliteExport(
  context: WorkloadContext,
  api: Api,
  task: string,
): Promise<(() => Promise<number>) | undefined> {
  if (!(await hasProgram('sqlite3'))) {
    context.say('  sqlite3 is not here, so there is nothing to compare with: apt-get install sqlite3'); // oxfmt-ignore
    return undefined;
  }
  const csv = path.join(context.folder, 'report.csv');
  const database = path.join(context.folder, 'report.db');
  const content = async function* () {
    for await (const answer of report(api, task)) yield answer.content;
  };
  await pipeline(Readable.from(content()), createWriteStream(csv));
  await execute('sqlite3', [database, '-cmd', '.mode csv', `.import "${csv}" report`]);
  return () => programMs('sqlite3', '-csv', '-header', database, 'select * from report');
}
