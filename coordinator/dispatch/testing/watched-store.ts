// The real store with two additions for tests: it knows when nothing is going on, and its writes can be held up or made to fail.
import type { RunRow } from '../../../gen/drover/store/v1/rows_pb.ts';
import type { Begun, RunKey, Store, Transaction } from '../../store/store.ts';

type Change<T> = (transaction: Transaction) => Promise<T> | T;

/** A store whose writes a test can stop. */
export interface WatchedStore {
  readonly store: Store;
  /** Waits until no call to the store is going and none follows from those that were. */
  idle(): Promise<void>;
  /** The next write waits; `reached` resolves when it does, `release` lets it go on. */
  holdWrite(): { reached: Promise<void>; release: () => void };
  /** The next write fails. */
  failWrite(error: Error): void;
  /** Of the next change that is begun it is said, after it was made, that it could not be written. */
  loseWrite(error: Error): void;
  /** Reads of runs outside commits answer late, with what stood when they were asked, until the answer is called. */
  holdRunReads(): () => void;
  /** Takes a failure back that no write has met yet. */
  failNothing(): void;
}

/** Watches every call to `inner`. */
export function watchStore(inner: Store): WatchedStore {
  let pending = 0;
  let runReads: Promise<void> | undefined;
  let beforeWrite: (() => Promise<void> | void) | undefined;
  let lost: Error | undefined;

  async function track<T>(result: Promise<T>): Promise<T> {
    pending += 1;
    try {
      return await result;
    } finally {
      pending -= 1;
    }
  }

  const stoppable =
    <T>(change: Change<T>): Change<T> =>
    async (transaction) => {
      let puts = 0;
      const counted = new Proxy(transaction, {
        get(target, name) {
          const member: unknown = Reflect.get(target, name, target);
          if (typeof member !== 'function') return member;
          if (/^(put|delete)/.test(String(name))) puts += 1;
          return member.bind(target) as unknown;
        },
      });
      const result = await change(counted);
      const stop = puts > 0 ? beforeWrite : undefined;
      if (stop !== undefined) beforeWrite = undefined;
      await stop?.();
      return result;
    };

  async function begin<T>(change: Change<T>): Promise<Begun<T>> {
    const { result, written } = await track(inner.begin(stoppable(change)));
    const loss = lost;
    lost = undefined;
    return { result, written: track(loss === undefined ? written : Promise.reject(loss)) };
  }

  async function readRun(key: RunKey): Promise<RunRow | undefined> {
    const row = await inner.run(key);
    await runReads;
    return row;
  }

  const store = new Proxy(inner, {
    get(target, name) {
      if (name === 'run') return (key: RunKey) => track(readRun(key));
      if (name === 'commit') return (change: never) => track(inner.commit(stoppable(change)));
      if (name === 'begin') return begin;
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      return (...values: unknown[]) => track(Reflect.apply(member, target, values) as Promise<unknown>); // oxfmt-ignore
    },
  });

  return {
    store,
    async idle() {
      for (let quietRounds = 0; quietRounds < 3;) {
        await new Promise(setImmediate);
        quietRounds = pending === 0 ? quietRounds + 1 : 0;
      }
    },
    holdWrite() {
      const reached = Promise.withResolvers<void>();
      const released = Promise.withResolvers<void>();
      beforeWrite = () => {
        reached.resolve();
        return released.promise;
      };
      return { reached: reached.promise, release: released.resolve };
    },
    failWrite(error) {
      beforeWrite = () => {
        throw error;
      };
    },
    loseWrite(error) {
      lost = error;
    },
    holdRunReads() {
      const { promise, resolve } = Promise.withResolvers<void>();
      runReads = promise;
      return resolve;
    },
    failNothing() {
      beforeWrite = undefined;
    },
  };
}
