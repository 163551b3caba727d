// Ledgers that were kept of deleted tasks: listed, and deleted when no task is to go on with them.
import { create } from '@bufbuild/protobuf';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { KeptLedgerSchema, type ListKeptLedgersRequest } from '../../gen/drover/v1/task_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { Reader } from '../store/store.ts';
import { taskName } from '../task/names.ts';
import { readPageRequest, writePageToken } from './paging.ts';
import type { TaskServiceParts } from './service-parts.ts';

/** A page of them, in the order of the ids of their tasks. */
export async function listKeptLedgers(store: Reader, request: ListKeptLedgersRequest) {
  const scope = ['keptLedgers'];
  const { size, cursor } = readPageRequest(request, scope);
  const found = await store.keptLedgers(cursor, size + 1);
  const page = found.slice(0, size);
  const last = found.length > size ? page.at(-1) : undefined;
  const keptLedgers = page.map(({ task, row: { source, destination, latestRun, deleteTime } }) =>
    create(KeptLedgerSchema, {
      task: taskName(task),
      source,
      destination,
      latestRun,
      ...(deleteTime === undefined ? {} : { deleteTime }),
    }),
  );
  return { keptLedgers, nextPageToken: writePageToken(last?.task, scope) };
}

/** Throws NOT_FOUND where none was kept of a task of this id, as of one that is there. */
export async function deleteKeptLedger(parts: TaskServiceParts, id: string): Promise<void> {
  await parts.store.commit(async (transaction) => {
    if ((await transaction.task(id)) !== undefined)
      throw noLedger(id, 'the task is there: its ledger is deleted with it');
    if ((await transaction.keptLedger(id)) === undefined)
      throw noLedger(id, 'drover tasks list-kept-ledgers shows of which tasks there is one');
    transaction.deleteTask(id, undefined);
  });
  parts.sweep();
}

function noLedger(id: string, why: string): DroverError {
  const name = taskName(id);
  return new DroverError(ErrorReason.NOT_FOUND, `there is no kept ledger of ${name}; ${why}`, {
    metadata: { name },
  });
}
