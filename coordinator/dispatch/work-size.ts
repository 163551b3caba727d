// How much work a batch is, in one number. PURE.

/** What a file costs besides its bytes, as bytes: a thousand empty files are not done in no time. */
const bytesPerItem = 64 * 1024;

/** How much there is of something to do. */
export interface WorkSize {
  items: number;
  bytes: bigint;
}

/** The size in units, which are bytes. */
export function workUnits({ items, bytes }: WorkSize): number {
  return items * bytesPerItem + Number(bytes);
}

/** Units of so many items without their bytes. */
export function itemUnits(items: number): number {
  return items * bytesPerItem;
}
