// What the audit log says of rows that were changed: the resource as the API shows it, as JSON. Secrets, and hashes of them, stand beside
// the resource in a row and are not part of what is taken here. PURE.
import { create, toJson, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import {
  AccessTokenRowSchema,
  JoinTokenRowSchema,
  KeptLedgerRowSchema,
  type AccessTokenRow,
  type AgentRow,
  type JoinTokenRow,
  type RunRow,
  type WebhookRow,
} from '../../gen/drover/store/v1/rows_pb.ts';
import { AgentSchema } from '../../gen/drover/v1/agent_pb.ts';
import { AuditChangeSchema, type AuditChange } from '../../gen/drover/v1/audit_pb.ts';
import { RunSchema } from '../../gen/drover/v1/run_pb.ts';
import { SettingsSchema } from '../../gen/drover/v1/settings_pb.ts';
import { TaskSchema } from '../../gen/drover/v1/task_pb.ts';
import { WebhookSchema } from '../../gen/drover/v1/webhook_pb.ts';
import type { RowChange, RowTotals } from '../store/row-changes.ts';
import { accessTokenName, agentName, runName, taskName, webhookName } from '../task/names.ts';

/** A join token has no name, and what it is stored under is the hash of its secret. */
const nameless = 'joinTokens';

/** The changes that somebody may want to know of; none where a row was put as it was, or only what is measured is another. */
export function auditChanges(changes: readonly RowChange[]): AuditChange[] {
  const described = changes.map(describe).filter(({ before, after }) => before !== after);
  // What has a name comes first: that is what an entry is about.
  return described.toSorted((one, other) => Number(one.resource === nameless) - Number(other.resource === nameless)); // oxfmt-ignore
}

/** The collections that rows belong to, where many of them are changed at once. */
const collections: Record<RowChange['kind'], string> = {
  task: 'tasks',
  'kept-ledger': 'ledgers',
  run: 'runs',
  agent: 'agents',
  settings: 'settings',
  'join-token': nameless,
  'access-token': 'accessTokens',
  webhook: 'webhooks',
};

/** What the log says of a commit that changes more than is told one by one: how many of each collection. */
export function summedChanges(totals: ReadonlyMap<RowChange['kind'], RowTotals>): AuditChange[] {
  return Array.from(totals, ([kind, total]) =>
    create(AuditChangeSchema, { resource: collections[kind], after: JSON.stringify(total) }),
  );
}

function describe(change: RowChange): AuditChange {
  switch (change.kind) {
    case 'task':
      return both(taskName(change.id), change, (row) => json(TaskSchema, row.task));
    case 'kept-ledger':
      return both(`${taskName(change.id)}/ledger`, change, (row) => json(KeptLedgerRowSchema, row));
    case 'run':
      return both(runName({ task: change.id, run: change.number }), change, describeRun);
    case 'agent':
      return both(agentName(change.id), change, describeAgent);
    case 'settings':
      return both('settings', change, (row) => json(SettingsSchema, row.settings));
    case 'join-token':
      return both(nameless, change, describeJoinToken);
    case 'access-token':
      return both(accessTokenName(change.id), change, describeAccessToken);
    case 'webhook':
      return both(webhookName(change.id), change, describeWebhook);
  }
}

function both<Row>(
  resource: string,
  { before, after }: { before: Row | undefined; after: Row | undefined },
  describeRow: (row: Row) => string,
): AuditChange {
  const text = (row: Row | undefined) => (row === undefined ? '' : describeRow(row));
  return create(AuditChangeSchema, { resource, before: text(before), after: text(after) });
}

/** How far it is was decided by nobody, nor how it failed. */
function describeRun({ run }: RunRow): string {
  const { progress: _progress, error: _error, ...decided } = run!;
  return json(RunSchema, create(RunSchema, decided));
}

/** What an agent says of itself when it attaches is no change that somebody made. */
function describeAgent({ agent }: AgentRow): string {
  const { name, displayName, createTime, availability } = agent!;
  const kept = { name, displayName, availability, ...(createTime && { createTime }) };
  return json(AgentSchema, create(AgentSchema, kept));
}

function describeJoinToken({ expireTime, maxUses, uses }: JoinTokenRow): string {
  const kept = { maxUses, uses, ...(expireTime && { expireTime }) };
  return json(JoinTokenRowSchema, create(JoinTokenRowSchema, kept));
}

function describeAccessToken({ accessToken, revokeTime }: AccessTokenRow): string {
  const { lastUseTime: _, ...kept } = accessToken!;
  const shown = { accessToken: kept, ...(revokeTime && { revokeTime }) };
  return json(AccessTokenRowSchema, create(AccessTokenRowSchema, shown));
}

/** What it was told, and how that went, is no change that somebody made. */
function describeWebhook({ webhook }: WebhookRow): string {
  const { name, url, eventTypes, paused, createTime, secretRotateTime, formerSecretExpireTime } = webhook!; // oxfmt-ignore
  const kept = {
    ...{ name, url, eventTypes, paused },
    ...(createTime && { createTime }),
    ...(secretRotateTime && { secretRotateTime }),
    ...(formerSecretExpireTime && { formerSecretExpireTime }),
  };
  return json(WebhookSchema, create(WebhookSchema, kept));
}

function json<D extends DescMessage>(schema: D, message: MessageShape<D> | undefined): string {
  return message === undefined ? '' : JSON.stringify(toJson(schema, message));
}
