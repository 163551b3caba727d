// ExportTasks: the tasks that a filter wants, as a file, a piece at a time.
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ExportTasksRequest, ExportTasksResponseSchema } from '../../gen/drover/v1/task_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { taskFileWriter } from '../bulk/write-task-file.ts';
import type { Reader } from '../store/store.ts';
import { parseTaskFilter } from './filter.ts';
import { filteredTasks } from './filtered-tasks.ts';
import { fileColumns } from './task-rules.ts';

/** Throws INVALID_ARGUMENT for a filter or a format that is not known. */
export async function* exportTasks(
  store: Reader,
  request: ExportTasksRequest,
  signal: AbortSignal,
): AsyncGenerator<MessageInitShape<typeof ExportTasksResponseSchema>> {
  const filter = parseTaskFilter(request.filter);
  const writer = taskFileWriter(request.format, fileColumns);
  if (writer === undefined)
    throw DroverError.invalid('format', `${request.format} is no format that is known`);
  yield { content: Buffer.from(writer.begin()) };
  for await (const found of filteredTasks(store, filter, signal))
    if (found.length > 0)
      yield { content: Buffer.from(writer.tasks(found.map(({ row }) => row.task!))) };
  const content = Buffer.from(writer.end());
  yield { content, notes: writer.notes() };
}
