// Records of items, in path order: they are listed as they were planned, which is nearly so. What does not fit in memory lies sorted in files of a
// folder of its own until all are merged.
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { readLines } from '../evidence/evidence-lines.ts';

/** Characters of records that are held at once. */
const heldMax = 64 * 1024 * 1024;

interface Sorted {
  key: Buffer;
  record: string;
}

/** A record that is the next of its file; undefined when there are no more. */
type Source = { next: Sorted | undefined; lines: AsyncIterator<string> };

export class SortedRecords implements Disposable {
  readonly #heldMax: number;
  #held: Sorted[] = [];
  #heldCharacters = 0;
  #folder: string | undefined;
  readonly #files: string[] = [];

  constructor(characters = heldMax) {
    this.#heldMax = characters;
  }

  /** Adds a record, a JSON array whose first value is the path. */
  async add(itemPath: string, record: string): Promise<void> {
    this.#held.push({ key: orderOf(itemPath), record });
    this.#heldCharacters += record.length;
    if (this.#heldCharacters < this.#heldMax) return;
    this.#folder ??= mkdtempSync(path.join(tmpdir(), 'drover-plan-'));
    const file = path.join(this.#folder, String(this.#files.length));
    this.#files.push(file);
    await pipeline(Readable.from(linesOf(this.#takeHeld())), createWriteStream(file));
  }

  /** All records, in path order. Nothing is added after it. */
  async *inOrder(): AsyncGenerator<string> {
    const held = this.#takeHeld();
    if (this.#files.length === 0) {
      for (const { record } of held) yield record;
      return;
    }
    const last = (async function* () {
      for (const { record } of held) yield record;
    })();
    const iterators = [...this.#files.map(linesIn), last].map((lines) => lines[Symbol.asyncIterator]()); // oxfmt-ignore
    const sources = await Promise.all(iterators.map(async (lines): Promise<Source> => ({ lines, next: await nextOf(lines) }))); // oxfmt-ignore
    for (let first = firstOf(sources); first?.next !== undefined; first = firstOf(sources)) {
      yield first.next.record;
      first.next = await nextOf(first.lines);
    }
  }

  /** Removes the files. Idempotent. */
  [Symbol.dispose](): void {
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
  }

  #takeHeld(): Sorted[] {
    const held = this.#held.toSorted(compare);
    this.#held = [];
    this.#heldCharacters = 0;
    return held;
  }
}

/** Bytes that sort as a walk meets paths that goes into each folder before it goes on, over names sorted by their UTF-8 bytes. */
function orderOf(itemPath: string): Buffer {
  return Buffer.from(itemPath.replaceAll('/', '\0'));
}

function compare(one: Sorted, other: Sorted): number {
  return Buffer.compare(one.key, other.key);
}

/** There are few files: each holds tens of thousands of records. */
function firstOf(sources: readonly Source[]): Source | undefined {
  const open = sources.filter(({ next }) => next !== undefined);
  return open.reduce<Source | undefined>((first, source) => first === undefined || compare(source.next!, first.next!) < 0 ? source : first, undefined); // oxfmt-ignore
}

async function nextOf(lines: AsyncIterator<string>): Promise<Sorted | undefined> {
  const { done, value } = await lines.next();
  if (done === true) return undefined;
  const [itemPath] = JSON.parse(value) as [string];
  return { key: orderOf(itemPath), record: value };
}

/** JSON escapes what ends a line. */
function* linesOf(held: readonly Sorted[]): Generator<string> {
  for (const { record } of held) yield `${record}\n`;
}

async function* linesIn(file: string): AsyncGenerator<string> {
  for await (const { bytes } of readLines(file)) yield bytes.toString();
}
