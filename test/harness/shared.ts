// Stacks that the files of one process have in common: to start one costs more than most tests do. A file says when it is loaded that it
// takes part, so that what is started for the first of them is there until the last has ended.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Turns } from './file-turn.ts';
import { Stack, type Cleanup } from './stack.ts';
import { Tenant } from './tenant.ts';

/** What a file has of what is shared; both are for its hooks. */
export interface Part<T> {
  /** Starts it for the first file, and waits for its turn where files take turns. */
  take: () => Promise<T>;
  /** Stops it after the last file. */
  leave: () => Promise<void>;
}

class Shared<T> {
  readonly #start: (cleanup: Cleanup) => Promise<T>;
  readonly #turns: Turns;
  readonly #stops: Parameters<Cleanup>[0][] = [];
  #parts = 0;
  #started: Promise<T> | undefined;

  constructor(filesAtOnce: number, start: (cleanup: Cleanup) => Promise<T>) {
    this.#start = start;
    this.#turns = new Turns(filesAtOnce);
  }

  join(): Part<T> {
    this.#parts += 1;
    let hasTurn = false;
    return {
      take: async () => {
        await this.#turns.take();
        hasTurn = true;
        return await (this.#started ??= this.#start((stop) => this.#stops.push(stop)));
      },
      leave: async () => {
        if (hasTurn) this.#turns.giveBack();
        this.#parts -= 1;
        if (this.#parts > 0) return;
        for (const stop of this.#stops.toReversed()) await stop();
      },
    };
  }
}

const folders = new Shared(Infinity, async (cleanup) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'drover-test-'));
  cleanup(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  const stack = await Stack.start({ folder }, cleanup);
  await stack.startAgent({ threads: 2, arguments: ['--source-root', tmpdir()] });
  return stack;
});

const tenant = new Shared(1, async (cleanup) => {
  // Short, so that the coordinator hears soon what an agent is at.
  const shared = await Tenant.start(
    { coordinatorArguments: ['--heartbeat-interval', '1'] },
    cleanup,
  );
  await shared.startAgent({ threads: 2 });
  return shared;
});

const briefTenant = new Shared(1, (cleanup) =>
  Tenant.start(
    {
      // Slow enough that a run of small files is seen in its middle.
      emulatorArguments: ['--latency', '20', '--session-expiry', '3'],
      coordinatorArguments: ['--lease-ttl', '3', '--heartbeat-interval', '1'],
    },
    cleanup,
  ),
);

/**
 * A coordinator and an agent of the group `default` with two threads, which reads what is in temporary folders. Files use it at once: each
 * test has tasks of its own, kills and pauses nobody, and counts nothing but what is its own. An agent that a test starts besides has a
 * group and a source root of its own, so that it gets nobody else's work.
 */
export const sharedStack = (): Part<Stack> => folders.join();

/**
 * A tenant with a coordinator and an agent of the group `default` with two threads. Files take turns, so that they may count what it is
 * asked for, and have faults; a test whose agents end starts them in a group of their own.
 */
export const sharedTenant = (): Part<Tenant> => tenant.join();

/**
 * A tenant with a coordinator and no agent, where what a dead agent held is free after three seconds. Files take turns; the agents of each
 * end with it.
 */
export const sharedBriefTenant = (): Part<Tenant> => briefTenant.join();
