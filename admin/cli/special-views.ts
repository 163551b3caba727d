// The one place where a method or a resource is more than its schema says: how a stream is shown,
// what the exit status says about it, and which columns of a list come first.
import type { Message } from '@bufbuild/protobuf';
import { AgentSchema, AgentService } from '../../gen/drover/v1/agent_pb.ts';
import {
  AuditChangeSchema,
  AuditEntrySchema,
  AuditService,
  type VerifyAuditResponse,
} from '../../gen/drover/v1/audit_pb.ts';
import { FilterService, RulePreviewSchema } from '../../gen/drover/v1/filter_pb.ts';
import { DeviationSchema, ItemInRunSchema } from '../../gen/drover/v1/item_pb.ts';
import { ReadinessClassSchema, ReadinessFileSchema, ReadinessIssueSchema } from '../../gen/drover/v1/readiness_pb.ts'; // oxfmt-ignore
import { RuleCountSchema, RunSchema } from '../../gen/drover/v1/run_pb.ts';
import { EffectiveSettingSchema } from '../../gen/drover/v1/settings_pb.ts';
import { TaskSchema, TaskService, type ImportTasksResponse } from '../../gen/drover/v1/task_pb.ts'; // oxfmt-ignore
import {
  DeadLetterSchema,
  WebhookSchema,
  WebhookService,
  type TestWebhookResponse,
} from '../../gen/drover/v1/webhook_pb.ts';
import { AgentWatchView } from './agent-watch-view.ts';
import { FilterPreviewView } from './filter-preview-view.ts';
import { ApplyView } from './apply-view.ts';
import { exitStatus } from './exit-status.ts';
import { importLines } from './import-view.ts';
import type { CommandContext } from './run-command.ts';
import type { LeadingColumn } from './table.ts';
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
  [`${TaskService.typeName}.${TaskService.method.applyToTasks.name}`]: (context) =>
    new ApplyView(context),
  [`${AgentService.typeName}.${AgentService.method.watchAgents.name}`]: (context) =>
    new AgentWatchView(context, leadingColumns[AgentSchema.typeName]!),
  [`${FilterService.typeName}.${FilterService.method.previewFilters.name}`]: (context) =>
    new FilterPreviewView(context, leadingColumns),
};

const importTasks = `${TaskService.typeName}.${TaskService.method.importTasks.name}`;

/** The lines of an answer that is shown in a way of its own, by the full name of the method. */
export const answerViews: Partial<Record<string, (answer: Message) => string[]>> = {
  [importTasks]: (answer) => importLines(answer as ImportTasksResponse),
};

/** How long a call may take that takes longer than others, by the full name of the method. */
export const callTimeoutsMs: Partial<Record<string, number>> = {
  // Agents look at hundreds of libraries.
  [importTasks]: 15 * 60_000,
};

/** The exit status that an answer means, by the full name of the method; of every other, that it came. */
export const answerStatuses: Partial<Record<string, (answer: Message) => number>> = {
  [`${AuditService.typeName}.${AuditService.method.verifyAudit.name}`]: (answer) =>
    (answer as VerifyAuditResponse).brokenNumber === 0n ? exitStatus.ok : exitStatus.someFailed,
  [`${WebhookService.typeName}.${WebhookService.method.testWebhook.name}`]: (answer) =>
    (answer as TestWebhookResponse).delivered ? exitStatus.ok : exitStatus.someFailed,
  [importTasks]: (answer) =>
    (answer as ImportTasksResponse).problemCount === 0 ? exitStatus.ok : exitStatus.someFailed,
};

/** What comes first in a list, and is all that is shown of a list in a single resource, by the full name of the resource. */
export const leadingColumns: Partial<Record<string, readonly LeadingColumn[]>> = {
  [AgentSchema.typeName]: [
    { field: 'name' },
    { field: 'state' },
    { field: 'state_time', title: 'since' },
    { field: 'attention_reason', title: 'reason' },
    { field: 'attention_message', title: 'attention' },
    { field: 'attention_sources', title: 'out of reach' },
    { field: 'group' },
    { field: 'slots_used', title: 'used' },
    { field: 'slots' },
    { field: 'items_per_second', title: 'items/s' },
    { field: 'bytes_per_second', title: 'bytes/s' },
    { field: 'source_roots' },
    { field: 'version' },
  ],
  [TaskSchema.typeName]: [
    { field: 'name' },
    { field: 'display_name' },
    { field: 'state' },
    { field: 'source' },
    { field: 'destination' },
    { field: 'next_run_time', title: 'next run' },
  ],
  [RunSchema.typeName]: [
    { field: 'name' },
    { field: 'state' },
    { field: 'progress.succeeded_items', title: 'succeeded' },
    { field: 'progress.succeeded_bytes', title: 'bytes' },
    { field: 'progress.failed_items', title: 'failed' },
    { field: 'start_time', title: 'started' },
    { field: 'end_time', title: 'ended' },
    { field: 'progress.skipped_items', title: 'skipped' },
    { field: 'progress.recycled_items', title: 'recycled' },
  ],
  [DeviationSchema.typeName]: [
    { field: 'item.path', title: 'path' },
    { field: 'kind' },
    { field: 'planned' },
    { field: 'happened' },
  ],
  [WebhookSchema.typeName]: [
    { field: 'name' },
    { field: 'url' },
    { field: 'event_types', title: 'events' },
    { field: 'paused' },
    { field: 'waiting_events', title: 'waiting' },
    { field: 'dead_letters', title: 'dead' },
    { field: 'last_success_time', title: 'last taken' },
    { field: 'last_failure' },
  ],
  [DeadLetterSchema.typeName]: [
    { field: 'number' },
    { field: 'event_type', title: 'event' },
    { field: 'event_time', title: 'time' },
    { field: 'attempts' },
    { field: 'last_failure' },
    { field: 'event_id' },
  ],
  [AuditEntrySchema.typeName]: [
    { field: 'number' },
    { field: 'time' },
    { field: 'caller' },
    { field: 'method' },
    { field: 'resource' },
    { field: 'reason' },
    { field: 'message' },
    { field: 'address' },
    { field: 'role' },
  ],
  [RulePreviewSchema.typeName]: [
    { field: 'rule' },
    { field: 'items' },
    { field: 'bytes' },
    { field: 'samples' },
  ],
  [RuleCountSchema.typeName]: [{ field: 'rule' }, { field: 'items' }, { field: 'bytes' }],
  [ReadinessIssueSchema.typeName]: [
    { field: 'kind' },
    { field: 'severity' },
    { field: 'reason' },
    { field: 'items' },
    { field: 'bytes' },
    { field: 'samples' },
    { field: 'advice' },
  ],
  [ReadinessFileSchema.typeName]: [{ field: 'bytes' }, { field: 'path' }],
  [ReadinessClassSchema.typeName]: [{ field: 'class' }, { field: 'files' }, { field: 'bytes' }],
  [EffectiveSettingSchema.typeName]: [
    { field: 'setting' },
    { field: 'value' },
    { field: 'origin' },
  ],
  [AuditChangeSchema.typeName]: [{ field: 'resource' }, { field: 'before' }, { field: 'after' }],
  [ItemInRunSchema.typeName]: [
    { field: 'run' },
    { field: 'sighting' },
    { field: 'item.action', title: 'action' },
    { field: 'item.state', title: 'state' },
    { field: 'item.reason', title: 'reason' },
    { field: 'item.message', title: 'message' },
    { field: 'run_state' },
  ],
};
