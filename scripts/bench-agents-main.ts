// The process of the bench's agents: it does what its parent says over the channel between them, and ends with it.
import { setTimeout as delay } from 'node:timers/promises';
import { BenchAgent, type BenchWork } from './bench-agent.ts';
import { joinAll, type JoinPlace } from './bench-join.ts';

/** What the parent says; each is answered with `done`. */
export type BenchOrder =
  | { kind: 'attach'; place: JoinPlace; count: number; slots: number }
  /** How many items every scan finds from now on, and whether batches are kept without being worked on. */
  | { kind: 'work'; items: number; isHolding: boolean }
  /** Waits until every agent is attached. */
  | { kind: 'wait-attached' };

export type BenchReport =
  | { kind: 'done' }
  | { kind: 'failed'; message: string }
  /** An agent got the lease of a scan; the time is the machine's own monotonic clock, which all its processes share. */
  | { kind: 'scan-lease'; lease: string; timeNs: bigint };

const ending = new AbortController();
const agents: BenchAgent[] = [];
const work: BenchWork = {
  items: 0,
  isHolding: false,
  onScanLease: (lease) => report({ kind: 'scan-lease', lease, timeNs: process.hrtime.bigint() }),
};

process.on('message', (order: BenchOrder) => {
  obey(order).then(
    () => report({ kind: 'done' }),
    (error: unknown) => report({ kind: 'failed', message: String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));

async function obey(order: BenchOrder): Promise<void> {
  switch (order.kind) {
    case 'attach': {
      const identities = await joinAll(order.place, order.count);
      for (const identity of identities) {
        const agent = new BenchAgent(identity, order.slots, work);
        agents.push(agent);
        void agent.run(ending.signal);
      }
      return waitAttached();
    }
    case 'work':
      work.items = order.items;
      work.isHolding = order.isHolding;
      if (!work.isHolding) for (const agent of agents) agent.goOn();
      return;
    case 'wait-attached':
      return waitAttached();
  }
}

async function waitAttached(): Promise<void> {
  while (!agents.every(({ isAttached }) => isAttached)) await delay(10);
}

function report(message: BenchReport): void {
  process.send?.(message);
}
