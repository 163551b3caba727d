// An agent that works at a pace of its own, on the clock of a test: its threads take leases in the order in which they came, and it
// says four times a second how far it is.
import { fromBinary } from '@bufbuild/protobuf';
import { BatchItemsSchema } from '../../../gen/drover/v1/columns_pb.ts';
import type { BatchLease } from '../../../gen/drover/v1/session_pb.ts';
import type { Harness } from './harness.ts';
import type { Entry, ScriptedAgent } from './scripted-agent.ts';

export const tickMs = 250;

interface Job {
  lease: BatchLease;
  items: number;
  /** Items, and what is done of the next one. */
  done: number;
}

export class PacedAgent {
  readonly agent: ScriptedAgent;
  /** Items that were reported. */
  items = 0;
  /** Scans that it has done. */
  scans = 0;
  readonly #threads: number;
  readonly #itemsPerSecond: number;
  #jobs: Job[] = [];

  /** `itemsPerSecond` is what one thread does. */
  constructor(agent: ScriptedAgent, threads: number, itemsPerSecond: number) {
    this.agent = agent;
    this.#threads = threads;
    this.#itemsPerSecond = itemsPerSecond;
  }

  /** Attaches one. */
  static async attach(harness: Harness, name: string, threads: number, itemsPerSecond: number) {
    const agent = await harness.attach(name, { slots: threads + 1 });
    return new PacedAgent(agent, threads, itemsPerSecond);
  }

  /** Scans the run whose lease has come, in one page. */
  scan(entries: readonly Entry[]): void {
    const { key } = this.agent.take('scanLease');
    this.scans += 1;
    this.agent.sendPage(key, 1n, entries);
    this.agent.sendScanDone(key, 1n);
  }

  /** Works for the time of a tick, and reports. */
  work(): void {
    this.#listen();
    for (const job of this.#jobs.slice(0, this.#threads))
      job.done = Math.min(job.done + (this.#itemsPerSecond * tickMs) / 1000, job.items);
    for (const job of this.#jobs.filter(({ done, items }) => done >= items)) {
      this.agent.sendResults(job.lease);
      this.#drop(job, job.items);
    }
    const leases = this.#jobs.map(({ lease, done }) => ({ key: lease.key!, items: BigInt(Math.floor(done)), bytes: 0n })); // oxfmt-ignore
    this.agent.push({ case: 'heartbeat', value: { leases } });
  }

  #listen(): void {
    for (const lease of this.agent.news('batchLease'))
      this.#jobs.push({ lease, items: fromBinary(BatchItemsSchema, lease.items).path.length, done: 0 }); // oxfmt-ignore
    for (const { key, takesPartial } of this.agent.news('leaseRevocation')) {
      const job = this.#jobs.find(({ lease }) => lease.key!.lease === key!.lease);
      if (job === undefined || !takesPartial || job.done < 1) this.agent.giveBack(key);
      else this.agent.sendPartial(job.lease, Math.floor(job.done));
      if (job !== undefined) this.#drop(job, Math.floor(job.done));
    }
  }

  /** The lease is gone, and so many of its items were reported. */
  #drop(job: Job, items: number): void {
    this.items += items;
    this.#jobs = this.#jobs.filter((other) => other !== job);
  }
}
