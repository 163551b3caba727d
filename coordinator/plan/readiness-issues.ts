// What a scan has to say about items: what each kind means, and how many there are of it. PURE.
import { create } from '@bufbuild/protobuf';
import {
  ReadinessIssueRowSchema,
  type ReadinessIssueRow,
} from '../../gen/drover/store/v1/readiness_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ReadinessIssueKind, ReadinessSeverity } from '../../gen/drover/v1/readiness_pb.ts';
import { reasonInfo } from '../../lib/error.ts';

/** After so many, what else is found is counted without its reason: agents may tell reasons that this version does not know. */
export const issuesMax = 100;
/** How many paths of an issue are shown. */
export const samplesMax = 10;
/** A longer path is cut. */
export const shownPathMax = 1000;

const { INFO, WARNING, ERROR } = ReadinessSeverity;

interface IssueInfo {
  severity: ReadinessSeverity;
  /** Absent where the reason says it. */
  advice?: string;
}

const infos: Partial<Record<number, IssueInfo>> = {
  [ReadinessIssueKind.CANNOT_MIGRATE]: { severity: ERROR },
  [ReadinessIssueKind.LEFT_OUT]: { severity: WARNING },
  [ReadinessIssueKind.NAME_REPLACED]: {
    severity: WARNING,
    advice:
      'Look at the new names in the plan (drover items list); rename the items at the source if they are to be called otherwise.',
  },
  [ReadinessIssueKind.NAME_COLLIDES]: {
    severity: WARNING,
    advice:
      'Look at the new names in the plan (drover items list); rename one of the two at the source if it is to have no number.',
  },
  [ReadinessIssueKind.NAME_COMPOSED]: { severity: INFO, advice: 'Nothing: the name looks the same.' }, // oxfmt-ignore
  [ReadinessIssueKind.SCRIPT_TYPE]: {
    severity: WARNING,
    advice:
      'Nothing, if the files only have to be kept; else have custom script allowed for the site before they are migrated. Leave them out with exclude_extensions.',
  },
  [ReadinessIssueKind.THICKET_FOLDER]: {
    severity: WARNING,
    advice:
      'Save the page as one file (.mht, .pdf) instead, or rename page and folder at the source; what SharePoint refuses is reported as failed.',
  },
  [ReadinessIssueKind.EMPTY_FILE]: { severity: INFO, advice: 'Nothing: they are migrated.' },
  [ReadinessIssueKind.FOLDER_CROWDED]: {
    severity: WARNING,
    advice: 'Spread what is in the folder over subfolders, or tell who uses it to search in it.',
  },
  [ReadinessIssueKind.FOLDER_LARGE]: {
    severity: WARNING,
    advice:
      'Give permissions to its subfolders, or to the library, or migrate it to a library of its own with a task for it.',
  },
  [ReadinessIssueKind.LIBRARY_FULL]: {
    severity: ERROR,
    advice: 'Make several tasks, each with a part of the source and a library of its own.',
  },
  [ReadinessIssueKind.LIBRARY_SLOW_TO_SYNC]: {
    severity: INFO,
    advice:
      'Nothing, if nobody synchronizes the library as a whole; else spread it over several libraries.',
  },
  [ReadinessIssueKind.READING_NOT_TRIED]: {
    severity: INFO,
    advice:
      'Scan with try_reading to have each file opened; have programs closed that keep files open; what could not be read is tried again with drover runs retry.',
  },
};

const unknownInfo: IssueInfo = { severity: ERROR, advice: '' };

/** How much an issue matters. A file that a program left behind is missed by nobody. */
export function severityOf({ kind, reason }: Pick<ReadinessIssueRow, 'kind' | 'reason'>) {
  if (reason === ErrorReason.TEMPORARY_FILE) return INFO;
  return (infos[kind] ?? unknownInfo).severity;
}

/** What to do about it. */
export function adviceOf({ kind, reason }: Pick<ReadinessIssueRow, 'kind' | 'reason'>): string {
  return (infos[kind] ?? unknownInfo).advice ?? reasonInfo(reason).advice;
}

/** Counts issues, in place. */
export class IssueTally {
  readonly #rows: ReadinessIssueRow[];
  readonly #found = new Map<number, ReadinessIssueRow>();

  constructor(rows: ReadinessIssueRow[]) {
    this.#rows = rows;
    for (const row of rows) this.#found.set(keyOf(row.kind, row.reason), row);
  }

  /** `bytes` are those of a file; of all else 0. */
  add(
    kind: ReadinessIssueKind,
    path: string,
    bytes: number,
    reason: ErrorReason = ErrorReason.UNSPECIFIED,
  ): void {
    const row = this.#rowOf(kind, reason);
    row.items += 1n;
    row.bytes += BigInt(bytes);
    if (row.samples.length < samplesMax) row.samples.push(shownPath(path));
  }

  #rowOf(kind: ReadinessIssueKind, reason: ErrorReason): ReadinessIssueRow {
    const key = keyOf(kind, reason);
    const found = this.#found.get(key);
    if (found !== undefined) return found;
    if (this.#rows.length >= issuesMax && reason !== ErrorReason.UNSPECIFIED)
      return this.#rowOf(kind, ErrorReason.UNSPECIFIED);
    const row = create(ReadinessIssueRowSchema, { kind, reason });
    this.#rows.push(row);
    this.#found.set(key, row);
    return row;
  }
}

/** A path as it is shown. */
export function shownPath(path: string): string {
  if (path === '') return '.';
  return path.length <= shownPathMax ? path : `${path.slice(0, shownPathMax - 1)}…`;
}

/** No enum has so many values that two have one key. */
function keyOf(kind: ReadinessIssueKind, reason: ErrorReason): number {
  return kind * 2 ** 20 + reason;
}
