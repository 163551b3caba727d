// What agents may have written and could not report, because they died or were stopped: remembered for as long as nothing newer was
// reported, so that what stands at the destination then is known to be the task's own, in whatever run that turns out.
import { create } from '@bufbuild/protobuf';
import { parentFolder } from '../../lib/parent-folder.ts';
import {
  TaskRowSchema,
  UnreportedFileSchema,
  UnreportedRowSchema,
  type TaskRow,
  type LedgerRow,
  type UnreportedFile,
  type UnreportedRow,
} from '../../gen/drover/store/v1/rows_pb.ts';
import { UnreportedWriteSchema, type BatchItems, type UnreportedWrite } from '../../gen/drover/v1/columns_pb.ts'; // oxfmt-ignore
import { ItemKind } from '../../gen/drover/v1/item_pb.ts';
import type { BatchKey, RunKey, Store, Transaction } from '../store/store.ts';

/** How many writes are remembered of one path. */
export const unreportedFilesMax = 4;

/** Notes the files of a batch of the transfer phase whose lease ended without a result, and the folders they are in. Nothing to do for a task that was deleted. */
export async function noteUnreported(
  transaction: Transaction,
  { task: taskId, run }: RunKey,
  items: BatchItems,
): Promise<void> {
  const files = [...items.path.keys()].filter((index) => items.kind[index] === ItemKind.FILE);
  const writes = files.map((index) => ({
    path: items.path[index]!,
    size: items.size[index]!,
    modifiedNs: items.modifiedNs[index]!,
  }));
  await noteWrites(transaction, taskId, writes);
  if ((await transaction.task(taskId)) === undefined) return;
  // Also what is half-written and taken away again changes the date of a folder.
  const parents = new Set(writes.map(({ path }) => parentFolder(path)));
  const folders = [...parents].filter((folder) => folder !== '');
  // A folder may have been a file that was written.
  for (const [at, row] of (await transaction.unreported(taskId, folders)).entries())
    transaction.putUnreported(
      taskId,
      folders[at]!,
      create(UnreportedRowSchema, { files: row?.files ?? [], run }),
    );
}

/**
 * Stores what an agent is about to write. Nothing to do for a task that was deleted, or when the agent never had the batch: its lease
 * says who had it last, and whether there was anybody before.
 */
export function commitWriteNote(
  store: Store,
  { agent, batch: key, generation }: { agent: string; batch: BatchKey; generation: number },
  write: Write,
): Promise<void> {
  return store.commit(async (transaction) => {
    const { lease } = (await transaction.batch(key)) ?? {};
    if (lease === undefined || generation === 0 || generation > lease.generation) return;
    // Of the newest generation it is known who has it, as long as somebody does.
    const isOfAnother =
      generation === lease.generation && lease.agent !== '' && lease.agent !== agent;
    if (!isOfAnother) await noteWrites(transaction, key.task, [write]);
  });
}

/** Adds what was noted of the files of a batch since it was planned. */
export async function withUnreported(
  transaction: Transaction,
  taskId: string,
  items: BatchItems,
): Promise<BatchItems> {
  const rows = await transaction.unreported(taskId, items.path);
  const known = new Set(items.unreported.map(writeKey));
  const more = rows
    .flatMap((row, index) =>
      (row?.files ?? []).map(({ size, modifiedNs }) => ({ index, size, modifiedNs })),
    ) // oxfmt-ignore
    .filter((write) => !known.has(writeKey(write)))
    .map((write) => create(UnreportedWriteSchema, write));
  return { ...items, unreported: [...items.unreported, ...more] };
}

/** One write that may have been. */
export interface Write {
  /** Below the source. */
  path: string;
  size: bigint;
  modifiedNs: bigint;
}

/** `writes` are of different paths. */
async function noteWrites(
  transaction: Transaction,
  taskId: string,
  writes: readonly Write[],
): Promise<void> {
  const task = await transaction.task(taskId);
  if (task === undefined || writes.length === 0) return;
  const paths = writes.map(({ path }) => path);
  const known = await transaction.unreported(taskId, paths);
  for (const [at, { path, size, modifiedNs }] of writes.entries()) {
    const file = create(UnreportedFileSchema, { size, modifiedNs });
    transaction.putUnreported(taskId, path, withWrite(known[at], file));
  }
  if (task.hasUnreportedItems) return;
  transaction.putTask(taskId, create(TaskRowSchema, { ...task, hasUnreportedItems: true }));
}

function writeKey({
  index,
  size,
  modifiedNs,
}: Pick<UnreportedWrite, 'index' | 'size' | 'modifiedNs'>): string {
  // oxfmt-ignore
  return `${index} ${size} ${modifiedNs}`;
}

/** Forgets what was noted of these paths, since it is known now what stands at the destination: for some, the row of the ledger. */
export async function forgetUnreported(
  transaction: Transaction,
  taskId: string,
  paths: readonly string[],
  rows: Iterable<readonly [path: string, row: LedgerRow]> = [],
): Promise<void> {
  const task = await transaction.task(taskId);
  if (task?.hasUnreportedItems !== true) return;
  const written = new Map(rows);
  for (const [index, row] of (await transaction.unreported(taskId, paths)).entries())
    if (row !== undefined && !isStillUncertain(row, written.get(paths[index]!)))
      transaction.deleteUnreported(taskId, paths[index]!);
}

/** What was noted of a folder counts until it is dated, see `noteDates`. */
function isStillUncertain(row: UnreportedRow, written: LedgerRow | undefined): boolean {
  return written?.folder === true || isOwnOfOldDate(row, written);
}

/**
 * Whether an agent took for somebody else's, and so left its date alone, what was the task's own, because the note came in only then. The
 * next run has to know of the note, and dates it.
 */
function isOwnOfOldDate({ files }: UnreportedRow, written: LedgerRow | undefined): boolean {
  if (written === undefined) return false;
  const second = secondOf(written.destinationModifiedNs);
  if (second === secondOf(written.modifiedNs)) return false;
  return files.some(({ modifiedNs }) => secondOf(modifiedNs) === second);
}

/** No destination keeps times less exactly. */
function secondOf(ns: bigint): bigint {
  return ns / 1_000_000_000n;
}

/** The task's row, which is changed when all that was noted is forgotten: then nobody has to look for notes. */
export async function withoutUnreported(
  transaction: Transaction,
  taskId: string,
  task: TaskRow,
): Promise<TaskRow> {
  if (!task.hasUnreportedItems || (await transaction.hasUnreported(taskId))) return task;
  const row = create(TaskRowSchema, { ...task, hasUnreportedItems: false });
  transaction.putTask(taskId, row);
  return row;
}

/** The row with one more write; the newest is last, and none is in it twice. */
function withWrite(row: UnreportedRow | undefined, write: UnreportedFile): UnreportedRow {
  const isOther = (file: UnreportedFile) =>
    file.size !== write.size || file.modifiedNs !== write.modifiedNs;
  const files = [...(row?.files ?? []).filter(isOther), write];
  return create(UnreportedRowSchema, { files: files.slice(-unreportedFilesMax) });
}
