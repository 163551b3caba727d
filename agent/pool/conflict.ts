// What is done with a file whose place is taken by another content, and how that is said. PURE.
import { DroverError } from '../../lib/error.ts';
import { numberedName } from '../../lib/numbered-name.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ConflictPolicy } from '../../gen/drover/v1/settings_pb.ts';
import { otherKindAdvice } from '../destination/destination-error.ts';
import type { ExistingFile } from '../destination/destination.ts';
import { printablePath } from '../source/printable-path.ts';

/** The highest number that is tried to keep a file beside another. */
export const keptNumberMax = 50;

/** A file whose place is taken, and by what. */
export interface Conflict {
  policy: ConflictPolicy;
  existing: Pick<ExistingFile, 'isFile' | 'modifiedNs'>;
  /** When the file at the source was modified; nanoseconds since 1970. */
  modifiedNs: bigint;
  /** Times that differ by less may be one time. */
  precisionNs: bigint;
}

/** Decides by the policy. What is no file is never replaced, nor is anything kept beside it: somebody has to look. */
export function judgeConflict({
  policy,
  existing,
  modifiedNs,
  precisionNs,
}: Conflict): 'report' | 'overwrite' | 'keep-both' | 'leave-newer' {
  if (!existing.isFile) return 'report';
  switch (policy) {
    case ConflictPolicy.OVERWRITE:
      return 'overwrite';
    case ConflictPolicy.KEEP_BOTH:
      return 'keep-both';
    case ConflictPolicy.NEWER_WINS:
      return modifiedNs - existing.modifiedNs >= precisionNs ? 'overwrite' : 'leave-newer';
    default:
      return 'report';
  }
}

/** What was written of a file: its size, and the date of the source that it was given. */
export interface Write {
  size: number;
  /** Nanoseconds since 1970. */
  modifiedNs: bigint;
}

/**
 * Whether what stands there is one of what agents wrote and did not report: it has the size and the date that it was given, and an
 * edit would have given it another date. An empty file can be given its date only after it was written, so that of an agent which died
 * in between it has the time of its writing; and nothing is lost with one, whoever made it.
 */
export function isSameWrite(
  written: readonly Write[],
  existing: Pick<ExistingFile, 'isFile' | 'size' | 'modifiedNs'>,
  precisionNs: bigint,
): boolean {
  return (
    existing.isFile &&
    written.some(
      ({ size, modifiedNs }) =>
        existing.size === size &&
        (size === 0 || existing.modifiedNs / precisionNs === modifiedNs / precisionNs),
    )
  );
}

/** A path with a number in its last part, before the extension. */
export function numberedPath(path: string, number: number): string {
  const cut = path.lastIndexOf('/') + 1;
  return path.slice(0, cut) + numberedName(path.slice(cut), 'file', number);
}

/** Whether it was thrown because something else stands where a file should go. */
export function isConflict(thrown: unknown): boolean {
  return thrown instanceof DroverError && thrown.reason === ErrorReason.DESTINATION_CONFLICT;
}

interface Place {
  destinationPath: string;
}
interface Facts {
  size: number;
  modifiedNs: bigint;
}

/** Another file, or something else, has the place; `more` ends the message. */
export function existingConflict(
  { destinationPath }: Place,
  facts: Facts,
  existing: ExistingFile,
  more = '',
): DroverError {
  const name = printablePath(destinationPath);
  const message = existing.isFile
    ? `another file stands at the destination as ${name}: ${describe(existing)}, and ${describe(facts)} at the source${more}`
    : `something that is not a file stands at the destination as ${name}: ${otherKindAdvice}`;
  return new DroverError(ErrorReason.DESTINATION_CONFLICT, message, {
    metadata: { path: destinationPath },
  });
}

/** The file that has the place is to be kept, because it is not older. */
export function existingNewer(
  { destinationPath }: Place,
  facts: Facts,
  existing: ExistingFile,
): DroverError {
  const name = printablePath(destinationPath);
  return new DroverError(
    ErrorReason.DESTINATION_NEWER,
    `the file at the destination as ${name} is not older: ${describe(existing)}, and ${describe(facts)} at the source`,
    { metadata: { path: destinationPath } },
  );
}

/** Size and date of a file as people read them. */
export function describe({ size, modifiedNs }: Facts): string {
  return `${size} bytes of ${date(modifiedNs)}`;
}

/** A time as people read it; times that a Date cannot hold as the number they are. */
function date(ns: bigint): string {
  const time = new Date(Number(ns / 1_000_000n));
  return Number.isNaN(time.getTime()) ? `${ns} ns since 1970` : time.toISOString();
}
