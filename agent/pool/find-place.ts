// Where a file may be written: its own place when that is free or holds what is to be replaced, else what the run's policy says.
import { ConflictPolicy } from '../../gen/drover/v1/settings_pb.ts';
import type { ExistingFile, ExpectedFile, OpenUpload, Upload } from '../destination/destination.ts';
import { standsAtSource } from '../source/stands-at-source.ts';
import { existingConflict, existingNewer, isSameWrite, judgeConflict, keptNumberMax, numberedPath } from './conflict.ts'; // oxfmt-ignore
import { sourceContent, type SourceReader } from './source-reader.ts';
import type { OpenItem, Transferred, TransferOptions } from './transfer-item.ts';

/** What was found where a file is to go. */
export type FoundPlace =
  | { kind: 'upload'; upload: Upload; keptPath: string }
  /** The very same content stands there already. */
  | { kind: 'done'; transferred: Transferred }
  /** What was to be replaced changed again. */
  | { kind: 'changed'; by: ExistingFile };

/** A time at which no file changed. */
const neverNs = -1n;

/** Finds places for the files of one job. */
export class PlaceFinder {
  readonly #options: TransferOptions;
  readonly #reader: SourceReader;

  constructor(options: TransferOptions, reader: SourceReader) {
    this.#options = options;
    this.#reader = reader;
  }

  /** Where the file may be written, by the run's policy when its place is taken. */
  async find(opened: OpenItem, open: OpenUpload | undefined): Promise<FoundPlace> {
    const { item, facts } = opened;
    const { conflictPolicy: policy, destination } = this.#options;
    const { timePrecisionNs: precisionNs } = destination;
    const { expected } = item;
    // It is not known what was written since the last run, and most likely nothing: then nothing is written again.
    if (
      expected !== undefined &&
      open === undefined &&
      isSameWrite([facts], { ...expected, isFile: true }, precisionNs)
    ) {
      const standing = await this.#openPlace(opened, { isFree: true });
      if (standing.kind === 'upload') return { kind: 'upload', upload: standing, keptPath: '' };
      const transferred = await this.#adopt(opened, { existing: standing, keptPath: '', isOurs: true }); // oxfmt-ignore
      if (transferred !== undefined) return { kind: 'done', transferred };
    }
    const place = await this.#openPlace(opened, { open });
    if (place.kind === 'upload') return { kind: 'upload', upload: place, keptPath: '' };
    const isUnreported = isSameWrite(item.unreported, place, precisionNs);
    // What this task wrote, or may write over, gets the dates of the source; what somebody else put there is not touched.
    const isOurs = isUnreported || item.expected !== undefined || policy === ConflictPolicy.OVERWRITE; // oxfmt-ignore
    const transferred = await this.#adopt(opened, { existing: place, keptPath: '', isOurs }); // oxfmt-ignore
    if (transferred !== undefined) return { kind: 'done', transferred };
    const { modifiedNs } = facts;
    const verdict = isUnreported
      ? 'overwrite'
      : judgeConflict({ policy, existing: place, modifiedNs, precisionNs });
    switch (verdict) {
      case 'overwrite': {
        const replaced = await this.#openPlace(opened, { expected: place.asExpected });
        return replaced.kind === 'upload'
          ? { kind: 'upload', upload: replaced, keptPath: '' }
          : { kind: 'changed', by: replaced };
      }
      case 'keep-both':
        return await this.#findBeside(opened, place);
      case 'leave-newer':
        throw existingNewer(item, facts, place);
      case 'report':
        throw existingConflict(item, facts, place);
    }
  }

  /** The first numbered name that is free, or that has the very same content, as an attempt before may have left it. */
  async #findBeside(opened: OpenItem, taken: ExistingFile): Promise<FoundPlace> {
    const { item, facts } = opened;
    for (let number = 2; number <= keptNumberMax; number++) {
      const keptPath = numberedPath(item.destinationPath, number);
      if (this.#isAtSource(item.path, keptPath)) continue;
      const place = await this.#openPlace(opened, { path: keptPath });
      if (place.kind === 'upload') return { kind: 'upload', upload: place, keptPath };
      const transferred = await this.#adopt(opened, { existing: place, keptPath, isOurs: false }); // oxfmt-ignore
      if (transferred !== undefined) return { kind: 'done', transferred };
    }
    throw existingConflict(item, facts, taken, `; ${keptNumberMax - 1} names beside it are taken, too`); // oxfmt-ignore
  }

  /** Whether the name is one that another item of the source has: that item will need it. */
  #isAtSource(itemPath: string, keptPath: string): boolean {
    const folder = itemPath.slice(0, itemPath.lastIndexOf('/') + 1);
    try {
      return standsAtSource(this.#options.source, folder + keptPath.slice(keptPath.lastIndexOf('/') + 1)); // oxfmt-ignore
    } catch {
      // It cannot be told, so the name is left to it.
      return true;
    }
  }

  /**
   * Without more than the item, its own place; `expected` in place of the item's own, or `path` beside it, where nothing may stand. `isFree`:
   * nothing may stand in its own place either.
   */
  #openPlace(
    { item, facts }: OpenItem,
    more: {
      open?: OpenUpload | undefined;
      expected?: ExpectedFile;
      path?: string;
      isFree?: boolean;
    },
  ): Promise<Upload | ExistingFile> {
    const { size, modifiedNs, changedNs, createdNs } = facts;
    const { open, path, isFree = path !== undefined } = more;
    return this.#options.destination.openUpload({
      path: path ?? item.destinationPath,
      size,
      modifiedNs,
      createdNs,
      expected: more.expected ?? (isFree ? undefined : item.expected),
      partName: item.partName,
      stalePartNames: item.stalePartNames,
      open,
      // Nobody could tell later under which name a numbered one was begun, so it is never gone on with, only cancelled.
      remember: ({ url }) =>
        item.remember({
          url,
          size,
          modifiedNs,
          changedNs: path === undefined ? changedNs : neverNs,
        }),
    });
  }

  /** Takes what stands there for migrated if it is the very same content; undefined when it is another. */
  async #adopt(
    opened: OpenItem,
    { existing, keptPath, isOurs }: { existing: ExistingFile; keptPath: string; isOurs: boolean },
  ): Promise<Transferred | undefined> {
    const { item, facts } = opened;
    if (!existing.mayEqual(facts.size)) return undefined;
    const hashes = await this.#reader.read(opened, undefined);
    const content = sourceContent(opened);
    if (isOurs && existing.modifiedNs !== facts.modifiedNs) await item.beforeWrite(facts);
    const destination = await existing.prove(hashes, content, isOurs ? facts : undefined);
    if (destination === undefined) return undefined;
    this.#options.countBytes(facts.size);
    return { size: facts.size, modifiedNs: facts.modifiedNs, destination, hashes, keptPath };
  }
}
