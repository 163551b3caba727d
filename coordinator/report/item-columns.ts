// The columns of the reports that have a row for each item, and which items each of them has. PURE.
import type { BatchRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { ErrorReason, ErrorReasonSchema } from '../../gen/drover/v1/error_pb.ts';
import {
  ItemAction,
  ItemActionSchema,
  ItemKind,
  ItemKindSchema,
  ItemState,
  ItemStateSchema,
  ItemVerificationSchema,
} from '../../gen/drover/v1/item_pb.ts';
import { ReportKind } from '../../gen/drover/v1/report_pb.ts';
import { reasonInfo, reasonName } from '../../lib/error.ts';
import { agentName } from '../task/names.ts';
import type { ItemCursor } from './item-cursor.ts';
import { empty, number, placed, plain, text, time, word, type Column } from './report-column.ts';
import { timeText } from './report-text.ts';

/** A report with a row for each item. */
export interface ItemReport {
  columns: readonly Column<ItemCursor>[];
  /** Whether the report has the item that the cursor stands on. */
  isWanted: (item: ItemCursor) => boolean;
  /** Whether a batch can have such items, as far as its counts tell. */
  mayHold: (batch: BatchRow) => boolean;
}

function extensionOf({ kind, split: { name } }: ItemCursor): string {
  const dot = kind === ItemKind.FOLDER ? -1 : name.lastIndexOf('.');
  // The dot of a hidden file begins no extension.
  return dot > 0 ? name.slice(dot + 1) : '';
}

function statusOf({ state, action }: ItemCursor): string {
  switch (state) {
    case ItemState.SUCCEEDED:
      return action === ItemAction.RECYCLE ? 'Recycled' : 'Migrated';
    case ItemState.SKIPPED:
      return 'Skipped';
    case ItemState.FAILED:
      return 'Failed';
    default:
      return 'Pending';
  }
}

const contentTypes: Partial<Record<ItemKind, string>> = {
  [ItemKind.FILE]: 'File',
  [ItemKind.FOLDER]: 'Folder',
  [ItemKind.SYMBOLIC_LINK]: 'Symbolic link',
  [ItemKind.SPECIAL]: 'Special file',
};

const reasonOf = ({ reason }: ItemCursor): string =>
  reason === ErrorReason.UNSPECIFIED ? '' : reasonName(reason);

/** The reason; of what went as planned, what was done. */
function categoryOf(item: ItemCursor): string {
  if (item.reason !== ErrorReason.UNSPECIFIED) return reasonName(item.reason);
  return item.state === ItemState.SUCCEEDED
    ? (ItemActionSchema.value[item.action]?.localName ?? '')
    : '';
}

const adviceOf = ({ reason }: ItemCursor): string =>
  reason === ErrorReason.UNSPECIFIED ? '' : reasonInfo(reason).advice;
const otherDestinationPath = ({ path, destinationPath }: ItemCursor): string =>
  destinationPath === path ? '' : destinationPath;

/** A column that is about what was done with an item and what came of it, which neighbours mostly have in common. */
function steady(column: Column<ItemCursor>): Column<ItemCursor> {
  return { ...column, by: outcomeOf };
}

const outcomeOf = (item: ItemCursor): unknown => item.outcome;

const source = (title: string) => placed<ItemCursor>(title, 'source', (item) => item.facts.source.goTo(item.split)); // oxfmt-ignore
const destination = placed<ItemCursor>('Destination', 'destination', (item) => item.facts.destination.goTo(item.splitOf(item.destinationPath))); // oxfmt-ignore
const path = text<ItemCursor>('Path', 'path', (item) => item.path);
const kind = steady(word<ItemCursor>('Kind', 'kind', ItemKindSchema, (item) => item.kind));
const action = steady(word<ItemCursor>('Action', 'action', ItemActionSchema, (item) => item.action)); // oxfmt-ignore
const state = steady(word<ItemCursor>('State', 'state', ItemStateSchema, (item) => item.state));
const reason = steady(word<ItemCursor>('Reason', 'reason', ErrorReasonSchema, (item) => item.reason)); // oxfmt-ignore
const message = steady(text<ItemCursor>('Message', 'message', (item) => item.message));
const advice = steady(text<ItemCursor>('Advice', 'advice', adviceOf));
const requestId = steady(text<ItemCursor>('Request ID', 'requestId', (item) => item.requestId));
const movedFrom = text<ItemCursor>('Moved from', 'movedFrom', (item) => item.movedFrom);
const destinationPath = text<ItemCursor>('Destination path', 'destinationPath', otherDestinationPath); // oxfmt-ignore
const size = (title: string) => plain<ItemCursor>(title, 'size', (item) => String(item.size));
const modified = plain<ItemCursor>('Modified', 'modifiedTime', (item) => timeText(item.modifiedNs)); // oxfmt-ignore
const run = steady(plain<ItemCursor>('Run', 'run', ({ facts }) => facts.run));

/** Migration Manager's columns from the content type to the message. */
const outcomeColumns: readonly Column<ItemCursor>[] = [
  steady(plain('Content type', '', (item) => contentTypes[item.kind] ?? '')),
  steady(plain('Status', '', statusOf)),
  steady(plain('Result category', '', categoryOf)),
  message,
];

/** Migration Manager's columns from the ids to the end. */
const idColumns: readonly Column<ItemCursor>[] = [
  plain('Source item ID', 'fileId', ({ fileId }) => (fileId === 0n ? '' : String(fileId))),
  text('Destination item ID', 'destinationId', (item) => item.destinationId),
  steady(empty('Package number')),
  steady(empty('Migration job ID')),
];

const taskColumns: readonly Column<ItemCursor>[] = [
  steady(plain('Incremental round', '', ({ facts }) => facts.round)),
  steady(plain('Task ID', '', ({ facts }) => facts.taskUid)),
  steady(text('Device name', '', (item) => item.device)),
];

/** Ours, after those of Migration Manager. */
const ownColumns: readonly Column<ItemCursor>[] = [
  path,
  kind,
  action,
  state,
  reason,
  advice,
  requestId,
  plain('SHA-256', 'sha256', (item) => item.sha256),
  plain('quickXorHash', 'quickXorHash', (item) => item.quickXorHash),
  steady(word('Verification', 'verification', ItemVerificationSchema, (item) => item.verification)), // oxfmt-ignore
  steady(number('Attempts', 'attempts', ({ attempts }) => (attempts === 0 ? '' : String(attempts)))), // oxfmt-ignore
  steady(plain('Agent', 'agent', ({ agent }) => (agent === '' ? '' : agentName(agent)))),
  movedFrom,
  destinationPath,
  text('Renamed because', 'renamedBecause', (item) => item.renamedBecause),
  modified,
  time('Created', 'createdTime', (item) => item.createdNs),
  run,
];

export const itemReport: ItemReport = {
  columns: [
    source('Source'),
    destination,
    text('File name', '', (item) => item.split.name),
    text('Extension', '', extensionOf),
    size('File size'),
    ...outcomeColumns,
    ...idColumns,
    ...taskColumns,
    ...ownColumns,
  ],
  isWanted: () => true,
  mayHold: () => true,
};

export const itemFailureReport: ItemReport = {
  columns: [
    source('Source'),
    destination,
    text('Item name', '', (item) => item.split.name),
    text('Extension', '', extensionOf),
    size('Item size'),
    ...outcomeColumns,
    plain('Error code', '', reasonOf),
    ...idColumns,
    ...taskColumns,
    ...ownColumns,
  ],
  isWanted: (item) => item.state === ItemState.FAILED,
  mayHold: (batch) => batch.failedItems > 0,
};

export const urlMap: ItemReport = {
  columns: [
    source('Old path'),
    placed('New URL', 'url', (item) => item.facts.url.goTo(item.splitOf(item.destinationPath))),
    kind,
    path,
    destinationPath,
    run,
  ],
  isWanted: (item) =>
    item.state === ItemState.SUCCEEDED
      ? item.action !== ItemAction.RECYCLE
      : item.state === ItemState.SKIPPED && item.reason === ErrorReason.UNCHANGED,
  mayHold: (batch) => batch.succeededItems + batch.skippedItems > 0,
};

/** What is said of an item by the plan, and not of what came of it. */
function ofPlan(column: Column<ItemCursor>): Column<ItemCursor> {
  const { csv, json } = column;
  return {
    ...column,
    csv: (item) => (isDecided(item) ? csv(item) : ''),
    json: (item) => (isDecided(item) ? json(item) : ''),
  };
}

/** Whether the plan has a reason for what is done. */
function isDecided({ action: planned }: ItemCursor): boolean {
  return planned === ItemAction.SKIP || planned === ItemAction.FAIL || planned === ItemAction.KEEP;
}

export const planReport: ItemReport = {
  columns: [
    source('Source'),
    path,
    kind,
    action,
    ofPlan(reason),
    ofPlan(message),
    placed('Destination', 'destination', (item) =>
      item.facts.destination.goTo(item.splitOf(item.plannedPath)),
    ),
    text('Destination path', 'destinationPath', ({ path: from, plannedPath }) =>
      from === plannedPath ? '' : plannedPath,
    ),
    text('Renamed because', 'renamedBecause', (item) => item.plannedRename),
    text('Moved from', 'movedFrom', (item) => item.plannedOrigin),
    size('Size'),
    modified,
    ofPlan(advice),
    run,
  ],
  isWanted: () => true,
  mayHold: () => true,
};

/** By their kinds. */
export const itemReports: Partial<Record<ReportKind, ItemReport>> = {
  [ReportKind.ITEM_REPORT]: itemReport,
  [ReportKind.ITEM_FAILURE_REPORT]: itemFailureReport,
  [ReportKind.URL_MAP]: urlMap,
  [ReportKind.PLAN]: planReport,
};
