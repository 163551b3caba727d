// The one place where a method is more than its schema says: how its stream is shown, and what the
// exit status says about it.
import type { Message } from '@bufbuild/protobuf';
import { TaskService } from '../../gen/drover/v1/task_pb.ts';
import type { CommandContext } from './run-command.ts';
import { TaskWatchView } from './task-watch-view.ts';

/** Shows a stream of messages. */
export interface StreamView {
  /** Shows a message; it is already written out when the output is JSON. */
  next(message: Message): Promise<void>;
  /** The stream has ended; answers with the exit status. */
  end(): Promise<number>;
}

/** The views by the full name of the method. */
export const specialViews: Partial<Record<string, (context: CommandContext) => StreamView>> = {
  [`${TaskService.typeName}.${TaskService.method.watchTask.name}`]: (context) =>
    new TaskWatchView(context),
};
