// A file share that is nowhere: what a scan of it would find, made up from the number of each item, so that millions of items cost no
// disk and every scan of it finds the same.
import { create, toBinary } from '@bufbuild/protobuf';
import { ScanPageSchema } from '../gen/drover/v1/columns_pb.ts';
import { ItemKind } from '../gen/drover/v1/item_pb.ts';

/** As many as a real agent puts into a page. */
export const pageItems = 1000;
/** A folder and the files in it. */
const folderItems = 200;
const firstTimeNs = 1_600_000_000_000_000_000n;

/** How many pages a scan of `items` items has. */
export function pagesOf(items: number): number {
  return Math.ceil(items / pageItems);
}

/** An encoded page of the scan of a share of `items` items; pages are numbered from 1. */
export function encodeSharePage(number: number, items: number): Uint8Array {
  const page = create(ScanPageSchema);
  const end = Math.min(items, number * pageItems);
  for (let item = (number - 1) * pageItems; item < end; item++) {
    const isFolder = item % folderItems === 0;
    const timeNs = firstTimeNs + BigInt(item) * 1_000_000_007n;
    page.path.push(pathOf(item));
    page.kind.push(isFolder ? ItemKind.FOLDER : ItemKind.FILE);
    page.size.push(isFolder ? 0n : BigInt(10_000 + ((item * 7919) % 90_000)));
    page.modifiedNs.push(timeNs);
    page.createdNs.push(timeNs - 86_400_000_000_000n);
    page.fileId.push(BigInt(1_000_000 + item));
  }
  return toBinary(ScanPageSchema, page);
}

function pathOf(item: number): string {
  const folder = `Project ${padded(Math.floor(item / folderItems))}`;
  const inside = item % folderItems;
  return inside === 0 ? folder : `${folder}/Quarterly report ${padded(inside)}.docx`;
}

function padded(number: number): string {
  return String(number).padStart(6, '0');
}
