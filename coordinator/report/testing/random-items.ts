// For tests: items and results of whatever can stand in them, by numbers that a seed determines.
import { create, toBinary } from '@bufbuild/protobuf';
import { LeaseState, BatchRowSchema } from '../../../gen/drover/store/v1/rows_pb.ts';
import { BatchItemsSchema, BatchResultsSchema, ItemRemarkSchema, type BatchItems, type BatchResults } from '../../../gen/drover/v1/columns_pb.ts'; // oxfmt-ignore
import { ErrorReason } from '../../../gen/drover/v1/error_pb.ts';
import { ItemAction, ItemKind, ItemState, type ItemVerification } from '../../../gen/drover/v1/item_pb.ts'; // oxfmt-ignore
import { BatchPhase } from '../../../gen/drover/v1/session_pb.ts';
import type { NamedTask } from '../../dispatch/testing/named-task.ts';
import { goodResults, type Entry } from '../../dispatch/testing/scripted-agent.ts';
import { comparePaths } from '../../plan/path-order.ts';
import type { Below } from '../../store/testing/random.ts';
import type { BatchKey } from '../../store/store.ts';

export const inOrder = (...entries: Entry[]): Entry[] => entries.toSorted((one, other) => comparePaths(one.path, other.path)); // oxfmt-ignore

export function fail(
  results: BatchResults,
  index: number,
  reason: ErrorReason,
  message: string,
  requestId = '',
): void {
  results.state[index] = ItemState.FAILED;
  results.attempts[index] = 3;
  results.remark.push(create(ItemRemarkSchema, { index, reason, message, requestId }));
}

const nameParts = ['a', 'B c', '=1+1', '"q"', 'x,y', 'new\nline', 'tab\t', 'Ä', '日本', '\u{1f600}', '\u0001', '.hidden', 'n.tar.gz', '\\']; // oxfmt-ignore

/** Pages of folders with files, of whatever names and times. */
export function pagesOf(below: Below, folders: number, files: number): Entry[][] {
  const times = [0n, 1n, -1n, 1_700_000_000_123_456_789n, 253_402_300_799n, 5_000_000_000_000n, -9_000_000_000_000_000_001n]; // oxfmt-ignore
  const timeOf = () => times[below(times.length)]! + BigInt(below(1000)) * 1_000_000n;
  const entries = new Map<string, Entry>();
  for (let folder = 0; folder < folders; folder += 1) {
    const path = `${nameParts[below(nameParts.length)]} ${folder}`;
    entries.set(path, { path, kind: ItemKind.FOLDER, modifiedNs: timeOf() });
    for (let file = 0; file < files; file += 1) {
      const name = `${path}/${nameParts[below(nameParts.length)]} ${file}`;
      const remark = below(20) === 0 ? { reason: ErrorReason.FILTERED, message: name } : undefined;
      const facts = { size: BigInt(below(2 ** 31)) * 5n, modifiedNs: timeOf(), createdNs: timeOf(), fileId: BigInt(below(2)) && BigInt(folder * files + file + 1) }; // oxfmt-ignore
      entries.set(name, { path: name, ...facts, ...(remark && { remark }) });
    }
  }
  const ordered = inOrder(...entries.values());
  return Array.from({ length: Math.ceil(ordered.length / 900) }, (_, page) => ordered.slice(page * 900, (page + 1) * 900)); // oxfmt-ignore
}

/** Results of every kind, by chance. */
export function anyResults(below: Below) {
  return (results: BatchResults, _count: number, items: BatchItems): void => {
    results.sha256 = results.sha256.map(() => below(256));
    results.quickXorHash = results.quickXorHash.map(() => below(256));
    results.verification = results.state.map(() => below(3) as ItemVerification);
    results.destinationId = results.state.map((_state, index) => (below(2) === 0 ? '' : `01"${index}`)); // oxfmt-ignore
    results.size = results.size.map((size) => size + BigInt(below(2)));
    for (const [index, path] of items.path.entries()) {
      const chance = below(9);
      if (chance === 0)
        fail(
          results,
          index,
          ErrorReason.SOURCE_CHANGED,
          `${path} changed`,
          below(2) === 0 ? '' : `call "${index}"`,
        );
      if (chance === 1) results.state[index] = ItemState.SKIPPED;
    }
  };
}

/** Begins a run, and gives it so many batches of 2,000 items each, which are done. */
export async function fillRun(task: NamedTask, below: Below, batches: number): Promise<void> {
  await task.begin();
  for (let batch = 1; batch <= batches; batch += 1) {
    const entries = pagesOf(below, 20, 99).flat();
    const items = create(BatchItemsSchema, {
      path: entries.map(({ path }) => `${batch}/${path}`),
      kind: entries.map(({ kind = ItemKind.FILE }) => kind),
      action: entries.map(() => ItemAction.CREATE),
      size: entries.map(({ size = 0n }) => size),
      modifiedNs: entries.map(({ modifiedNs }) => modifiedNs!),
      createdNs: entries.map(({ createdNs = 0n }) => createdNs),
      fileId: entries.map(({ fileId = 0n }) => fileId),
    });
    const encoded = toBinary(BatchItemsSchema, items);
    const results = goodResults(encoded);
    anyResults(below)(results, entries.length, items);
    results.keptPath = items.path.map((one) => (below(5) === 0 ? `${one} (2)` : ''));
    const key: BatchKey = { ...task.key, batch };
    const lease = { state: LeaseState.DONE, agent: 'one' };
    await task.store.commit(async (transaction) => {
      transaction.putBatch(key, create(BatchRowSchema, { lease, phase: BatchPhase.FOLDERS, items: entries.length, succeededItems: 1, failedItems: 1 })); // oxfmt-ignore
      transaction.putBatchItems(key, encoded);
      transaction.putBatchResults(key, toBinary(BatchResultsSchema, results));
    });
  }
}
