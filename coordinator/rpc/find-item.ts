// Finds one item of a run by its path: a search, as a run may have ten million rows.
//
// Batches are numbered as the scan came along, so the pages of the scan are in path order, and a batch that begins after the path
// is of the item's page or a later one, while one that begins before it is of its page or an earlier one. A binary search over
// what batches begin with therefore ends in the item's page or at its edge. Within a page the order is loose: what the plan
// settled itself and files that are a batch alone stand beside the rest. So the page is looked through, which has a maximum.
// What was cut off a batch has a number at the end; it is looked for where the batch stands.
//
// Folders that are written stand in the folder phase, where what became of them is; new ones in their page, too. Those batches are in
// path order among themselves, but one is filled over many pages and has the number that it was begun with. So are those of what is gone
// from the source: files among themselves, and folders.
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { BatchItemsSchema } from '../../gen/drover/v1/columns_pb.ts';
import type { RunRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { ItemAction, ItemKind, type Item } from '../../gen/drover/v1/item_pb.ts';
import { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import { comparePaths } from '../plan/path-order.ts';
import { scanPageItemsMax } from '../plan/plan-page.ts';
import { isPart, withParts, type BatchHeader } from '../report/batch-parts.ts';
import { itemRows, type ItemBatch } from '../report/item-rows.ts';
import type { Reader, RunKey } from '../store/store.ts';
import { isTransfer } from '../task/batch-phase.ts';
import { readBatch } from '../report/read-batch.ts';

/** How many batches' headers are read at once: most of the time the first few will do. */
const headersReadFirst = 4;
const headersReadMax = 200;
/** Into how many batches of what is gone is looked at most. */
const goneLooksMax = 50;
const gonePhases = new Set<BatchPhase>([BatchPhase.GONE, BatchPhase.GONE_FOLDERS]);

/** The item of this path in a run; undefined when the run has none. */
export async function findItem(
  store: Reader,
  key: RunKey,
  row: RunRow,
  path: string,
): Promise<Item | undefined> {
  return await new Search(store, key, row, path).find();
}

class Search {
  readonly #store: Reader;
  readonly #key: RunKey;
  readonly #row: RunRow;
  readonly #path: string;

  constructor(store: Reader, key: RunKey, row: RunRow, path: string) {
    this.#store = store;
    this.#key = key;
    this.#row = row;
    this.#path = path;
  }

  async find(): Promise<Item | undefined> {
    const edge = await this.#edge();
    for (const headers of [this.#before(edge), this.#from(edge)]) {
      let items = 0;
      for await (const header of headers) {
        if (items >= scanPageItemsMax) break;
        if (!isTransfer(header.row.phase)) continue;
        items += await this.#itemsOf(header);
        const found = await this.#lookInto(header);
        if (found !== undefined) return await this.#asReported(found, edge);
      }
    }
    return (await this.#findFolder(edge)) ?? (await this.#findGone(edge));
  }

  /** The number of the first batch of the transfer phase that begins after the path. */
  async #edge(): Promise<number> {
    let [low, high] = [1, this.#row.batches + 1];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const first = await this.#firstTransfer(middle, high);
      if (first === undefined || (await this.#beginsAfter(first))) high = middle;
      else low = first.batch + 1;
    }
    return low;
  }

  async #firstTransfer(start: number, end: number): Promise<BatchHeader | undefined> {
    for await (const header of this.#from(start)) {
      if (header.batch >= end) return undefined;
      if (isTransfer(header.row.phase)) return header;
    }
    return undefined;
  }

  async #beginsAfter(header: BatchHeader): Promise<boolean> {
    for await (const { batch } of withParts(this.#store, this.#key, header)) {
      const [first] = await this.#paths(batch, 1);
      if (first === undefined || comparePaths(first, this.#path) <= 0) return false;
    }
    return true;
  }

  /** How many items it was planned with. */
  async #itemsOf(header: BatchHeader): Promise<number> {
    let items = 0;
    for await (const { row } of withParts(this.#store, this.#key, header)) items += row.items;
    return items;
  }

  async #lookInto(header: BatchHeader): Promise<Item | undefined> {
    for await (const { batch, row } of withParts(this.#store, this.#key, header)) {
      const index = (await this.#paths(batch)).indexOf(this.#path);
      if (index >= 0)
        return itemOf(await readBatch(this.#store, { ...this.#key, batch }, row), index);
    }
    return undefined;
  }

  /** The paths of a batch alone: to read all columns takes several times as long, and most batches are not the one. */
  async #paths(batch: number, limit = Infinity): Promise<string[]> {
    const bytes = await this.#store.batchItems({ ...this.#key, batch });
    return bytes === undefined ? [] : encodedPaths(bytes, limit);
  }

  /** A folder that is written is shown as the folder phase reports it, in which it is when its page is stored. */
  async #asReported(found: Item, edge: number): Promise<Item> {
    const { kind, action } = found;
    const isWritten = action === ItemAction.CREATE || action === ItemAction.UPDATE;
    if (kind !== ItemKind.FOLDER || !isWritten) return found;
    return (await this.#findFolder(edge)) ?? found;
  }

  async #findFolder(edge: number): Promise<Item | undefined> {
    const filling = this.#row.fillingFolderBatch;
    const row = filling === 0 ? undefined : await this.#store.batch({ ...this.#key, batch: filling }); // oxfmt-ignore
    if (row !== undefined && !(await this.#beginsAfter({ batch: filling, row })))
      return await this.#lookInto({ batch: filling, row });
    for await (const header of this.#before(await this.#pageEnd(edge)))
      if (header.row.phase === BatchPhase.FOLDERS && !(await this.#beginsAfter(header)))
        return await this.#lookInto(header);
    return undefined;
  }

  /** It is in the last batch of files or of folders that does not begin after the path; what was moved was taken out of some. */
  async #findGone(edge: number): Promise<Item | undefined> {
    let looks = 0;
    for await (const header of this.#before(await this.#pageEnd(edge))) {
      if (!gonePhases.has(header.row.phase) || (await this.#beginsAfter(header))) continue;
      const found = await this.#lookInto(header);
      if (found !== undefined || ++looks >= goneLooksMax) return found;
    }
    return undefined;
  }

  /** A number after which no batch of the item's page comes. */
  async #pageEnd(edge: number): Promise<number> {
    let items = 0;
    for await (const header of this.#from(edge)) {
      // The folder batches of a page have their numbers after its others.
      if (!isTransfer(header.row.phase)) continue;
      if (items >= scanPageItemsMax) return header.batch;
      items += await this.#itemsOf(header);
    }
    return this.#row.batches + 1;
  }

  async *#from(start: number): AsyncGenerator<BatchHeader> {
    for (let after = start - 1, limit = headersReadFirst; ; limit = nextLimit(limit)) {
      const headers = await this.#store.batches(this.#key, after, limit);
      yield* headers.filter((header) => !isPart(header));
      if (headers.length < limit) return;
      after = headers.at(-1)!.batch;
    }
  }

  /** From the one before `end` down to the first. */
  async *#before(end: number): AsyncGenerator<BatchHeader> {
    for (let above = end, limit = headersReadFirst; above > 1; limit = nextLimit(limit)) {
      const after = Math.max(above - 1 - limit, 0);
      const headers = await this.#store.batches(this.#key, after, above - 1 - after);
      yield* headers.filter((header) => !isPart(header)).toReversed();
      above = after + 1;
    }
  }
}

function nextLimit(limit: number): number {
  return Math.min(limit * 4, headersReadMax);
}

/** The first paths of an encoded BatchItems, whose first column they are. */
function encodedPaths(bytes: Uint8Array, limit: number): string[] {
  const reader = new BinaryReader(bytes);
  const paths: string[] = [];
  while (reader.pos < reader.len && paths.length < limit) {
    const [field] = reader.tag();
    if (field !== BatchItemsSchema.field.path.number) break;
    paths.push(reader.string());
  }
  return paths;
}

/** A row of a batch, whether or not lists show it there. */
function itemOf(batch: ItemBatch, index: number): Item {
  const phase = BatchPhase.FOLDERS;
  return itemRows({ ...batch, phase }, index).next().value!.item;
}
