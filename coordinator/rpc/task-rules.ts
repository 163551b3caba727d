// Which fields of a task its callers may set, and when.
import { taskColumns } from '../bulk/task-columns.ts';
import type { FieldRules } from './field-mask.ts';

/** What callers may change of a task. */
export const taskRules: FieldRules = {
  outputOnly: [
    'uid',
    'state',
    'latest_run',
    'create_time',
    'update_time',
    'next_run_time',
    'skipped_run',
  ],
  immutable: ['source', 'destination'],
  addressing: ['name', 'etag'],
};

/** The columns of Drover's own CSV, beside the id: everything that can be set when a task is made. */
export const fileColumns = taskColumns([...taskRules.outputOnly, ...taskRules.addressing]);
