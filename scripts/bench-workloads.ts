// The three workloads of the bench. Each runs its own stack: coordinator and agent are attached before anything is measured, and every
// round is a new task with a new destination. Who goes first alternates, so that neither always gets the warmer cache.
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { hasProgram, median, memoryOf, migrateOnce, programMs, scanOnceMs, syncMs } from './bench-measure.ts'; // oxfmt-ignore
import { withStack, type WorkloadContext } from './bench-stack.ts';
import { memoryRows, ratioRow, type Row } from './bench-table.ts';
import { makeLargeFiles, makeSmallFiles } from './bench-trees.ts';
import { unchangedRuns } from './bench-unchanged.ts';

export type { WorkloadContext } from './bench-stack.ts';

/** Milliseconds of one measurement: until the program had ended, and until everything was on disk. */
interface Sample {
  elapsedMs: number;
  toDiskMs: number;
}

/** a: many small files, against rsync -a. */
export async function smallFiles(context: WorkloadContext): Promise<Row[]> {
  const { smallFiles: files, smallFileBytes } = context.options.sizes;
  const source = path.join(context.folder, 'source');
  const folders = makeSmallFiles(source, files, smallFileBytes);
  const isComparable = await hasProgram('rsync');
  if (!isComparable)
    context.say('  rsync is not here, so there is nothing to compare with: apt-get install rsync');
  const theirs = (destination: string) => programMs('rsync', '-a', `${source}/`, `${destination}/`);
  const times = await compare(context, files + folders, 'keep', isComparable ? theirs : undefined);
  const title = `a  ${files} files of ${smallFileBytes} bytes, rsync -a`;
  return copyRows(title, times, { most: 1.5 });
}

/** b: few large files, against cp -r. */
export async function largeFiles(context: WorkloadContext): Promise<Row[]> {
  const { largeFiles: files, largeFileBytes } = context.options.sizes;
  const source = path.join(context.folder, 'source');
  makeLargeFiles(source, files, largeFileBytes);
  const times = await compare(context, files, 'remove', (destination) =>
    programMs('cp', '-r', source, destination),
  );
  return copyRows(`b  ${files} files of ${largeFileBytes} bytes, cp -r`, times, { most: 1 });
}

/** c: very many tiny files: the scan against find -printf, a run in which all is unchanged against the scan, and memory. */
export async function tinyFiles(context: WorkloadContext): Promise<Row[]> {
  const { tinyFiles: files, tinyFilesLess, tinyFileBytes } = context.options.sizes;
  const less = path.join(context.folder, 'less');
  const more = path.join(context.folder, 'more');
  const lessItems = tinyFilesLess + makeSmallFiles(less, tinyFilesLess, tinyFileBytes);
  const moreItems = files + makeSmallFiles(more, files, tinyFileBytes);
  const scans = await compareScans(context, more, moreItems);
  const title = `c  scan of ${files} files of ${tinyFileBytes} bytes, find -printf`;
  const rows = [ratioRow(title, scans.ours, scans.theirs, { most: 2 })];
  const memory = [];
  for (const [source, items] of [
    [less, lessItems],
    [more, moreItems],
  ] as const)
    // oxfmt-ignore
    memory.push({ files: items, ...(await memoryOfRun(context, source, items)) });
  return [...rows, ...(await unchangedRuns(context, more, moreItems)), ...memoryRows(memory)];
}

/**
 * What becomes of a destination once it was measured. Many small files are kept until the end: ext4 does not use the inodes
 * of files that were deleted in the last minutes, and who creates files right after a large deletion pays for looking past
 * them, several times what the copying itself costs. Few large files are removed at once, for their room.
 */
type Afterwards = 'keep' | 'remove';

async function compare(
  context: WorkloadContext,
  items: number,
  afterwards: Afterwards,
  theirs: ((destination: string) => Promise<number>) | undefined,
): Promise<{ ours: Sample[]; theirs: Sample[] }> {
  const source = path.join(context.folder, 'source');
  const times: { ours: Sample[]; theirs: Sample[] } = { ours: [], theirs: [] };
  await withStack(context, async ({ api }) => {
    const ours = async (destination: string) =>
      (await migrateOnce(api, { source, destination }, items)).elapsedMs;
    for (let round = 0; round < context.options.rounds; round++) {
      const measureOurs = async () =>
        times.ours.push(await measure(context, `ours ${round}`, afterwards, ours));
      const measureTheirs = async () =>
        theirs && times.theirs.push(await measure(context, `theirs ${round}`, afterwards, theirs));
      const order = [measureOurs, measureTheirs];
      if (round % 2 === 1) order.reverse();
      for (const one of order) await one();
      context.say(
        `  round ${round + 1}: ${describe(times.ours)} against ${describe(times.theirs)}`,
      );
    }
  });
  return times;
}

async function measure(
  context: WorkloadContext,
  name: string,
  afterwards: Afterwards,
  copy: (destination: string) => Promise<number>,
): Promise<Sample> {
  const destination = path.join(context.folder, name);
  await mkdir(destination);
  // What an earlier measurement left to be written must not be paid for by this one.
  await syncMs(context.folder);
  const elapsedMs = await copy(destination);
  const toDiskMs = elapsedMs + (await syncMs(context.folder));
  if (afterwards === 'remove') await rm(destination, { recursive: true });
  return { elapsedMs, toDiskMs };
}

async function compareScans(
  context: WorkloadContext,
  source: string,
  items: number,
): Promise<{ ours: number[]; theirs: number[] }> {
  const times = { ours: [] as number[], theirs: [] as number[] };
  const destination = path.join(context.folder, 'never written');
  await withStack(context, async ({ api }) => {
    const ours = async () => times.ours.push(await scanOnceMs(api, { source, destination }, items));
    // The same facts as a scan takes: path, kind, size, times and the number of the file.
    const theirs = async () =>
      times.theirs.push(await programMs('find', source, '-printf', '%p %y %s %T@ %C@ %i\\n'));
    for (let round = 0; round < context.options.rounds; round++) {
      for (const one of round % 2 === 0 ? [ours, theirs] : [theirs, ours]) await one();
      const [last, other] = [times.ours.at(-1)!, times.theirs.at(-1)!];
      context.say(`  scan ${round + 1}: ${last.toFixed(0)} ms against ${other.toFixed(0)} ms`);
    }
  });
  return times;
}

/** What the two processes of a fresh stack needed for one full run. */
async function memoryOfRun(context: WorkloadContext, source: string, items: number) {
  const destination = path.join(context.folder, 'destination');
  const result = await withStack(context, async ({ api, coordinatorPid, agentPid }) => {
    const { elapsedMs } = await migrateOnce(api, { source, destination }, items);
    context.say(`  run of ${items} items: ${(elapsedMs / 1000).toFixed(1)} s`);
    return { elapsedMs, coordinator: memoryOf(coordinatorPid), agent: memoryOf(agentPid) };
  });
  await rm(destination, { recursive: true });
  return result;
}

function copyRows(
  title: string,
  times: { ours: Sample[]; theirs: Sample[] },
  target: { most: number },
): Row[] {
  const pick = (samples: Sample[], key: keyof Sample) => samples.map((sample) => sample[key]);
  return [
    ratioRow(title, pick(times.ours, 'elapsedMs'), pick(times.theirs, 'elapsedMs'), target),
    ratioRow('   the same until on disk', pick(times.ours, 'toDiskMs'), pick(times.theirs, 'toDiskMs')), // oxfmt-ignore
  ];
}

function describe(samples: Sample[]): string {
  const last = samples.at(-1);
  if (last === undefined) return 'nothing';
  return `${last.elapsedMs.toFixed(0)} ms (${last.toDiskMs.toFixed(0)} ms until on disk, median ${median(samples.map((sample) => sample.elapsedMs)).toFixed(0)} ms)`;
}
