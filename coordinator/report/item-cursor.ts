// One item after the other of a batch, without an object for each: what `itemRows` makes of them for lists, here for reports of millions. PURE.
import type { ItemRemark, MoveOrigin } from '../../gen/drover/v1/columns_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemAction, ItemKind, ItemState } from '../../gen/drover/v1/item_pb.ts';
import { comparePaths } from '../plan/path-order.ts';
import type { BatchColumns, ItemColumns, ResultColumns } from './batch-columns.ts';
import { isShown, whyRenamed } from './item-rows.ts';
import { splitPath, type Place, type SplitPath } from './item-places.ts';
import { quickXorHashBytes, sha256Bytes } from '../plan/hash-bytes.ts';

/** What is the same for all items of a run. */
export interface RunFacts {
  /** tasks/{task}/runs/{run} */
  run: string;
  /** The task's uid. */
  taskUid: string;
  /** R0 for the first run, as Migration Manager counts them. */
  round: string;
  /** Where the run's items are; whoever uses one goes to the item first. */
  source: Place;
  destination: Place;
  url: Place;
}

/** A batch, with what its agent is called. */
export interface ReportBatch extends BatchColumns {
  /** A name for people. */
  device: string;
}

/** What can be the same for many items of a batch. */
interface Outcome {
  kind: ItemKind;
  action: ItemAction;
  state: ItemState;
  reason: ErrorReason;
  attempts: number;
  verification: number;
  message: string;
  requestId: string;
}

/** Stands on one item; every field is about that one. */
export class ItemCursor {
  readonly facts: RunFacts;
  readonly #batch: ReportBatch;
  readonly #remarks: ReadonlyMap<number, ItemRemark>;
  readonly #origins: ReadonlyMap<number, MoveOrigin>;
  readonly #moved: ReadonlySet<number>;
  readonly #sha256: Buffer;
  readonly #quickXorHash: Buffer;
  path = '';
  /** The path, split: neighbours in one folder have the very same text for it, which is compared at once. */
  readonly split: SplitPath = { folder: '', name: '' };
  kind: ItemKind = ItemKind.UNSPECIFIED;
  action: ItemAction = ItemAction.UNSPECIFIED;
  state: ItemState = ItemState.UNSPECIFIED;
  reason: ErrorReason = ErrorReason.UNSPECIFIED;
  /** The path below the destination. */
  destinationPath = '';
  /** What was done with the item, by whom, and what came of it: the same object for neighbours that have all of that in common. */
  outcome: Outcome | undefined;
  #index = 0;
  #remark: ItemRemark | undefined;
  #isMoved = false;

  constructor(facts: RunFacts, batch: ReportBatch) {
    const { items, results } = batch;
    this.facts = facts;
    this.#batch = batch;
    this.#remarks = new Map(results?.remark.map((remark) => [remark.index, remark]));
    this.#origins = new Map(items.origin.map((origin) => [origin.index, origin]));
    this.#moved = new Set(results?.moved);
    this.#sha256 = asBuffer(results?.sha256);
    this.#quickXorHash = asBuffer(results?.quickXorHash);
  }

  /** Goes to an item; false for one that is shown in another batch. */
  seek(index: number): boolean {
    if (!isShown(this.#batch, index)) return false;
    const { items, results } = this.#batch;
    this.#index = index;
    this.path = items.path.at(index)!;
    this.#split(this.path);
    this.kind = items.kind.at(index)!;
    this.action = items.action.at(index)!;
    this.state = results?.state.at(index) ?? ItemState.PENDING;
    this.#remark = this.#remarks.size === 0 ? undefined : this.#remarks.get(index);
    this.reason = this.#remark?.reason ?? ErrorReason.UNSPECIFIED;
    this.#compareOutcome();
    this.destinationPath =
      results?.keptPath.at(index) || items.destinationPath.at(index) || this.path;
    this.#isMoved = this.#moved.size > 0 && this.#moved.has(index) && this.#origin !== undefined;
    return true;
  }

  #split(path: string): void {
    const start = path.lastIndexOf('/') + 1;
    const { split } = this;
    if (split.folder.length !== start || !path.startsWith(split.folder))
      split.folder = path.slice(0, start);
    split.name = path.slice(start);
  }

  /** A path of the item at the destination, split; mostly it is the one at the source. */
  splitOf(path: string): SplitPath {
    return path === this.path ? this.split : splitPath(path);
  }

  #compareOutcome(): void {
    const { kind, action, state, reason, attempts, verification, message, requestId } = this;
    const known = this.outcome;
    const isKnown =
      known !== undefined &&
      kind === known.kind &&
      action === known.action &&
      state === known.state &&
      reason === known.reason &&
      attempts === known.attempts &&
      verification === known.verification &&
      message === known.message &&
      requestId === known.requestId;
    if (isKnown) return;
    this.outcome = { kind, action, state, reason, attempts, verification, message, requestId };
  }

  get size(): bigint {
    if (this.kind !== ItemKind.FILE) return 0n;
    return this.#isWrittenFile
      ? this.#results!.size.at(this.#index)!
      : this.#items.size.at(this.#index)!;
  }

  /** In nanoseconds since 1970. */
  get modifiedNs(): bigint {
    const source = this.#isWrittenFile ? this.#results! : this.#items;
    return source.modifiedNs.at(this.#index)!;
  }

  /** In nanoseconds since 1970; 0 where it is not known. */
  get createdNs(): bigint {
    return this.#items.createdNs.at(this.#index)!;
  }

  /** The source's own id of the item; 0 where it has none. */
  get fileId(): bigint {
    return this.#items.fileId.at(this.#index)!;
  }

  get message(): string {
    return this.reason === ErrorReason.UNSPECIFIED ? '' : this.#remark!.message;
  }

  /** The id of the call to a service that failed; empty where none did. */
  get requestId(): string {
    return this.reason === ErrorReason.UNSPECIFIED ? '' : this.#remark!.requestId;
  }

  get attempts(): number {
    return this.#results?.attempts.at(this.#index) ?? 0;
  }

  /** In hexadecimal; empty where nothing was read. */
  get sha256(): string {
    if (this.#isMoved) return asBuffer(this.#origin!.sha256).toString('hex');
    if (!this.#isWrittenFile) return '';
    const start = this.#index * sha256Bytes;
    return this.#sha256.toString('hex', start, start + sha256Bytes);
  }

  /** In base64; empty where nothing was read. */
  get quickXorHash(): string {
    if (this.#isMoved) return asBuffer(this.#origin!.quickXorHash).toString('base64');
    if (!this.#isWrittenFile) return '';
    const start = this.#index * quickXorHashBytes;
    return this.#quickXorHash.toString('base64', start, start + quickXorHashBytes);
  }

  get verification(): number {
    return this.state === ItemState.SUCCEEDED
      ? (this.#results!.verification.at(this.#index) ?? 0)
      : 0;
  }

  get destinationId(): string {
    return this.state === ItemState.SUCCEEDED ? (this.#results!.destinationId.at(this.#index) ?? '') : ''; // oxfmt-ignore
  }

  /** The path below the source that the item had; not of one that turned out not to have been moved, and was written anew. */
  get movedFrom(): string {
    if (this.state === ItemState.SUCCEEDED && !this.#isMoved) return '';
    return this.#origin?.path ?? '';
  }

  /** The path below the source that the item had, by the plan. */
  get plannedOrigin(): string {
    return this.#origin?.path ?? '';
  }

  /** The path below the destination, by the plan. */
  get plannedPath(): string {
    return this.#items.destinationPath.at(this.#index) || this.path;
  }

  /** Why it has another path at the destination, by the plan; empty when it has none. */
  get plannedRename(): string {
    return this.plannedPath === this.path ? '' : whyRenamed(this.#items, this.#index);
  }

  /** Why it has another path at the destination; empty when it has none. */
  get renamedBecause(): string {
    if (this.destinationPath === this.path) return '';
    return whyRenamed(this.#items, this.#index, this.#results?.keptPath.at(this.#index));
  }

  /** The id of the agent that did it; empty while nobody has, and where nobody had to. */
  get agent(): string {
    return this.#results === undefined ? '' : this.#batch.agent;
  }

  /** What people call that agent. */
  get device(): string {
    return this.#results === undefined ? '' : this.#batch.device;
  }

  get #items(): ItemColumns {
    return this.#batch.items;
  }

  get #results(): ResultColumns | undefined {
    return this.#batch.results;
  }

  get #origin(): MoveOrigin | undefined {
    return this.#origins.size === 0 ? undefined : this.#origins.get(this.#index);
  }

  /** What was read is what was migrated, also when it was not what the scan had seen. */
  get #isWrittenFile(): boolean {
    const isWritten = this.state === ItemState.SUCCEEDED && this.action !== ItemAction.RECYCLE;
    return isWritten && this.kind === ItemKind.FILE;
  }
}

const noBytes = new Uint8Array();

/** The same bytes, with the forms that a Buffer has for them. */
function asBuffer(bytes: Uint8Array = noBytes): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Items in path order. */
export interface ItemRange {
  count: number;
  /** Goes to an item, from 0; undefined for one that is shown in another batch. */
  seek: (index: number) => ItemCursor | undefined;
}

/** The items of a batch as it was planned, of which parts may have been cut off. */
export function itemRange(facts: RunFacts, parts: readonly ReportBatch[]): ItemRange {
  const [only, ...others] = parts;
  if (only === undefined) return { count: 0, seek: () => undefined };
  if (others.length > 0) return mergedRange(facts, parts);
  const cursor = new ItemCursor(facts, only);
  return { count: only.items.path.length, seek: (index) => (cursor.seek(index) ? cursor : undefined) }; // oxfmt-ignore
}

function mergedRange(facts: RunFacts, parts: readonly ReportBatch[]): ItemRange {
  const rows = parts.flatMap((part) => {
    const cursor = new ItemCursor(facts, part);
    return Array.from({ length: part.items.path.length }, (_, index) => ({ path: part.items.path.at(index)!, index, cursor })); // oxfmt-ignore
  });
  rows.sort((one, other) => comparePaths(one.path, other.path));
  const seek = (at: number): ItemCursor | undefined => {
    const { cursor, index } = rows[at]!;
    return cursor.seek(index) ? cursor : undefined;
  };
  return { count: rows.length, seek };
}
