// Whether what a scan finds can be migrated, and what it is: counted item by item while it is planned, and kept in one row of bounded
// size. PURE.
import { create } from '@bufbuild/protobuf';
import { ReadinessRecordSchema, ReadinessRowSchema, type ReadinessRecord, type ReadinessRow } from '../../gen/drover/store/v1/readiness_pb.ts'; // oxfmt-ignore
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemAction, ItemKind } from '../../gen/drover/v1/item_pb.ts';
import { ReadinessAmountSchema, ReadinessFileSchema, ReadinessIssueKind } from '../../gen/drover/v1/readiness_pb.ts'; // oxfmt-ignore
import { nameAtDestination } from './destination-name.ts';
import { ageClass, ClassTally, classesMax, extensionOf, monthOf, sizeClass, unknownClass } from './file-classes.ts'; // oxfmt-ignore
import { FolderCounter, type CountedFolder } from './open-folders.ts';
import type { Decision, ScannedItem } from './plan-item.ts';
import { IssueTally, shownPath } from './readiness-issues.ts';

/** How many of the largest files are kept. */
export const largestFilesMax = 20;
/** More items than these, directly in a folder, are an issue. */
export const folderChildrenMax = 5000;
/** And more than these in a folder and below it. */
export const folderItemsMax = 100_000;

const { CANNOT_MIGRATE, LEFT_OUT, NAME_REPLACED, NAME_COLLIDES, NAME_COMPOSED, SCRIPT_TYPE, THICKET_FOLDER, EMPTY_FILE, FOLDER_CROWDED, FOLDER_LARGE } = ReadinessIssueKind; // oxfmt-ignore

const scriptTypes = new Set(['aspx', 'asmx', 'ascx', 'htc', 'jar', 'master', 'swf', 'xap', 'xsf']);

/** What readiness goes by beside items. */
export interface ReadinessPlace {
  /** How many characters of a path in SharePoint are those of its site and library; undefined for a destination folder. */
  rootLength: number | undefined;
  /** What stands in a name for a character that SharePoint does not take; empty: such a name is refused. */
  replacement: string;
  /** The destination is a document library itself. */
  isLibrary: boolean;
  /** Ages are counted back from here: when the run was asked for. */
  nowMs: number;
}

/** How the items of a run are told apart. */
const amountFields = ['ready', 'withWarnings', 'withErrors', 'leftOut', 'unchanged'] as const;
type AmountField = (typeof amountFields)[number];
type RecordField = 'longestPath' | 'longestName' | 'deepest';

/** Counted as numbers, which is many times faster than as bigints; bytes are exact up to 8 PiB. */
interface Amount {
  items: number;
  bytes: number;
}

export class ReadinessTally {
  readonly #place: ReadinessPlace;
  readonly #row: ReadinessRow;
  readonly #isTenant: boolean;
  /** Characters of a path at the destination that are not below it. */
  readonly #rootLength: number;
  readonly #amounts: Record<AmountField, Amount>;
  readonly #issues: IssueTally;
  readonly #folders: FolderCounter;
  readonly #sizes: ClassTally<number>;
  readonly #ages: ClassTally<number>;
  readonly #months: ClassTally<number>;
  readonly #extensions: ClassTally<string>;
  readonly #records: Record<RecordField, ReadinessRecord>;
  #fileCount = 0;
  #folderCount = 0;
  /** What is not larger is not among the largest files. */
  #largeBytes: number;

  /** Goes on with the row, which is changed; undefined before the first page. */
  constructor(kept: ReadinessRow | undefined, place: ReadinessPlace) {
    const row = kept ?? create(ReadinessRowSchema, { isTenant: place.rootLength !== undefined });
    this.#place = place;
    this.#row = row;
    this.#isTenant = row.isTenant;
    this.#rootLength = place.rootLength ? place.rootLength + 1 : 0;
    const amount = (field: AmountField) => ({ items: Number(row[field]?.items ?? 0), bytes: Number(row[field]?.bytes ?? 0) }); // oxfmt-ignore
    this.#amounts = {
      ready: amount('ready'),
      withWarnings: amount('withWarnings'),
      withErrors: amount('withErrors'),
      leftOut: amount('leftOut'),
      unchanged: amount('unchanged'),
    };
    const record = (field: RecordField) => (row[field] ??= create(ReadinessRecordSchema));
    this.#records = {
      longestPath: record('longestPath'),
      longestName: record('longestName'),
      deepest: record('deepest'),
    };
    this.#issues = new IssueTally(row.issues);
    this.#folders = new FolderCounter(row.openFolders, (folder) => judgeFolder(row, this.#issues, folder)); // oxfmt-ignore
    this.#sizes = new ClassTally(row.sizes, row.sizes?.number ?? []);
    this.#ages = new ClassTally(row.ages, row.ages?.number ?? []);
    this.#months = new ClassTally(row.months, row.months?.number ?? [], classesMax.months);
    this.#extensions = new ClassTally(row.extensions, row.extensions?.text ?? [], classesMax.extensions); // oxfmt-ignore
    this.#largeBytes = smallestOf(row);
  }

  /** Counts an item as it is planned; items come in path order. */
  add(item: ScannedItem, decision: Decision, destinationPath: string): void {
    const { path, kind } = item;
    const bytes = Number(item.size);
    const slash = path.lastIndexOf('/');
    const parent = this.#folders.seek(path, slash);
    this.#compare('deepest', path, this.#folders.level);
    if (kind === ItemKind.FOLDER) {
      this.#folderCount += 1;
      this.#folders.enter(path);
    } else if (kind === ItemKind.FILE) this.#fileCount += 1;
    const field = this.#fieldOf(item, decision);
    addTo(this.#amounts[field], bytes);
    if (field === 'leftOut') return;
    const extension = kind === ItemKind.FILE ? extensionOf(path, slash + 1) : '';
    if (kind === ItemKind.FILE) this.#classify(item, bytes, extension);
    if (field !== 'ready') return;
    if (decision.reason === ErrorReason.UNCHANGED) addTo(this.#amounts.unchanged, bytes);
    this.#countIn(parent);
    const nameAt = (destinationPath === path ? slash : destinationPath.lastIndexOf('/')) + 1;
    this.#compare('longestPath', path, this.#rootLength + destinationPath.length);
    this.#compare('longestName', path, destinationPath.length - nameAt);
    if (kind === ItemKind.FILE && bytes === 0) this.#issues.add(EMPTY_FILE, path, bytes);
    const hasType = this.#isTenant && this.#judgeType(path, kind, bytes, extension);
    const isRenamed = destinationPath !== path && this.#judgeName(item, destinationPath.slice(nameAt)); // oxfmt-ignore
    if (!hasType && !isRenamed) return;
    addTo(this.#amounts.ready, -bytes, -1);
    addTo(this.#amounts.withWarnings, bytes);
  }

  /** The row with all that was counted; nothing is added after it. */
  keep(): ReadinessRow {
    const row = this.#row;
    row.files += BigInt(this.#fileCount);
    row.folders += BigInt(this.#folderCount);
    for (const field of amountFields) {
      const { items, bytes } = this.#amounts[field];
      row[field] = create(ReadinessAmountSchema, { items: BigInt(items), bytes: BigInt(bytes) });
    }
    row.sizes = this.#sizes.keep();
    row.ages = this.#ages.keep();
    row.months = this.#months.keep();
    row.extensions = this.#extensions.keep();
    row.openFolders = this.#folders.keep();
    return row;
  }

  /** How an item counts as long as it has no warning; says why it does not. */
  #fieldOf({ path, size }: ScannedItem, { action, reason }: Decision): AmountField {
    if (action === ItemAction.FAIL) {
      this.#issues.add(CANNOT_MIGRATE, path, Number(size), reason);
      return 'withErrors';
    }
    if (action !== ItemAction.SKIP || reason === ErrorReason.UNCHANGED) return 'ready';
    // Of what a filter leaves out the run itself says how much each rule does.
    if (reason === ErrorReason.FILTERED) return 'leftOut';
    this.#issues.add(LEFT_OUT, path, Number(size), reason);
    return reason === ErrorReason.TEMPORARY_FILE ? 'leftOut' : 'withWarnings';
  }

  #compare(field: RecordField, path: string, value: number): void {
    const record = this.#records[field];
    if (value <= record.value) return;
    record.path = shownPath(path);
    record.value = value;
  }

  #classify({ path, size, modifiedNs }: ScannedItem, bytes: number, extension: string): void {
    this.#sizes.add(sizeClass(bytes), bytes);
    this.#extensions.add(extension, bytes);
    if (modifiedNs === 0n) {
      this.#ages.add(unknownClass, bytes);
      this.#months.add(unknownClass, bytes);
    } else {
      const modifiedMs = msOf(modifiedNs);
      this.#ages.add(ageClass(this.#place.nowMs - modifiedMs), bytes);
      this.#months.add(monthOf(modifiedMs), bytes);
    }
    if (bytes <= this.#largeBytes) return;
    const { largestFiles } = this.#row;
    const at = largestFiles.findIndex(({ bytes: other }) => size > other);
    const file = create(ReadinessFileSchema, { path: shownPath(path), bytes: size });
    largestFiles.splice(at < 0 ? largestFiles.length : at, 0, file);
    if (largestFiles.length > largestFilesMax) largestFiles.pop();
    this.#largeBytes = smallestOf(this.#row);
  }

  #countIn(parent: CountedFolder): void {
    parent.items += 1;
    parent.children += 1;
    if (parent.children === folderChildrenMax + 1 && this.#isTenant)
      this.#issues.add(FOLDER_CROWDED, parent.path, 0);
  }

  /** Answers whether there is a warning. */
  #judgeType(path: string, kind: ItemKind, bytes: number, extension: string): boolean {
    if (kind === ItemKind.FILE && scriptTypes.has(extension)) {
      this.#issues.add(SCRIPT_TYPE, path, bytes);
      return true;
    }
    if (kind !== ItemKind.FOLDER || !/_files?$/i.test(path)) return false;
    this.#issues.add(THICKET_FOLDER, path, bytes);
    return true;
  }

  /** Answers whether there is a warning. */
  #judgeName({ path, kind, size }: ScannedItem, destinationName: string): boolean {
    const name = path.slice(path.lastIndexOf('/') + 1);
    if (name === destinationName) return false;
    const issue = this.#isTenant ? this.#nameIssue(name, destinationName, { path, kind }) : NAME_COLLIDES; // oxfmt-ignore
    this.#issues.add(issue, path, Number(size));
    return issue !== NAME_COMPOSED;
  }

  #nameIssue(
    name: string,
    destinationName: string,
    { path, kind }: Pick<ScannedItem, 'path' | 'kind'>,
  ): ReadinessIssueKind {
    const { replacement, isLibrary } = this.#place;
    const place = { kind: kind === ItemKind.FOLDER ? 'folder' : 'file', atLibraryRoot: isLibrary && !path.includes('/') } as const; // oxfmt-ignore
    const judged = nameAtDestination(name, { ...place, replacement });
    // What has another name than the rules make of it has it because that one was taken.
    if ('refused' in judged || judged.name !== destinationName) return NAME_COLLIDES;
    const strict = nameAtDestination(name, { ...place, replacement: '' });
    return 'refused' in strict ? NAME_REPLACED : NAME_COMPOSED;
  }
}

/** Says what there is to say about a folder of which all is known. */
export function judgeFolder(
  { isTenant }: Pick<ReadinessRow, 'isTenant'>,
  issues: IssueTally,
  { path, items }: CountedFolder,
): void {
  if (items > folderItemsMax && isTenant) issues.add(FOLDER_LARGE, path, 0);
}

/** The millisecond that a time is in. A number holds a time of today to a quarter of a microsecond, so that it is exact for whole microseconds. */
function msOf(ns: bigint): number {
  return Math.floor(Math.round(Number(ns) / 1000) / 1000);
}

/** Bytes of the smallest of the largest files; less than those of every file while there is room. */
function smallestOf({ largestFiles }: ReadinessRow): number {
  return largestFiles.length < largestFilesMax ? -1 : Number(largestFiles.at(-1)!.bytes);
}

function addTo(amount: Amount, bytes: number, items = 1): void {
  amount.items += items;
  amount.bytes += bytes;
}
