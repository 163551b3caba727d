// A part of workload c: a run in which every file is unchanged takes the time of its scan, and writes nothing.
import { execFile } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { migrateOnce, runAgain, scanOnceMs } from './bench-measure.ts';
import { withStack, type WorkloadContext } from './bench-stack.ts';
import { figureRow, ratioRow, type Row } from './bench-table.ts';

const execute = promisify(execFile);

/** Migrates once, then runs the same task again and again, each time with a run of another task that only scans. */
export async function unchangedRuns(
  context: WorkloadContext,
  source: string,
  items: number,
): Promise<Row[]> {
  const destination = path.join(context.folder, 'unchanged');
  const times = { again: [] as number[], scan: [] as number[] };
  let written = 0;
  await withStack(context, async ({ api }) => {
    const { run } = await migrateOnce(api, { source, destination }, items);
    const task = run.name.slice(0, run.name.indexOf('/runs/'));
    const marker = path.join(context.folder, 'marker');
    await writeFile(marker, '');
    const again = async () => times.again.push(await runAgain(api, task, items));
    const scan = async () =>
      times.scan.push(await scanOnceMs(api, { source, destination: `${destination} never` }, items)); // oxfmt-ignore
    for (let round = 0; round < context.options.rounds; round++) {
      for (const one of round % 2 === 0 ? [again, scan] : [scan, again]) await one();
      context.say(
        `  unchanged ${round + 1}: ${times.again.at(-1)!.toFixed(0)} ms against ${times.scan.at(-1)!.toFixed(0)} ms of a scan`,
      );
    }
    written = await countChanged(destination, marker);
  });
  await rm(destination, { recursive: true });
  return [
    ratioRow(`c  ${items} unchanged items, a run that only scans`, times.again, times.scan, { most: 1.3 }), // oxfmt-ignore
    figureRow('   files and folders of the destination touched by it', written, { most: 0 }),
  ];
}

/** What was written, renamed or given another date below a folder after the marker was made. */
async function countChanged(folder: string, marker: string): Promise<number> {
  const { stdout } = await execute('find', [folder, '-cnewer', marker, '-printf', 'x']);
  return stdout.length;
}
