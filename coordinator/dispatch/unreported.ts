// What agents may have written and could not report, because they died or were stopped: remembered for as long as nothing newer was
// reported, so that what stands at the destination then is known to be the task's own, in whatever run that turns out.
import { create } from '@bufbuild/protobuf';
import {
  TaskRowSchema,
  UnreportedFileSchema,
  UnreportedRowSchema,
  type UnreportedFile,
  type UnreportedRow,
} from '../../gen/drover/store/v1/rows_pb.ts';
import type { BatchItems } from '../../gen/drover/v1/columns_pb.ts';
import { ItemKind } from '../../gen/drover/v1/item_pb.ts';
import type { Transaction } from '../store/store.ts';

/** How many writes are remembered of one path. */
export const unreportedFilesMax = 4;

/** Notes the files of a batch of the transfer phase whose lease ended without a result. Nothing to do for a task that was deleted. */
export async function noteUnreported(
  transaction: Transaction,
  taskId: string,
  items: BatchItems,
): Promise<void> {
  const task = await transaction.task(taskId);
  const files = [...items.path.keys()].filter((index) => items.kind[index] === ItemKind.FILE);
  if (task === undefined || files.length === 0) return;
  const paths = files.map((index) => items.path[index]!);
  const known = await transaction.unreported(taskId, paths);
  for (const [at, index] of files.entries()) {
    const write = create(UnreportedFileSchema, {
      size: items.size[index]!,
      modifiedNs: items.modifiedNs[index]!,
    });
    transaction.putUnreported(taskId, paths[at]!, withWrite(known[at], write));
  }
  if (task.hasUnreportedItems) return;
  transaction.putTask(taskId, create(TaskRowSchema, { ...task, hasUnreportedItems: true }));
}

/** Forgets what was noted of these paths, since it is known now what stands at the destination. */
export async function forgetUnreported(
  transaction: Transaction,
  taskId: string,
  paths: readonly string[],
): Promise<void> {
  const task = await transaction.task(taskId);
  if (task?.hasUnreportedItems !== true) return;
  for (const [index, row] of (await transaction.unreported(taskId, paths)).entries())
    if (row !== undefined) transaction.deleteUnreported(taskId, paths[index]!);
}

/** The row with one more write; the newest is last, and none is in it twice. */
function withWrite(row: UnreportedRow | undefined, write: UnreportedFile): UnreportedRow {
  const isOther = (file: UnreportedFile) =>
    file.size !== write.size || file.modifiedNs !== write.modifiedNs;
  const files = [...(row?.files ?? []).filter(isOther), write];
  return create(UnreportedRowSchema, { files: files.slice(-unreportedFilesMax) });
}
