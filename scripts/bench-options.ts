// The options of the bench, and how large its workloads are.
import path from 'node:path';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { wholeNumber } from '../lib/option-values.ts';

export const workloadNames = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'] as const;
export type WorkloadName = (typeof workloadNames)[number];

export interface BenchSizes {
  /** Workload a: small files. */
  smallFiles: number;
  smallFileBytes: number;
  /** Workload b: large files. */
  largeFiles: number;
  largeFileBytes: number;
  /** Workload c: tiny files, scanned and migrated; the lesser number shows whether memory grows. */
  tinyFiles: number;
  tinyFilesLess: number;
  tinyFileBytes: number;
  /** Workload d: small files to a tenant. */
  tenantFiles: number;
  tenantFileBytes: number;
  /** Workload e: one large file to a tenant, a multiple of 4 MiB. */
  tenantLargeFileBytes: number;
  /** Workload f: files, of the size of d's, within a budget. */
  budgetFiles: number;
  unitsPerMinute: number;
  /** Workload g: items of a run, sessions, how long these are idle, and runs of nothing. */
  coordinatorItems: number;
  coordinatorSessions: number;
  idleMs: number;
  firstLeaseRuns: number;
  /** Workload h: files, what an answer takes, requests at once of the agents that share a run; and how many of one speed do. */
  balanceFiles: number;
  scaleFiles: number;
  balanceLatencyMs: number;
  balanceRequests: readonly number[];
  /** The most first, one at the end. */
  scaleAgents: readonly number[];
  scaleRequests: number;
  /** Workload i: files that are scanned with and without patterns. */
  filteredFiles: number;
  /** Workload j: items of the run that is reported. */
  reportItems: number;
}

export interface BenchOptions {
  only: readonly WorkloadName[];
  rounds: number;
  /** Where the data goes, absolute. */
  folder: string;
  /** Where the JSON goes, absolute; undefined: none is written. */
  resultFolder: string | undefined;
  sizes: BenchSizes;
  isSmoke: boolean;
}

/** What the project has promised figures for. */
export const fullSizes: BenchSizes = {
  smallFiles: 20_000,
  smallFileBytes: 10 * 1024,
  largeFiles: 4,
  largeFileBytes: 1024 ** 3,
  tinyFiles: 300_000,
  tinyFilesLess: 30_000,
  tinyFileBytes: 100,
  tenantFiles: 5000,
  tenantFileBytes: 20 * 1024,
  tenantLargeFileBytes: 2 * 1024 ** 3,
  budgetFiles: 1000,
  unitsPerMinute: 1250,
  coordinatorItems: 1_000_000,
  coordinatorSessions: 500,
  idleMs: 20_000,
  firstLeaseRuns: 200,
  balanceFiles: 3000,
  scaleFiles: 1500,
  balanceLatencyMs: 200,
  balanceRequests: [8, 8, 8, 8, 2, 2, 2, 2],
  scaleAgents: [8, 4, 2, 1],
  scaleRequests: 2,
  filteredFiles: 100_000,
  reportItems: 1_000_000,
};

/** Just enough to show that the bench works. */
export const smokeSizes: BenchSizes = {
  smallFiles: 60,
  smallFileBytes: 10 * 1024,
  largeFiles: 2,
  largeFileBytes: 8 * 1024 ** 2,
  tinyFiles: 300,
  tinyFilesLess: 60,
  tinyFileBytes: 100,
  tenantFiles: 40,
  tenantFileBytes: 20 * 1024,
  tenantLargeFileBytes: 24 * 1024 ** 2,
  budgetFiles: 20,
  unitsPerMinute: 1250,
  coordinatorItems: 600,
  coordinatorSessions: 12,
  idleMs: 200,
  firstLeaseRuns: 3,
  balanceFiles: 20,
  scaleFiles: 20,
  balanceLatencyMs: 20,
  balanceRequests: [4],
  scaleAgents: [2, 1],
  scaleRequests: 4,
  filteredFiles: 300,
  reportItems: 600,
};

interface Flags {
  only?: WorkloadName[];
  rounds: number;
  folder?: string;
  smoke?: boolean;
}

/** Parses the arguments after the script's name; an exit status when commander has said all there is to say. */
export function parseBench(
  args: readonly string[],
  around: { root: string; startFolder: string },
): BenchOptions | number {
  const command = new Command('npm run bench --')
    .description('Measures Drover against rsync, cp, find and rclone on this machine.')
    .option('--only <letters>', 'which workloads, such as a,d (default: all)', workloadList)
    .option('--rounds <number>', 'how often each is measured', wholeNumber(1, 100), 5)
    .option('--folder <folder>', 'where the data goes, about 14 GB (default: .drover/bench)')
    .option('--smoke', 'tiny workloads, once each, to see that the bench works')
    .allowExcessArguments(false)
    .addHelpText('after', help)
    .exitOverride();
  try {
    const given = command.parse([...args], { from: 'user' }).opts<Flags>();
    const isSmoke = given.smoke ?? false;
    const results = path.join(around.root, '.drover', 'bench');
    return {
      only: given.only ?? workloadNames,
      rounds: isSmoke ? 1 : given.rounds,
      folder: given.folder === undefined ? results : path.resolve(around.startFolder, given.folder),
      resultFolder: isSmoke ? undefined : results,
      sizes: isSmoke ? smokeSizes : fullSizes,
      isSmoke,
    };
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? 0 : 2;
  }
}

const help = `
  a  20,000 files of 10 KiB, against rsync -a (Debian's package rsync: apt-get install rsync)
  b  4 files of 1 GiB, against cp -r
  c  300,000 files of 100 bytes: the scan against find -printf, a run in which all is unchanged
     against the scan, and the memory of both processes
  d  5,000 files of 20 KiB to an emulated tenant that takes 40 ms for each answer, against the round trips they cost and rclone
     (Debian's package rclone: apt-get install rclone)
  e  one file of 2 GiB to the same tenant, against a loop that only puts the chunks
  f  1,000 files of 20 KiB to a tenant with a budget of 1,250 resource units a minute
  g  the coordinator alone, on one core, with agents that take no time: 1,000,000 items, 500 sessions, a restart; once, whatever --rounds
  h  3,000 files of 1 KiB to an emulated tenant that takes 200 ms for each answer, shared by four fast agents and four slow ones, and 1,500 by
     one, two, four and eight of one speed (some ten minutes a round)
  i  a scan of 100,000 files with 200 patterns of what is left out, against the same without any
  j  the report of a run of 1,000,000 items over the wire, beside sqlite3 that writes the same rows from a table (Debian's package sqlite3)`;

function workloadList(text: string): WorkloadName[] {
  return text.split(',').map((letter) => {
    const name = workloadNames.find((one) => one === letter.trim());
    if (name !== undefined) return name;
    throw new InvalidArgumentError(`It must be some of ${workloadNames.join(', ')}.`);
  });
}
