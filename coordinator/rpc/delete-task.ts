// DeleteTask: the task and its runs go; what becomes of the ledger has to be said.
import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { KeptLedgerRowSchema, type TaskRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { LedgerFate, LedgerFateSchema, type DeleteTaskRequest } from '../../gen/drover/v1/task_pb.ts'; // oxfmt-ignore
import { DroverError } from '../../lib/error.ts';
import { formatCount } from '../../lib/format.ts';
import type { Transaction } from '../store/store.ts';
import { parseTaskName } from '../task/names.ts';
import { isRunOpen } from '../task/run-states.ts';
import { checkEtag } from './etag.ts';
import { latestRun, notFound } from './lookup.ts';
import type { TaskServiceParts } from './service-parts.ts';

/** How many items of a ledger are counted to say how much would be forgotten. */
const countedMax = 1000;

/**
 * Throws NOT_FOUND, WRONG_STATE while a run of the task is going, and INVALID_ARGUMENT when something was migrated and it is not said what
 * becomes of the ledger. A ledger that was kept is deleted by the same call.
 */
export async function deleteTask(
  parts: TaskServiceParts,
  request: DeleteTaskRequest,
): Promise<void> {
  const { name, etag, ledger } = request;
  const id = parseTaskName(name, 'name');
  if (LedgerFateSchema.value[ledger] === undefined)
    throw DroverError.invalid('ledger', `${ledger} is nothing that can become of a ledger`);
  await parts.store.commit(async (transaction) => {
    const row = await transaction.task(id);
    if (row === undefined) return deleteKept(transaction, id, request);
    checkEtag(etag, row.task!.etag, name);
    await checkEnded(transaction, id, row);
    if (ledger === LedgerFate.UNSPECIFIED) await checkForgettable(transaction, id, name);
    transaction.deleteTask(
      id,
      ledger === LedgerFate.KEEP ? keptLedger(row, parts.clock.now()) : undefined,
    );
  });
  parts.scheduler.taskChanged(id, undefined);
  parts.changes.emit({ kind: 'task', task: id });
  parts.sweep();
}

async function deleteKept(
  transaction: Transaction,
  id: string,
  { name, ledger }: DeleteTaskRequest,
): Promise<void> {
  if ((await transaction.keptLedger(id)) === undefined) throw notFound('task', name);
  if (ledger === LedgerFate.DELETE) return transaction.deleteTask(id, undefined);
  throw new DroverError(
    ErrorReason.NOT_FOUND,
    `there is no task ${name}; its ledger is kept, and deleted with: drover tasks delete ${id} --ledger delete`,
    { metadata: { name } },
  );
}

async function checkEnded(transaction: Transaction, id: string, row: TaskRow): Promise<void> {
  const run = await latestRun(transaction, id, row);
  if (run === undefined || !isRunOpen(run.run!.state)) return;
  const { name } = row.task!;
  throw new DroverError(
    ErrorReason.WRONG_STATE,
    `${name} cannot be deleted: its run is going; cancel it first`,
    { metadata: { name } },
  );
}

async function checkForgettable(transaction: Transaction, id: string, name: string): Promise<void> {
  const count = await transaction.countLedger(id, countedMax + 1);
  if (count === 0) return;
  const items = count > countedMax ? `more than ${formatCount(countedMax)}` : formatCount(count);
  throw DroverError.invalid(
    'ledger',
    `${name} knows of ${items} ${count === 1 ? 'item' : 'items'} that it migrated; say "keep" to keep that for a new task of the same id, source and ` +
      `destination, or "delete" to forget it: such a task would then compare everything with the destination anew`,
  );
}

function keptLedger({ task, latestRun, hasKeptItems, hasUnreportedItems }: TaskRow, nowMs: number) {
  const { source, destination } = task!;
  return create(KeptLedgerRowSchema, {
    source,
    destination,
    latestRun,
    hasKeptItems,
    hasUnreportedItems,
    deleteTime: timestampFromMs(nowMs),
  });
}
