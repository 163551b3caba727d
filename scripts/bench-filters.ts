// Workload i: what filters cost. A scan with two hundred patterns against a scan of the same files without any.
import path from 'node:path';
import { cpuMsOf, scanOnceMs } from './bench-measure.ts';
import { withStack, type WorkloadContext } from './bench-stack.ts';
import { ratioRow, type Row } from './bench-table.ts';
import { makeSmallFiles } from './bench-trees.ts';

interface Sample {
  wallMs: number;
  cpuMs: number;
}

/** i: a scan with patterns against one without; by the clock, and by the processor time of agent and coordinator. */
export async function filteredScan(context: WorkloadContext): Promise<Row[]> {
  const { filteredFiles: files } = context.options.sizes;
  const source = path.join(context.folder, 'source');
  const items = files + makeSmallFiles(source, files, 10);
  const destination = path.join(context.folder, 'never written');
  const times = { filtered: [] as Sample[], plain: [] as Sample[] };
  await withStack(context, async ({ api, coordinatorPid, agentPid }) => {
    const cpuMs = () => cpuMsOf(coordinatorPid) + cpuMsOf(agentPid);
    const measure = async (excludePatterns: readonly string[]): Promise<Sample> => {
      const before = cpuMs();
      const settings = { excludePatterns: { values: [...excludePatterns] } };
      const wallMs = await scanOnceMs(api, { source, destination, settings }, items);
      return { wallMs, cpuMs: cpuMs() - before };
    };
    // The first scan of a process compiles its code, whichever it is.
    await measure(patterns);
    await measure([]);
    for (let round = 0; round < context.options.rounds; round++) {
      const filtered = async () => times.filtered.push(await measure(patterns));
      const plain = async () => times.plain.push(await measure([]));
      for (const one of round % 2 === 0 ? [filtered, plain] : [plain, filtered]) await one();
      context.say(`  scan ${round + 1}: ${describe(times.filtered)} against ${describe(times.plain)}`); // oxfmt-ignore
    }
  });
  const pick = (samples: readonly Sample[], key: keyof Sample) => samples.map((one) => one[key]);
  const most = { most: 1.5 };
  return [
    ratioRow(`i  scan of ${files} files with ${patterns.length} patterns, without any`, pick(times.filtered, 'wallMs'), pick(times.plain, 'wallMs'), most), // oxfmt-ignore
    ratioRow('   processor time of the same', pick(times.filtered, 'cpuMs'), pick(times.plain, 'cpuMs'), most), // oxfmt-ignore
  ];
}

const times = <T>(count: number, make: (number: number) => T): T[] =>
  Array.from({ length: count }, (_, number) => make(number));

/**
 * Patterns of every kind that administrators write. None of them matches, so that both scans find and send the same: what differs is the
 * judging of each name by all of them.
 */
const patterns: readonly string[] = [
  ...times(60, (number) => `*.ex${number}`),
  ...times(40, (number) => `Temporary ${number}`),
  ...times(20, (number) => `~$${number}*`),
  ...times(20, (number) => `*_old_${number}`),
  ...times(20, (number) => `backup-????-${number}-*`),
  ...times(10, (number) => `*copy (${number})*`),
  ...times(10, (number) => `*.{bak,tmp}${number}`),
  ...times(10, (number) => `/Archive ${number}/*/old`),
  ...times(10, (number) => `**/cache ${number}/*.dat`),
];

function describe(samples: readonly Sample[]): string {
  const { wallMs, cpuMs } = samples.at(-1)!;
  return `${wallMs.toFixed(0)} ms (${cpuMs.toFixed(0)} ms of processor time)`;
}
