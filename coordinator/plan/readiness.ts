// Whether what a scan finds can be migrated, and what it is: counted item by item while it is planned, and kept in one row of bounded
// size. PURE.
import { create } from '@bufbuild/protobuf';
import { ReadinessRecordSchema, ReadinessRowSchema, type ReadinessRecord, type ReadinessRow } from '../../gen/drover/store/v1/readiness_pb.ts'; // prettier-ignore
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemAction, ItemKind } from '../../gen/drover/v1/item_pb.ts';
import { ReadinessAmountSchema, ReadinessFileSchema, ReadinessIssueKind, type ReadinessAmount } from '../../gen/drover/v1/readiness_pb.ts'; // prettier-ignore
import { nameAtDestination } from './destination-name.ts';
import { ageClass, ClassTally, classesMax, extensionOf, monthOf, sizeClass, unknownClass } from './file-classes.ts'; // prettier-ignore
import { FolderCounter, type CountedFolder } from './open-folders.ts';
import type { Decision, ScannedItem } from './plan-item.ts';
import { IssueTally, shownPath } from './readiness-issues.ts';

/** How many of the largest files are kept. */
export const largestFilesMax = 20;
/** More items than these, directly in a folder, are an issue. */
export const folderChildrenMax = 5000;
/** And more than these in a folder and below it. */
export const folderItemsMax = 100_000;

const { CANNOT_MIGRATE, LEFT_OUT, NAME_REPLACED, NAME_COLLIDES, NAME_COMPOSED, SCRIPT_TYPE, THICKET_FOLDER, EMPTY_FILE, FOLDER_CROWDED, FOLDER_LARGE } = ReadinessIssueKind; // prettier-ignore

const scriptTypes = new Set(['aspx', 'asmx', 'ascx', 'htc', 'jar', 'master', 'swf', 'xap', 'xsf']);

/** Why items are left out that nobody misses. */
const leftOutReasons = new Set<ErrorReason>([ErrorReason.FILTERED, ErrorReason.TEMPORARY_FILE]);

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
type AmountField = 'ready' | 'withWarnings' | 'withErrors' | 'leftOut' | 'unchanged';

export class ReadinessTally {
  readonly #place: ReadinessPlace;
  readonly #row: ReadinessRow;
  readonly #amounts: Record<AmountField, ReadinessAmount>;
  readonly #issues: IssueTally;
  readonly #folders: FolderCounter;
  readonly #sizes: ClassTally<number>;
  readonly #ages: ClassTally<number>;
  readonly #months: ClassTally<number>;
  readonly #extensions: ClassTally<string>;
  readonly #longestPath: ReadinessRecord;
  readonly #longestName: ReadinessRecord;
  readonly #deepest: ReadinessRecord;

  /** Goes on with the row, which is changed; undefined before the first page. */
  constructor(kept: ReadinessRow | undefined, place: ReadinessPlace) {
    this.#place = place;
    const row = kept ?? create(ReadinessRowSchema, { isTenant: place.rootLength !== undefined });
    this.#row = row;
    const amount = (field: AmountField) => (row[field] ??= create(ReadinessAmountSchema));
    this.#amounts = {
      ready: amount('ready'),
      withWarnings: amount('withWarnings'),
      withErrors: amount('withErrors'),
      leftOut: amount('leftOut'),
      unchanged: amount('unchanged'),
    };
    const record = (of: 'longestPath' | 'longestName' | 'deepest') => (row[of] ??= create(ReadinessRecordSchema)); // prettier-ignore
    this.#longestPath = record('longestPath');
    this.#longestName = record('longestName');
    this.#deepest = record('deepest');
    this.#issues = new IssueTally(row.issues);
    this.#folders = new FolderCounter(row.openFolders, (folder) => judgeFolder(row, this.#issues, folder)); // prettier-ignore
    this.#sizes = new ClassTally(row.sizes, row.sizes?.number ?? []);
    this.#ages = new ClassTally(row.ages, row.ages?.number ?? []);
    this.#months = new ClassTally(row.months, row.months?.number ?? [], classesMax.months);
    this.#extensions = new ClassTally(row.extensions, row.extensions?.text ?? [], classesMax.extensions); // prettier-ignore
  }

  /** Counts an item as it is planned; items come in path order. */
  add(item: ScannedItem, { action, reason }: Decision, destinationPath: string): void {
    const { path, kind, size } = item;
    const slash = path.lastIndexOf('/');
    const parent = this.#folders.seek(path, slash);
    const level = this.#folders.level;
    if (level > this.#deepest.value) setRecord(this.#deepest, path, level);
    if (kind === ItemKind.FOLDER) {
      this.#row.folders += 1n;
      this.#folders.enter(path);
    } else if (kind === ItemKind.FILE) this.#row.files += 1n;
    if (action === ItemAction.SKIP && leftOutReasons.has(reason)) {
      // Of what a filter leaves out the run itself says how much each rule does.
      if (reason !== ErrorReason.FILTERED) this.#issues.add(LEFT_OUT, { path, bytes: size }, reason); // prettier-ignore
      addTo(this.#amounts.leftOut, size);
      return;
    }
    const extension = kind === ItemKind.FILE ? extensionOf(path, slash + 1) : '';
    if (kind === ItemKind.FILE) this.#classify(item, extension);
    const field = this.#judge(item, { action, reason, destinationPath, parent, extension });
    addTo(this.#amounts[field], size);
  }

  /** The row with all that was counted. */
  keep(): ReadinessRow {
    this.#row.sizes = this.#sizes.keep();
    this.#row.ages = this.#ages.keep();
    this.#row.months = this.#months.keep();
    this.#row.extensions = this.#extensions.keep();
    this.#row.openFolders = this.#folders.keep();
    return this.#row;
  }

  #classify({ path, size, modifiedNs }: ScannedItem, extension: string): void {
    const bytes = Number(size);
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
    const { largestFiles } = this.#row;
    const last = largestFiles.at(-1);
    if (largestFiles.length >= largestFilesMax && size <= last!.bytes) return;
    const at = largestFiles.findIndex(({ bytes: other }) => size > other);
    const file = create(ReadinessFileSchema, { path: shownPath(path), bytes: size });
    largestFiles.splice(at < 0 ? largestFiles.length : at, 0, file);
    if (largestFiles.length > largestFilesMax) largestFiles.pop();
  }

  /** Says what there is to say about an item that is not left out; answers with how it counts. */
  #judge(
    item: ScannedItem,
    { action, reason, destinationPath, parent, extension }: Pick<Decision, 'action' | 'reason'> & { destinationPath: string; parent: CountedFolder; extension: string }, // prettier-ignore
  ): AmountField {
    const said = { path: item.path, bytes: item.size };
    if (action === ItemAction.FAIL) {
      this.#issues.add(CANNOT_MIGRATE, said, reason);
      return 'withErrors';
    }
    const isUnchanged = reason === ErrorReason.UNCHANGED;
    if (action === ItemAction.SKIP && !isUnchanged) {
      this.#issues.add(LEFT_OUT, said, reason);
      return 'withWarnings';
    }
    if (isUnchanged) addTo(this.#amounts.unchanged, item.size);
    this.#countIn(parent);
    const nameAt = destinationPath.lastIndexOf('/') + 1;
    const length = (this.#place.rootLength ? this.#place.rootLength + 1 : 0) + destinationPath.length; // prettier-ignore
    if (length > this.#longestPath.value) setRecord(this.#longestPath, item.path, length);
    const nameLength = destinationPath.length - nameAt;
    if (nameLength > this.#longestName.value) setRecord(this.#longestName, item.path, nameLength);
    if (item.kind === ItemKind.FILE && item.size === 0n) this.#issues.add(EMPTY_FILE, said);
    const hasType = this.#row.isTenant && this.#judgeType(item, extension);
    const isRenamed = destinationPath !== item.path && this.#judgeName(item, destinationPath.slice(nameAt)); // prettier-ignore
    return hasType || isRenamed ? 'withWarnings' : 'ready';
  }

  #countIn(parent: CountedFolder): void {
    parent.items += 1;
    parent.children += 1;
    if (parent.children === folderChildrenMax + 1 && this.#row.isTenant)
      this.#issues.add(FOLDER_CROWDED, { path: parent.path, bytes: 0n });
  }

  /** Answers whether there is a warning. */
  #judgeType({ path, kind, size }: ScannedItem, extension: string): boolean {
    if (kind === ItemKind.FILE && scriptTypes.has(extension)) {
      this.#issues.add(SCRIPT_TYPE, { path, bytes: size });
      return true;
    }
    if (kind !== ItemKind.FOLDER || !/_files?$/i.test(path)) return false;
    this.#issues.add(THICKET_FOLDER, { path, bytes: size });
    return true;
  }

  /** Answers whether there is a warning. */
  #judgeName({ path, kind, size }: ScannedItem, destinationName: string): boolean {
    const name = path.slice(path.lastIndexOf('/') + 1);
    if (name === destinationName) return false;
    const issue = this.#row.isTenant ? this.#nameIssue(name, destinationName, { path, kind }) : NAME_COLLIDES; // prettier-ignore
    this.#issues.add(issue, { path, bytes: size });
    return issue !== NAME_COMPOSED;
  }

  #nameIssue(
    name: string,
    destinationName: string,
    { path, kind }: Pick<ScannedItem, 'path' | 'kind'>,
  ): ReadinessIssueKind {
    const { replacement, isLibrary } = this.#place;
    const place = { kind: kind === ItemKind.FOLDER ? 'folder' : 'file', atLibraryRoot: isLibrary && !path.includes('/') } as const; // prettier-ignore
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
  if (items > folderItemsMax && isTenant) issues.add(FOLDER_LARGE, { path, bytes: 0n });
}

/** The millisecond that a time is in. */
function msOf(ns: bigint): number {
  return Number(ns >= 0n ? ns / 1_000_000n : -((999_999n - ns) / 1_000_000n));
}

function addTo(amount: ReadinessAmount, bytes: bigint): void {
  amount.items += 1n;
  amount.bytes += bytes;
}

function setRecord(record: ReadinessRecord, path: string, value: number): void {
  record.path = shownPath(path);
  record.value = value;
}
