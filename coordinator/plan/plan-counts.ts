// What a plan is made of, by what its items cost at the destination. Counted page by page, so that an estimate costs nothing. PURE.
import { create } from '@bufbuild/protobuf';
import { PlanCountsSchema, type PlanCounts } from '../../gen/drover/store/v1/rows_pb.ts';
import { ItemAction, ItemKind } from '../../gen/drover/v1/item_pb.ts';
import type { ScannedItem } from './plan-item.ts';

const mebibyte = 1024 * 1024;
/** An agent begins with parts of this size, and doubles it as long as they are sent quickly. */
const partBytesFirst = 5 * mebibyte;
const partBytesSecond = 10 * mebibyte;
const partBytesMax = 20 * mebibyte;

/** Counts the items of one page that are written or moved. */
export class PlanCounter {
  #emptyFiles = 0;
  #newFiles = 0;
  #replacedFiles = 0;
  #partsMin = 0;
  #partsMax = 0;
  #uploadedBytes = 0n;
  #newFolders = 0;
  #keptFolders = 0;
  #unchangedFolders = 0;
  #datedFolders = 0;
  #movedFiles = 0;

  /**
   * @param isUnchanged of a folder: nothing of it is different from when it was written. @default false
   * @param isDated of such a folder: its dates at the destination are known to be right. @default false
   */
  add(
    { kind, size }: Pick<ScannedItem, 'kind' | 'size'>,
    action: ItemAction,
    isUnchanged = false,
    isDated = false,
  ): void {
    if (kind === ItemKind.FOLDER) {
      if (action === ItemAction.CREATE) this.#newFolders += 1;
      else this.#keptFolders += 1;
      if (isUnchanged) this.#unchangedFolders += 1;
      if (isUnchanged && isDated) this.#datedFolders += 1;
    } else if (action === ItemAction.MOVE) this.#movedFiles += 1;
    else if (size === 0n) this.#emptyFiles += 1;
    else this.#addContent(size, action);
  }

  #addContent(size: bigint, action: ItemAction): void {
    this.#uploadedBytes += size;
    if (action === ItemAction.CREATE) this.#newFiles += 1;
    else this.#replacedFiles += 1;
    const { min, max } = partsOf(Number(size));
    this.#partsMin += min;
    this.#partsMax += max;
  }

  /** All that was counted. */
  finish(): PlanCounts {
    return create(PlanCountsSchema, {
      emptyFiles: BigInt(this.#emptyFiles),
      newFiles: BigInt(this.#newFiles),
      replacedFiles: BigInt(this.#replacedFiles),
      partsMin: BigInt(this.#partsMin),
      partsMax: BigInt(this.#partsMax),
      uploadedBytes: this.#uploadedBytes,
      newFolders: BigInt(this.#newFolders),
      keptFolders: BigInt(this.#keptFolders),
      movedFiles: BigInt(this.#movedFiles),
      unchangedFolders: BigInt(this.#unchangedFolders),
      datedFolders: BigInt(this.#datedFolders),
    });
  }
}

/** In how many parts a file of so many bytes is sent: when each is quickly sent, and when none is. */
export function partsOf(bytes: number): { min: number; max: number } {
  if (bytes <= partBytesFirst) return { min: 1, max: 1 };
  const max = Math.ceil(bytes / partBytesFirst);
  const rest = bytes - partBytesFirst - partBytesSecond;
  return { min: rest <= 0 ? 2 : 2 + Math.ceil(rest / partBytesMax), max };
}

/** Both together; `before` is undefined before the first. */
export function sumOfCounts(before: PlanCounts | undefined, added: PlanCounts): PlanCounts {
  if (before === undefined) return create(PlanCountsSchema, added);
  return create(PlanCountsSchema, {
    emptyFiles: before.emptyFiles + added.emptyFiles,
    newFiles: before.newFiles + added.newFiles,
    replacedFiles: before.replacedFiles + added.replacedFiles,
    partsMin: before.partsMin + added.partsMin,
    partsMax: before.partsMax + added.partsMax,
    uploadedBytes: before.uploadedBytes + added.uploadedBytes,
    newFolders: before.newFolders + added.newFolders,
    keptFolders: before.keptFolders + added.keptFolders,
    movedFiles: before.movedFiles + added.movedFiles,
    unchangedFolders: before.unchangedFolders + added.unchangedFolders,
    datedFolders: before.datedFolders + added.datedFolders,
  });
}

/** The counts when something is to be written into so many folders whose dates were right; they may have been counted before. */
export function withoutDated(counts: PlanCounts, folders: number): PlanCounts {
  const left = counts.datedFolders - BigInt(folders);
  return create(PlanCountsSchema, { ...counts, datedFolders: left > 0n ? left : 0n });
}
