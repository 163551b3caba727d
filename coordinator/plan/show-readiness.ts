// The readiness of a run as the API shows it. PURE.
import { clone, create } from '@bufbuild/protobuf';
import {
  ReadinessIssueRowSchema,
  ReadinessRowSchema,
  type FileClasses,
  type ReadinessRow,
} from '../../gen/drover/store/v1/readiness_pb.ts';
import {
  ReadinessClassSchema,
  ReadinessIssueKind,
  ReadinessIssueSchema,
  ReadinessSchema,
  ReadinessSeverity,
  ReadinessStatus,
  type Readiness,
  type ReadinessClass,
  type ReadinessIssue,
} from '../../gen/drover/v1/readiness_pb.ts';
import type { Run } from '../../gen/drover/v1/run_pb.ts';
import { ageClasses, monthWords, sizeClasses, unknownClass } from './file-classes.ts';
import { FolderCounter } from './open-folders.ts';
import { judgeFolder } from './readiness.ts';
import { adviceOf, IssueTally, severityOf } from './readiness-issues.ts';

/** A document library takes so many items. */
export const libraryItemsMax = 30_000_000n;
/** With more, synchronizing it becomes slow. */
export const syncedItemsMax = 300_000n;
/** How many extensions are shown one by one. */
export const shownExtensionsMax = 100;

/** `kept` is undefined when nothing was scanned yet; it is not changed. */
export function showReadiness(
  kept: ReadinessRow | undefined,
  run: Pick<Run, 'name' | 'progress' | 'settings'>,
): Readiness {
  const row = kept === undefined ? create(ReadinessRowSchema) : clone(ReadinessRowSchema, kept);
  const issues = issuesOf(row, run.settings?.tryReading === true).toSorted(
    (one, other) => other.severity - one.severity || one.kind - other.kind || one.reason - other.reason, // oxfmt-ignore
  );
  const { files, folders, ready, withWarnings, withErrors, leftOut, unchanged } = row;
  return create(ReadinessSchema, {
    run: run.name,
    status: statusOf(issues),
    scanComplete: run.progress?.scanComplete === true,
    ...{ files, folders, ready, withWarnings, withErrors, leftOut, unchanged },
    longestPath: row.longestPath?.path ?? '',
    longestPathLength: row.longestPath?.value ?? 0,
    longestNamePath: row.longestName?.path ?? '',
    longestNameLength: row.longestName?.value ?? 0,
    deepestPath: row.deepest?.path ?? '',
    deepestLevel: row.deepest?.value ?? 0,
    issues,
    largestFiles: row.largestFiles,
    sizes: byNumber(row.sizes, (number) => sizeClasses[number]!.words),
    ages: byNumber(row.ages, (number) => ageClasses[number]!.words),
    extensions: extensionsOf(row.extensions),
    months: monthsOf(row.months),
  });
}

/** How many items were counted. */
export function countedItems(row: ReadinessRow | undefined): bigint {
  const { ready, withWarnings, withErrors, leftOut } = row ?? create(ReadinessRowSchema);
  return [ready, withWarnings, withErrors, leftOut].reduce((sum, one) => sum + (one?.items ?? 0n), 0n); // oxfmt-ignore
}

/** With those about folders of which more might have come, and about all of it. */
function issuesOf(row: ReadinessRow, isReadingTried: boolean): ReadinessIssue[] {
  const tally = new IssueTally(row.issues);
  new FolderCounter(row.openFolders, (folder) => judgeFolder(row, tally, folder)).finish();
  const { ready, withWarnings } = row;
  const items = (ready?.items ?? 0n) + (withWarnings?.items ?? 0n);
  const bytes = (ready?.bytes ?? 0n) + (withWarnings?.bytes ?? 0n);
  const whole = (kind: ReadinessIssueKind, more: { items: bigint; bytes: bigint }) =>
    create(ReadinessIssueRowSchema, { kind, ...more });
  const rows = [...row.issues];
  const classes = row.sizes?.files.map((files, index) => ({ files, bytes: row.sizes!.bytes[index]! })) ?? []; // oxfmt-ignore
  const unread = classes.reduce(plus, { files: 0n, bytes: 0n });
  if (unread.files > 0n && !isReadingTried)
    rows.push(whole(ReadinessIssueKind.READING_NOT_TRIED, { items: unread.files, bytes: unread.bytes })); // oxfmt-ignore
  if (row.isTenant && items > libraryItemsMax)
    rows.push(whole(ReadinessIssueKind.LIBRARY_FULL, { items, bytes }));
  else if (row.isTenant && items > syncedItemsMax)
    rows.push(whole(ReadinessIssueKind.LIBRARY_SLOW_TO_SYNC, { items, bytes }));
  return rows.map(({ kind, reason, items: count, bytes: size, samples }) => {
    const [severity, advice] = [severityOf({ kind, reason }), adviceOf({ kind, reason })];
    return create(ReadinessIssueSchema, { kind, severity, reason, items: count, bytes: size, advice, samples }); // oxfmt-ignore
  });
}

function statusOf(issues: readonly { severity: ReadinessSeverity }[]): ReadinessStatus {
  const has = (severity: ReadinessSeverity) => issues.some((issue) => issue.severity === severity);
  if (has(ReadinessSeverity.ERROR)) return ReadinessStatus.ERRORS;
  return has(ReadinessSeverity.WARNING) ? ReadinessStatus.WARNINGS : ReadinessStatus.READY;
}

/** Files and bytes of a class. */
interface Count {
  files: bigint;
  bytes: bigint;
}

function plus(one: Count, other: Count): Count {
  return { files: one.files + other.files, bytes: one.bytes + other.bytes };
}

/** In the order of their numbers, and last those of which it is not known. */
function byNumber(kept: FileClasses | undefined, words: (number: number) => string) {
  const known = numbered(kept).toSorted((one, other) => one.number - other.number);
  const isUnknown = ({ number }: { number: number }) => number === unknownClass;
  return [...known.filter((one) => !isUnknown(one)), ...known.filter(isUnknown)].map(({ number, ...count }) => shown(number === unknownClass ? 'unknown' : words(number), count)); // oxfmt-ignore
}

/** The latest month first. */
function monthsOf(kept: FileClasses | undefined): ReadinessClass[] {
  const known = numbered(kept).filter(({ number }) => number !== unknownClass);
  const latest = known.toSorted((one, other) => other.number - one.number);
  const shownMonths = latest.map(({ number, ...count }) => shown(monthWords(number), count));
  const unknown = numbered(kept).filter(({ number }) => number === unknownClass);
  return [...shownMonths, ...otherOf(kept), ...unknown.map((count) => shown('unknown', count))];
}

/** Those with the most bytes first; the rest is summed up. */
function extensionsOf(kept: FileClasses | undefined): ReadinessClass[] {
  const found = kept?.text.map((text, index) => ({ text, ...countAt(kept, index) })) ?? [];
  const largest = found.toSorted(
    (one, other) => Number(other.bytes - one.bytes) || Number(other.files - one.files) || (one.text < other.text ? -1 : 1), // oxfmt-ignore
  );
  const { otherFiles: files = 0n, otherBytes: bytes = 0n } = kept ?? {};
  const other = largest.slice(shownExtensionsMax).reduce<Count>(plus, { files, bytes });
  return [
    ...largest.slice(0, shownExtensionsMax).map(({ text, ...count }) => shown(text === '' ? 'none' : text, count)), // oxfmt-ignore
    ...(other.files > 0n ? [shown('other', other)] : []),
  ];
}

function numbered(kept: FileClasses | undefined) {
  return kept?.number.map((number, index) => ({ number, ...countAt(kept, index) })) ?? [];
}

function countAt(kept: FileClasses, index: number): Count {
  return { files: kept.files[index]!, bytes: kept.bytes[index]! };
}

function otherOf(kept: FileClasses | undefined): ReadinessClass[] {
  const { otherFiles: files = 0n, otherBytes: bytes = 0n } = kept ?? {};
  return files === 0n ? [] : [shown('other', { files, bytes })];
}

function shown(words: string, { files, bytes }: Count): ReadinessClass {
  return create(ReadinessClassSchema, { class: words, files, bytes });
}
