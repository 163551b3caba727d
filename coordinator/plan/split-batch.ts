// Cuts a batch: some of its items, and what belongs to them, become a batch of their own. PURE.
import { create } from '@bufbuild/protobuf';
import {
  BatchItemsSchema,
  BatchResultsSchema,
  type BatchItems,
  type BatchResults,
} from '../../gen/drover/v1/columns_pb.ts';
import { ItemKind } from '../../gen/drover/v1/item_pb.ts';
import { quickXorHashBytes, sha256Bytes } from './hash-bytes.ts';

/** The items of these indexes, which rise. */
export function selectItems(items: BatchItems, indexes: readonly number[]): BatchItems {
  const pick = <T>(column: readonly T[]): T[] => indexes.map((index) => column[index]!);
  const places = placesOf(indexes);
  return create(BatchItemsSchema, {
    path: pick(items.path),
    kind: pick(items.kind),
    action: pick(items.action),
    size: pick(items.size),
    modifiedNs: pick(items.modifiedNs),
    createdNs: pick(items.createdNs),
    fileId: pick(items.fileId),
    destinationPath: items.destinationPath.length === 0 ? [] : pick(items.destinationPath),
    expected: moved(items.expected, places),
    origin: moved(items.origin, places),
    unreported: moved(items.unreported, places),
  });
}

/** The results of these items, in the order of a batch that has only them. */
export function selectResults(results: BatchResults, indexes: readonly number[]): BatchResults {
  const pick = <T>(column: readonly T[]): T[] =>
    column.length === 0 ? [] : indexes.map((index) => column[index]!);
  const places = placesOf(indexes);
  return create(BatchResultsSchema, {
    state: pick(results.state),
    size: pick(results.size),
    modifiedNs: pick(results.modifiedNs),
    destinationModifiedNs: pick(results.destinationModifiedNs),
    sha256: pickParts(results.sha256, sha256Bytes, indexes),
    quickXorHash: pickParts(results.quickXorHash, quickXorHashBytes, indexes),
    attempts: pick(results.attempts),
    remark: moved(results.remark, places),
    destinationId: pick(results.destinationId),
    destinationVersion: pick(results.destinationVersion),
    verification: pick(results.verification),
    keptPath: pick(results.keptPath),
    moved: results.moved.flatMap((index) => places.get(index) ?? []),
    rewritten: moved(results.rewritten, places),
  });
}

/** Bytes of the files among the items. */
export function fileBytes({ kind, size }: BatchItems): bigint {
  return size.reduce(
    (sum, bytes, index) => (kind[index] === ItemKind.FILE ? sum + bytes : sum),
    0n,
  );
}

/** Where in the new order each of the indexes stands. */
function placesOf(indexes: readonly number[]): Map<number, number> {
  return new Map(indexes.map((index, place) => [index, place]));
}

/** The rows that belong to an item which stays, with its new index. */
function moved<T extends { index: number }>(rows: readonly T[], places: Map<number, number>): T[] {
  return rows.flatMap((row) => {
    const index = places.get(row.index);
    return index === undefined ? [] : [{ ...row, index }];
  });
}

function pickParts(bytes: Uint8Array, length: number, indexes: readonly number[]): Uint8Array {
  const picked = new Uint8Array(indexes.length * length);
  for (const [place, index] of indexes.entries())
    picked.set(bytes.subarray(index * length, (index + 1) * length), place * length);
  return picked;
}
