import test from 'ava';
import { CommitQueue, type CommitWriter } from './commit-queue.ts';
import type { Writes } from './safe-writer.ts';

/** A writer whose writes end when the test says so. */
class HeldWriter implements CommitWriter {
  readonly begun: Writes[] = [];
  mended = 0;
  #held: PromiseWithResolvers<void>[] = [];

  async mend(): Promise<void> {
    this.mended += 1;
  }

  write(writes: Writes): Promise<void> {
    this.begun.push(writes);
    const held = Promise.withResolvers<void>();
    this.#held.push(held);
    return held.promise;
  }

  end(error?: Error): void {
    const held = this.#held.shift()!;
    if (error === undefined) held.resolve();
    else held.reject(error);
  }
}

const bytes = (text: string): Uint8Array => Buffer.from(text);

/** A commit that puts one row, and whether it was acknowledged. */
function put(queue: CommitQueue, key: string, value = key) {
  const state = { outcome: 'open' };
  const writes: Writes = new Map([[key, bytes(value)]]);
  const promise = queue.commit(async () => ({ result: key, writes }));
  promise.then(
    () => (state.outcome = 'written'),
    (error: Error) => (state.outcome = error.message),
  );
  return state;
}

const turn = () => new Promise(setImmediate);

test('what is committed during a write is written at once after it, and acknowledged only then', async (t) => {
  const writer = new HeldWriter();
  const queue = new CommitQueue(writer);
  const states = ['a', 'b', 'c'].map((key) => put(queue, key));
  await turn();
  t.deepEqual(writer.begun.map((writes) => [...writes.keys()]), [['a']]); // oxfmt-ignore
  writer.end();
  await turn();
  t.deepEqual(writer.begun.map((writes) => [...writes.keys()]), [['a'], ['b', 'c']]); // oxfmt-ignore
  t.deepEqual(states.map(({ outcome }) => outcome), ['written', 'open', 'open']); // oxfmt-ignore
  writer.end();
  await turn();
  t.deepEqual(states.map(({ outcome }) => outcome), ['written', 'written', 'written']); // oxfmt-ignore
});

test('a change sees what those before it put, the newest of it, while it is not written', async (t) => {
  const writer = new HeldWriter();
  const queue = new CommitQueue(writer);
  for (const value of ['old', 'newer', 'newest']) put(queue, 'a', value);
  const seen = queue.commit(async () => ({
    result: Buffer.from(queue.get('a')!).toString(),
    writes: new Map(),
  }));
  await turn();
  t.true(queue.has('a'));
  writer.end();
  await turn();
  writer.end();
  t.is(await seen, 'newest');
  t.false(queue.has('a'));
});

test('a change that writes nothing, or throws, is answered when what it saw is written', async (t) => {
  const writer = new HeldWriter();
  const queue = new CommitQueue(writer);
  put(queue, 'a');
  let answered = 0;
  const reads = queue.commit(async () => ({ result: 1, writes: new Map() }));
  const throws = queue.commit<number>(() => Promise.reject(new Error('refused')));
  for (const promise of [reads, throws])
    void promise.catch(() => {}).finally(() => (answered += 1));
  await turn();
  t.is(answered, 0);
  writer.end();
  t.is(await reads, 1);
  await t.throwsAsync(throws, { message: 'refused' });
});

test('a change that is begun is answered when it is made, and says when it is written, or that it was not', async (t) => {
  const writer = new HeldWriter();
  const queue = new CommitQueue(writer);
  const begin = (key: string) => queue.begin(async () => ({ result: key, writes: new Map([[key, bytes(key)]]) })); // oxfmt-ignore
  const [first, second] = [await begin('a'), await begin('b')];
  t.deepEqual([first.result, second.result], ['a', 'b']);
  let written = 0;
  for (const begun of [first, second]) void begun.written.then(() => (written += 1), () => {}); // oxfmt-ignore
  await turn();
  t.is(written, 0);
  writer.end();
  await turn();
  t.is(written, 1);
  const third = await begin('c');
  writer.end(new Error('disk full'));
  for (const begun of [second, third]) await t.throwsAsync(begun.written, { message: 'disk full' });
  await t.throwsAsync(
    queue.begin(() => Promise.reject(new Error('refused'))),
    { message: 'refused' },
  );
});

test('when a write fails, so does all that was built on it, and the next change begins anew', async (t) => {
  const writer = new HeldWriter();
  const queue = new CommitQueue(writer);
  const lost = ['a', 'b'].map((key) => put(queue, key));
  await turn();
  const gate = Promise.withResolvers<void>();
  const midway = queue.commit(async () => {
    await gate.promise;
    return { result: undefined, writes: new Map([['c', bytes('c')]]) };
  });
  await turn();
  writer.end(new Error('disk full'));
  await turn();
  gate.resolve();
  await t.throwsAsync(midway, { message: 'disk full' });
  t.deepEqual(lost.map(({ outcome }) => outcome), ['disk full', 'disk full']); // oxfmt-ignore
  t.false(queue.has('b'));
  const mendedBefore = writer.mended;
  const after = put(queue, 'd');
  await turn();
  t.is(writer.mended, mendedBefore + 1);
  t.deepEqual([...writer.begun.at(-1)!.keys()], ['d']);
  writer.end();
  await turn();
  t.is(after.outcome, 'written');
});

test('no more changes are made than may wait for a write', async (t) => {
  const writer = new HeldWriter();
  const queue = new CommitQueue(writer);
  let made = 0;
  const all = Array.from({ length: 40 }, (_, index) =>
    queue.commit(async () => {
      made += 1;
      return { result: undefined, writes: new Map([[String(index), bytes('x')]]) };
    }),
  );
  await turn();
  t.is(made, 1 + 16);
  for (let count = 0; count < 3; count++) {
    writer.end();
    await turn();
  }
  writer.end();
  await Promise.all(all);
  t.is(made, 40);
  await queue.idle();
});
