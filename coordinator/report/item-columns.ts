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
import { reasonInfo, reasonName } from '../../lib/error.ts';
import { agentName } from '../task/names.ts';
import type { ItemCursor } from './item-cursor.ts';
import {
  empty,
  number,
  placed,
  plain,
  text,
  time,
  wide,
  word,
  written,
  type Column,
} from './report-column.ts';

/** A report with a row for each item. */
export interface ItemReport {
  columns: readonly Column<ItemCursor>[];
  /** Whether the report has the item that the cursor stands on. */
  isWanted: (item: ItemCursor) => boolean;
  /** Whether a batch can have such items, as far as its counts tell. */
  mayHold: (batch: BatchRow) => boolean;
}

/** The end of the path, from a place on; in CSV only. */
function pathEnd(title: string, start: (item: ItemCursor) => number): Column<ItemCursor> {
  const csv: Column<ItemCursor>['csv'] = (item, out) => out.putCsvText(item.path, start(item));
  return { ...empty(title), csv };
}

function extensionStart({ kind, path, nameStart }: ItemCursor): number {
  const dot = kind === ItemKind.FOLDER ? -1 : path.lastIndexOf('.');
  // The dot of a hidden file begins no extension.
  return dot > nameStart ? dot + 1 : path.length;
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

const source = (title: string) => placed<ItemCursor>(title, 'source', ({ facts, path }) => facts.source.goTo(path)); // oxfmt-ignore
const destination = placed<ItemCursor>('Destination', 'destination', ({ facts, destinationPath }) => facts.destination.goTo(destinationPath)); // oxfmt-ignore
const path = text<ItemCursor>('Path', 'path', (item) => item.path);
const kind = word<ItemCursor>('Kind', 'kind', ItemKindSchema, (item) => item.kind);
const action = word<ItemCursor>('Action', 'action', ItemActionSchema, (item) => item.action);
const state = word<ItemCursor>('State', 'state', ItemStateSchema, (item) => item.state);
const reason = word<ItemCursor>('Reason', 'reason', ErrorReasonSchema, (item) => item.reason);
const message = text<ItemCursor>('Message', 'message', (item) => item.message);
const advice = text<ItemCursor>('Advice', 'advice', adviceOf);
const requestId = text<ItemCursor>('Request ID', 'requestId', (item) => item.requestId);
const movedFrom = text<ItemCursor>('Moved from', 'movedFrom', (item) => item.movedFrom);
const destinationPath = text<ItemCursor>('Destination path', 'destinationPath', otherDestinationPath); // oxfmt-ignore
const size = (title: string) => wide<ItemCursor>(title, 'size', (item) => item.size, true);
const modified = written<ItemCursor>('Modified', 'modifiedTime', (item, out) => out.putTime(item.modifiedNs)); // oxfmt-ignore
const run = plain<ItemCursor>('Run', 'run', ({ facts }) => facts.run);

/** Migration Manager's columns from the content type to the message. */
const outcomeColumns: readonly Column<ItemCursor>[] = [
  plain('Content type', '', (item) => contentTypes[item.kind] ?? ''),
  plain('Status', '', statusOf),
  plain('Result category', '', categoryOf),
  message,
];

/** Migration Manager's columns from the ids to the end. */
const idColumns: readonly Column<ItemCursor>[] = [
  wide('Source item ID', 'fileId', (item) => item.fileId, false),
  text('Destination item ID', 'destinationId', (item) => item.destinationId),
  empty('Package number'),
  empty('Migration job ID'),
];

const taskColumns: readonly Column<ItemCursor>[] = [
  plain('Incremental round', '', ({ facts }) => facts.round),
  plain('Task ID', '', ({ facts }) => facts.taskUid),
  text('Device name', '', (item) => item.device),
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
  written('SHA-256', 'sha256', (item, out) => item.putSha256(out)),
  written('quickXorHash', 'quickXorHash', (item, out) => item.putQuickXorHash(out)),
  word('Verification', 'verification', ItemVerificationSchema, (item) => item.verification),
  number('Attempts', 'attempts', ({ attempts }) => (attempts === 0 ? '' : String(attempts))),
  plain('Agent', 'agent', ({ agent }) => (agent === '' ? '' : agentName(agent))),
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
    pathEnd('File name', ({ nameStart }) => nameStart),
    pathEnd('Extension', extensionStart),
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
    pathEnd('Item name', ({ nameStart }) => nameStart),
    pathEnd('Extension', extensionStart),
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
    placed('New URL', 'url', ({ facts, destinationPath: below }) => facts.url.goTo(below)),
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
    csv: (item, out) => {
      if (isDecided(item)) csv(item, out);
    },
    json: (item, out) => {
      if (isDecided(item)) json(item, out);
    },
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
    placed('Destination', 'destination', ({ facts, plannedPath }) =>
      facts.destination.goTo(plannedPath),
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
