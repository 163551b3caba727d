import test from 'ava';
import { isWorthTakingBack, type Holding, type Idle } from './worth-taking-back.ts';
import { itemUnits } from './work-size.ts';

const files = (items: number, bytes = 0n) => ({ items, bytes });
/** A lease of a hundred files, of which one is done every second. */
const holding = (more: Partial<Holding> = {}): Holding => ({ size: files(100), done: files(10), workedMs: 10_000, unitsPerSecond: undefined, ...more }); // oxfmt-ignore
const idle = (threads: number, itemsPerSecond?: number): Idle => ({ threads, unitsPerSecond: itemsPerSecond === undefined ? undefined : itemUnits(itemsPerSecond) }); // oxfmt-ignore
const gigabyte = 1_000_000_000n;

const table: [name: string, holding: Holding, idle: Idle, isWorth: boolean][] = [
  ['nobody is idle', holding(), idle(0, 9), false],
  ['one who is as fast shares it', holding(), idle(1, 1), true],
  ['one of whom nothing is known is thought to be as fast', holding(), idle(1), true],
  ['one who is much slower is no help', holding(), idle(1, 0.2), false],
  ['many who are slower are', holding(), idle(5, 0.2), true],
  ['it is done within two seconds', holding({ done: files(98), workedMs: 98_000 }), idle(9, 9), false], // oxfmt-ignore
  ['nothing of it is done after a while', holding({ done: files(0) }), idle(1, 5), true],
  ['it has only just begun, and nothing is known of its agent', holding({ done: files(0), workedMs: 500 }), idle(4, 5), false], // oxfmt-ignore
  ['it has only just begun, at an agent that is known', holding({ done: files(0), workedMs: 0, unitsPerSecond: itemUnits(1) }), idle(4, 5), true], // oxfmt-ignore
  ['it has only just begun, at an agent that is fast', holding({ done: files(0), workedMs: 0, unitsPerSecond: itemUnits(60) }), idle(4, 5), false], // oxfmt-ignore
  ['one large file, which the other begins anew', holding({ size: files(1, gigabyte), done: files(0, gigabyte / 2n) }), idle(1, 1600), false], // oxfmt-ignore
  ['one large file, and an other who is far faster', holding({ size: files(1, gigabyte), done: files(0, gigabyte / 20n) }), idle(1, 1600), true], // oxfmt-ignore
  ['one file of whose size is no other idea than that it does not move', holding({ size: files(1), done: files(0) }), idle(4), false], // oxfmt-ignore
];
for (const [name, held, others, expected] of table)
  test(`a lease ${expected ? 'is' : 'is not'} taken back: ${name}`, (t) => {
    t.is(isWorthTakingBack(held, others), expected);
  });
