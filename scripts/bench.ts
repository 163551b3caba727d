// `npm run bench`: how fast Drover is on this machine, against the tools that everybody knows. A target that is missed is shown, and
// fails nothing: only a bench that does not work does.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import path from 'node:path';
import { runProcess } from '../lib/process-edge.ts';
import { version } from '../lib/version.ts';
import { sharedRun } from './bench-balance.ts';
import { coordinatorAlone } from './bench-coordinator.ts';
import { reportOfRun } from './bench-report.ts';
import { filteredScan } from './bench-filters.ts';
import { openStack, type BenchStack } from './bench-stack.ts';
import { parseBench, type BenchOptions, type WorkloadName } from './bench-options.ts';
import { formatTable, type Row } from './bench-table.ts';
import { largeFiles, smallFiles, tinyFiles, type WorkloadContext } from './bench-workloads.ts';
import { tenantBudget, tenantLargeFile, tenantSmallFiles } from './bench-tenant.ts';
import { StartError } from './local-process.ts';

const root = path.dirname(import.meta.dirname);

const workloads: Record<WorkloadName, (context: WorkloadContext) => Promise<Row[]>> = {
  a: smallFiles,
  b: largeFiles,
  c: tinyFiles,
  d: tenantSmallFiles,
  e: tenantLargeFile,
  f: tenantBudget,
  g: coordinatorAlone,
  h: sharedRun,
  i: filteredScan,
  j: reportOfRun,
};

await runProcess('bench', process, async ({ drain }) => {
  const startFolder = process.env['INIT_CWD'] ?? process.cwd();
  const options = parseBench(process.argv.slice(2), { root, startFolder });
  if (typeof options === 'number') return options;
  const interrupted = new Promise<number>((resolve) =>
    drain.addEventListener('abort', () => resolve(130), { once: true }),
  );
  return await Promise.race([measureAll(options), interrupted]);
});

async function measureAll(options: BenchOptions): Promise<number> {
  mkdirSync(options.folder, { recursive: true });
  const folder = mkdtempSync(path.join(options.folder, 'work-'));
  // Also when the process ends in the middle: these are gigabytes.
  const clean = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', clean);
  const rows: Row[] = [];
  try {
    await using stacks = new AsyncDisposableStack();
    const smokeStack = options.isSmoke ? lasting(path.join(folder, 'stack'), stacks) : undefined;
    for (const name of options.only) {
      const own = path.join(folder, name);
      mkdirSync(own);
      say(`workload ${name}, ${options.rounds} rounds`);
      rows.push(...(await workloads[name]({ options, folder: own, say, smokeStack })));
      rmSync(own, { recursive: true });
    }
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    console.error(error.message);
    return 1;
  } finally {
    clean();
  }
  say(['', ...formatTable(rows)].join('\n'));
  if (options.resultFolder !== undefined) say(`\n${writeResult(options, rows)}`);
  return 0;
}

/** One stack for whoever asks for it, started for the first. */
function lasting(data: string, stacks: AsyncDisposableStack): () => Promise<BenchStack> {
  let started: Promise<BenchStack> | undefined;
  return () => (started ??= openStack(data).then((stack) => stacks.use(stack)));
}

/** Writes what was measured, and on what; answers with the file. */
function writeResult(options: BenchOptions, rows: readonly Row[]): string {
  const date = new Date().toISOString();
  const file = path.join(options.resultFolder!, `${date.replaceAll(':', '-').slice(0, 19)}.json`);
  const machine = {
    platform: `${process.platform}/${process.arch}`,
    kernel: release(),
    cores: availableParallelism(),
    processor: cpus()[0]?.model,
    memoryBytes: totalmem(),
    node: process.version,
  };
  const { rounds, sizes } = options;
  mkdirSync(options.resultFolder!, { recursive: true });
  const result = { date, version, machine, rounds, sizes, rows };
  writeFileSync(file, `${JSON.stringify(result, undefined, 2)}\n`);
  return file;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
