// A file that was renamed or moved at the source is renamed or moved at the destination, where nothing of it has to be sent. Only what is
// certain is done so: the file must be what the scan found, its old place at the source free, and its content that of before.
import type { DestinationFile, ExpectedFile } from '../destination/destination.ts';
import { isListedAtSource, standsAtSource } from '../source/stands-at-source.ts';
import type { SourceFileFacts } from '../source/source.ts';
import { isSameWrite, type Write } from './conflict.ts';
import type { Origin, ScannedFacts } from './planned-items.ts';
import { SourceReader } from './source-reader.ts';
import type { TransferOptions } from './transfer-item.ts';

/** What is to be moved. */
export interface MoveItem {
  /** Below the source, where it is now. */
  path: string;
  /** Below the destination, where it goes. */
  destinationPath: string;
  /** What the scan found. */
  scanned: ScannedFacts;
  origin: Origin;
  /** What an earlier run left at the origin. */
  expected: ExpectedFile;
  /** What agents may have written of it and not reported. */
  unreported: readonly Write[];
}

/** A file that stands at its new place, with the content that it was migrated with. */
export interface Moved {
  /** Bytes of the file. */
  size: number;
  /** Nanoseconds since 1970. */
  modifiedNs: bigint;
  destination: DestinationFile;
}

/** Moves files, one at a time. */
export class FileMove {
  readonly #options: TransferOptions;
  readonly #reader: SourceReader;

  constructor(options: TransferOptions, reader = new SourceReader(options)) {
    this.#options = options;
    this.#reader = reader;
  }

  /**
   * Undefined when it is not to be moved, or cannot be: then it is a file like any other, and is transferred. Throws DroverError, and
   * StoppedError when the job is to end.
   */
  async move(item: MoveItem): Promise<Moved | undefined> {
    const { destinationPath: to, expected, origin, unreported } = item;
    const { source, destination, countBytes } = this.#options;
    using file = source.open(item.path);
    const facts = file.facts();
    if (!isAsScanned(facts, item.scanned) || this.#isOriginTaken(item)) return undefined;
    if (!origin.isCertain) {
      const { sha256 } = await this.#reader.read({ item, file, facts }, undefined);
      if (Buffer.compare(sha256, origin.sha256) !== 0) return undefined;
    }
    const { timePrecisionNs } = destination;
    const others = unreported.filter((write) => !isSameWrite([write], { isFile: true, ...expected }, timePrecisionNs)); // oxfmt-ignore
    const answer = await destination.moveFile({
      from: origin.destinationPath,
      to,
      expected,
      isUnreported: (standing) => isSameWrite(others, standing, timePrecisionNs),
    });
    if (answer.kind !== 'moved') return undefined;
    countBytes(facts.size);
    return { size: facts.size, modifiedNs: facts.modifiedNs, destination: answer.file };
  }

  /**
   * Whether something has the old place at the source: this same file, by another hard link, or another one. What it says about the
   * destination's old place is being done at this moment, perhaps by another agent, so it is left to that.
   */
  #isOriginTaken({ path, origin }: MoveItem): boolean {
    const { source } = this.#options;
    const isRecased = path.toLowerCase() === origin.path.toLowerCase();
    return isRecased ? isListedAtSource(source, origin.path) : standsAtSource(source, origin.path);
  }
}

function isAsScanned(facts: SourceFileFacts, scanned: ScannedFacts): boolean {
  return (
    facts.size === scanned.size &&
    facts.fileId === scanned.fileId &&
    // Columns hold nanoseconds in 64 bits.
    BigInt.asIntN(64, facts.modifiedNs) === BigInt.asIntN(64, scanned.modifiedNs)
  );
}
