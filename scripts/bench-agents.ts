// The bench's agents in a process of their own, as the bench sees them.
import { execFileSync, fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import type { BenchOrder, BenchReport } from './bench-agents-main.ts';
import type { JoinPlace } from './bench-join.ts';

export interface BenchAgents extends Disposable {
  readonly pid: number;
  /** Lets agents join and attaches them. */
  attach(place: JoinPlace, agents: { count: number; slots: number }): Promise<void>;
  /** How many items every scan finds from now on, and whether batches are kept without being worked on. */
  setWork(work: { items: number; isHolding: boolean }): Promise<void>;
  /** Waits until every agent is attached, as after a restart of the coordinator. */
  waitAttached(): Promise<void>;
  /** When an agent got the lease of a run's scan, in nanoseconds of `process.hrtime`. */
  scanLeaseNs(run: string): Promise<bigint>;
}

/** Starts the process; it ends when it is disposed of, or with this one. */
export function startBenchAgents(): BenchAgents {
  const child = fork(path.join(import.meta.dirname, 'bench-agents-main.ts'), {
    serialization: 'advanced',
    execArgv: [],
  });
  const leases = new Map<string, PromiseWithResolvers<bigint>>();
  const leaseOf = (run: string) => {
    const known = leases.get(run) ?? Promise.withResolvers<bigint>();
    leases.set(run, known);
    return known;
  };
  let answer = Promise.withResolvers<void>();
  child.on('message', (report: BenchReport) => {
    if (report.kind === 'done') answer.resolve();
    else if (report.kind === 'failed') answer.reject(new Error(report.message));
    else leaseOf(report.lease.slice(0, report.lease.lastIndexOf('/'))).resolve(report.timeNs);
  });
  child.on('exit', () => answer.reject(new Error('the process of the agents has ended')));
  const tell = (order: BenchOrder): Promise<void> => {
    answer = Promise.withResolvers();
    child.send(order);
    return answer.promise;
  };
  return {
    pid: child.pid!,
    attach: (place, { count, slots }) => tell({ kind: 'attach', place, count, slots }),
    setWork: (work) => tell({ kind: 'work', ...work }),
    waitAttached: () => tell({ kind: 'wait-attached' }),
    scanLeaseNs: async (run) => {
      const timeNs = await leaseOf(run).promise;
      leases.delete(run);
      return timeNs;
    },
    [Symbol.dispose]: () => child.disconnect(),
  };
}

/**
 * Keeps a process, with all its threads, on one core. Answers whether that could be done: there must be a second one for the
 * others, and the program taskset.
 */
export function pinProcess(pid: number, core: number): boolean {
  if (availableParallelism() < 2) return false;
  try {
    execFileSync('taskset', ['-a', '-c', '-p', String(core), String(pid)], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
