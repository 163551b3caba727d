// What failed in a run, in path order and in pieces, for a run that tries it again.
//
// Batches are in path order page by page of the scan only: within a page, what the plan settled and files that are a batch alone
// stand beside the rest. So rows wait until as many items were read after them as a page has at most: then nothing that is not
// read yet can come before them. What was cut off a batch, with a number at the end, is read with it. The batches of the folder phase are in path order among themselves, and are read beside.
import { create } from '@bufbuild/protobuf';
import { RetryPositionSchema, type RetryPosition } from '../../gen/drover/store/v1/rows_pb.ts'; // oxfmt-ignore
import { ItemAction, ItemKind, ItemState, type Item } from '../../gen/drover/v1/item_pb.ts';
import { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import { comparePaths } from '../plan/path-order.ts';
import { scanPageItemsMax } from '../plan/plan-page.ts';
import { isPart, withParts, type BatchHeader } from '../report/batch-parts.ts';
import { itemRows } from '../report/item-rows.ts';
import { readBatch } from '../report/read-batch.ts';
import type { Reader, RunKey } from '../store/store.ts';

/** The most paths of a piece, and the most characters of all of them together, so that a frame can hold it. */
export const failedPathsMax = 1000;
export const failedPathCharactersMax = 512 * 1024;

const headersRead = 200;

/** One item that failed. */
export interface FailedPath {
  path: string;
  /** Whether nothing is known of what is below it: the scan could not go into it, or it was no folder then. */
  withContents: boolean;
}

/** A piece of the list, and where it ends. */
export interface FailedPaths {
  paths: FailedPath[];
  end: RetryPosition;
}

/** The beginning of the list. */
export function firstPosition(): RetryPosition {
  return create(RetryPositionSchema, { batch: 1, folderBatch: 1 });
}

/**
 * The next piece after `from`. Of it, `scannedPath` says what was looked at already: the scan of this piece was broken off there. A
 * folder that it was broken off in is in the piece once more.
 */
export async function nextFailedPaths(
  reader: Reader,
  run: RunKey,
  from: RetryPosition,
  scannedPath: string,
): Promise<FailedPaths> {
  const files = new FailedRows(reader, run, { batch: from.batch, isFolders: false });
  const folders = new FailedRows(reader, run, { batch: from.folderBatch, isFolders: true });
  const paths: FailedPath[] = [];
  let afterPath = from.afterPath;
  let characters = 0;
  for (;;) {
    const [file, folder] = [await files.peek(), await folders.peek()];
    const next = smaller(file, folder);
    const isFull = paths.length >= failedPathsMax || characters >= failedPathCharactersMax;
    if (next === undefined || isFull) {
      const [batch, folderBatch] = [files.firstBatch, folders.firstBatch];
      const complete = next === undefined;
      return { paths, end: create(RetryPositionSchema, { afterPath, batch, folderBatch, complete }) }; // oxfmt-ignore
    }
    (next === file ? files : folders).shift();
    const { path, withContents } = next;
    if (afterPath !== '' && comparePaths(path, afterPath) <= 0) continue;
    afterPath = path;
    if (isScanned(next, scannedPath)) continue;
    paths.push({ path, withContents });
    characters += path.length;
  }
}

function isScanned({ path, withContents }: FailedPath, scannedPath: string): boolean {
  if (scannedPath === '' || comparePaths(path, scannedPath) > 0) return false;
  return !(withContents && (path === scannedPath || scannedPath.startsWith(`${path}/`)));
}

interface FailedRow extends FailedPath {
  batch: number;
  /** How many items were read when its batch was. */
  readItems: number;
}

/** The failed rows of the batches of one kind, in path order. */
class FailedRows {
  readonly #reader: Reader;
  readonly #run: RunKey;
  readonly #isFolders: boolean;
  readonly #headers: AsyncGenerator<BatchHeader>;
  /** In path order. */
  #rows: FailedRow[] = [];
  #readItems = 0;
  #nextBatch: number;
  #isEnd = false;

  constructor(
    reader: Reader,
    run: RunKey,
    { batch, isFolders }: { batch: number; isFolders: boolean },
  ) {
    this.#reader = reader;
    this.#run = run;
    this.#isFolders = isFolders;
    this.#nextBatch = batch;
    this.#headers = headersFrom(reader, run, batch);
  }

  /** The first batch that holds what was not taken out yet. */
  get firstBatch(): number {
    return this.#rows.reduce((least, { batch }) => Math.min(least, batch), this.#nextBatch);
  }

  /** The next row; undefined at the end. */
  async peek(): Promise<FailedRow | undefined> {
    while (!this.#isEnd && !this.#isSettled(this.#rows[0])) await this.#readOn();
    return this.#rows[0];
  }

  shift(): void {
    this.#rows.shift();
  }

  #isSettled(row: FailedRow | undefined): boolean {
    if (row === undefined) return false;
    return this.#isFolders || this.#readItems - row.readItems >= scanPageItemsMax;
  }

  async #readOn(): Promise<void> {
    const next = await this.#headers.next();
    if (next.done === true) {
      this.#isEnd = true;
      return;
    }
    const { batch, row } = next.value;
    this.#nextBatch = batch + 1;
    // What is gone from the source cannot be scanned again; the next whole run finds it.
    const isGone = row.phase === BatchPhase.GONE || row.phase === BatchPhase.GONE_FOLDERS;
    const isOther = (row.phase === BatchPhase.FOLDERS) !== this.#isFolders;
    if (isGone || isOther || isPart(next.value)) return;
    // What was cut off it counts where it stands itself.
    for await (const part of withParts(this.#reader, this.#run, next.value))
      await this.#read(part, batch);
    this.#rows.sort((one, other) => comparePaths(one.path, other.path));
  }

  async #read({ batch, row }: BatchHeader, whole: number): Promise<void> {
    this.#readItems += row.items;
    if (row.failedItems === 0) return;
    const decoded = await readBatch(this.#reader, { ...this.#run, batch }, row);
    for (const { item } of itemRows(decoded, 0)) {
      if (item.state !== ItemState.FAILED) continue;
      const { path } = item;
      const readItems = this.#readItems;
      this.#rows.push({ path, withContents: isUnknownBelow(item), batch: whole, readItems });
    }
  }
}

/** Of a folder that was planned to be written, what is in it has rows of its own. */
function isUnknownBelow({ kind, action }: Item): boolean {
  return kind !== ItemKind.FOLDER || action === ItemAction.FAIL;
}

function smaller(one: FailedRow | undefined, other: FailedRow | undefined): FailedRow | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return comparePaths(one.path, other.path) <= 0 ? one : other;
}

async function* headersFrom(reader: Reader, run: RunKey, batch: number) {
  for (let after = Math.max(batch - 1, 0); ;) {
    const headers = await reader.batches(run, after, headersRead);
    yield* headers;
    if (headers.length < headersRead) return;
    after = headers.at(-1)!.batch;
  }
}
