// A source and a destination in memory, for runs whose source changes by chance, and an agent that does between them what a real one
// does with files: it looks before it writes, moves or recycles.
import { ErrorReason } from '../../../gen/drover/v1/error_pb.ts';
import type { BatchItems, BatchResults } from '../../../gen/drover/v1/columns_pb.ts';
import { ItemAction, ItemKind, ItemState } from '../../../gen/drover/v1/item_pb.ts';
import { BatchPhase } from '../../../gen/drover/v1/session_pb.ts';
import { comparePaths } from '../../plan/path-order.ts';
import type { Below } from '../../store/testing/random.ts';
import type { Entry } from './scripted-agent.ts';

/** What stands at one path or more of the source. */
interface Node {
  fileId: bigint;
  isFolder: boolean;
  size: bigint;
  modifiedNs: bigint;
  content: string;
  /** It cannot be looked into. */
  isClosed: boolean;
}

/** What stands at a path of the destination. */
interface Standing {
  id: string;
  isFolder: boolean;
  size: bigint;
  modifiedNs: bigint;
  content: string;
}

const foldersMax = 3;

export class SourceModel {
  readonly source = new Map<string, Node>();
  /** By what makes a path another one there. */
  readonly destination = new Map<string, Standing>();
  readonly #below: Below;
  readonly #isFolded: boolean;
  #tick = 0;
  #touches = 0;

  /** `isFolded` is whether the destination takes names for one that differ in case only, of which the source has some then. */
  constructor(below: Below, isFolded = false) {
    this.#below = below;
    this.#isFolded = isFolded;
  }

  /** What stands at a path of the destination. */
  standing(place: string): Standing | undefined {
    return this.destination.get(this.keyOf(place));
  }

  /** The key of a path of the destination. */
  keyOf(place: string): string {
    return this.#isFolded ? place.toUpperCase() : place;
  }

  /** One thing that somebody does at the source. */
  change(): void {
    const paths = [...this.source.keys()];
    const some = paths[this.#below(Math.max(paths.length, 1))];
    const luck = this.#below(100);
    if (some === undefined || luck < 30) this.#create();
    else if (luck < 40) this.#remove(some);
    else if (luck < 70) this.#rename(some);
    else if (luck < 80) this.#edit(some);
    else if (luck < 88) this.#replace(some);
    else if (luck < 92) this.#link(some);
    else if (luck < 96) this.#turn(some);
    else this.source.get(some)!.isClosed = this.source.get(some)!.isFolder && this.#below(2) === 0;
  }

  /** Everything can be looked into again. */
  open(): void {
    for (const node of this.source.values()) node.isClosed = false;
  }

  /** What a scan finds, in pages that are cut by chance. */
  pages(): Entry[][] {
    const visible = [...this.source].filter(([path]) => !this.isHidden(path));
    const entries = visible
      .toSorted(([one], [other]) => comparePaths(one, other))
      .map(([path, node]): Entry => ({
        path,
        size: node.size,
        modifiedNs: node.modifiedNs,
        createdNs: node.fileId,
        fileId: node.fileId,
        ...(node.isFolder ? { kind: ItemKind.FOLDER } : {}),
        ...(node.isClosed ? { remark: { reason: ErrorReason.SOURCE_ACCESS_DENIED, message: 'closed' } } : {}),
      })); // oxfmt-ignore
    const pages: Entry[][] = [];
    while (entries.length > 0) pages.push(entries.splice(0, this.#below(6) + 1));
    return pages;
  }

  /** Whether a folder above cannot be looked into. */
  isHidden(path: string): boolean {
    for (let cut = path.lastIndexOf('/'); cut > 0; cut = path.lastIndexOf('/', cut - 1))
      if (this.source.get(path.slice(0, cut))?.isClosed === true) return true;
    return false;
  }

  /** What an agent makes of a batch; `failsOf` is how many of a hundred items fail for reasons of their own. */
  work(phase: BatchPhase, results: BatchResults, items: BatchItems, failsOf: number): void {
    results.moved = [];
    results.remark = [];
    results.destinationId = items.path.map(() => '');
    const indexes = [...items.path.keys()];
    // What is gone is recycled from the deepest up; the rest comes in any order.
    const order = phase === BatchPhase.GONE ? indexes.toReversed() : this.#shuffled(indexes);
    for (const index of order) {
      const reason = this.#below(100) < failsOf ? ErrorReason.INTERNAL : this.#do(phase, results, items, index); // oxfmt-ignore
      const isSkip = skips.has(reason ?? ErrorReason.UNSPECIFIED);
      if (reason !== undefined) {
        results.state[index] = isSkip ? ItemState.SKIPPED : ItemState.FAILED;
        results.remark.push({
          $typeName: 'drover.v1.ItemRemark',
          index,
          reason,
          message: '',
          requestId: '',
        });
      }
    }
    results.remark.sort((one, other) => one.index - other.index);
  }

  /** Does one item; answers with why it was not done. */
  #do(phase: BatchPhase, results: BatchResults, items: BatchItems, index: number) {
    const place = items.destinationPath[index] ?? items.path[index]!;
    const isFolder = items.kind[index] === ItemKind.FOLDER;
    switch (items.action[index]) {
      case ItemAction.KEEP:
        results.state[index] = ItemState.SKIPPED;
        return ErrorReason.SOURCE_GONE;
      case ItemAction.RECYCLE:
        return this.#recycle(items, index, place, isFolder);
      default:
        if (isFolder) return this.#makeFolder(phase, items, index, place);
        return this.#writeFile(results, items, index, place);
    }
  }

  #recycle(items: BatchItems, index: number, place: string, isFolder: boolean) {
    if (this.source.get(items.path[index]!)?.isFolder === isFolder)
      return ErrorReason.SOURCE_CHANGED;
    const key = this.keyOf(place);
    const standing = this.destination.get(key);
    if (standing === undefined) return undefined;
    const expected = items.expected.find((one) => one.index === index)!;
    const isOurs = isFolder ? standing.isFolder : standing.id === expected.id;
    if (!isOurs) return ErrorReason.DESTINATION_CONFLICT;
    const isEmpty = ![...this.destination.keys()].some((path) => path.startsWith(`${key}/`));
    if (!isEmpty) return ErrorReason.DESTINATION_NOT_EMPTY;
    this.destination.delete(key);
    this.#touch(place);
    return undefined;
  }

  #makeFolder(phase: BatchPhase, items: BatchItems, index: number, place: string) {
    if (this.source.get(items.path[index]!)?.isFolder !== true) return ErrorReason.SOURCE_VANISHED;
    const standing = this.standing(place);
    if (standing?.isFolder === false) return ErrorReason.DESTINATION_CONFLICT;
    if (standing === undefined && phase === BatchPhase.FOLDERS)
      return ErrorReason.DESTINATION_CONFLICT;
    if (this.#isBelowFile(place)) return ErrorReason.DESTINATION_CONFLICT;
    this.#makeFolders(place);
    if (phase !== BatchPhase.FOLDERS) return undefined;
    const folder = this.standing(place)!;
    const modifiedNs = items.modifiedNs[index]!;
    const isDated = items.action[index] === ItemAction.UPDATE && folder.modifiedNs === modifiedNs;
    folder.modifiedNs = modifiedNs;
    return isDated ? ErrorReason.UNCHANGED : undefined;
  }

  /** What is written into a folder, or taken out of it, changes its date. */
  #touch(place: string): void {
    const cut = place.lastIndexOf('/');
    if (cut > 0) this.standing(place.slice(0, cut))!.modifiedNs = BigInt(-++this.#touches);
  }

  #isBelowFile(place: string): boolean {
    for (let cut = place.lastIndexOf('/'); cut > 0; cut = place.lastIndexOf('/', cut - 1))
      if (this.standing(place.slice(0, cut))?.isFolder === false) return true;
    return false;
  }

  #makeFolders(place: string): void {
    const made: string[] = [];
    for (let cut = place.length; cut > 0; cut = place.lastIndexOf('/', cut - 1)) {
      const path = this.keyOf(place.slice(0, cut));
      if (this.destination.has(path)) break;
      this.destination.set(path, { id: `id-${++this.#tick}`, isFolder: true, size: 0n, modifiedNs: 0n, content: '' }); // oxfmt-ignore
      made.push(path);
    }
    for (const path of made) this.#touch(path);
  }

  #writeFile(results: BatchResults, items: BatchItems, index: number, place: string) {
    const node = this.source.get(items.path[index]!);
    if (node === undefined || node.isFolder) return ErrorReason.SOURCE_VANISHED;
    const isMoved =
      items.action[index] === ItemAction.MOVE && this.#move(items, index, place, node);
    if (isMoved) results.moved.push(index);
    else {
      const standing = this.standing(place);
      const expected = items.action[index] === ItemAction.UPDATE ? items.expected.find((one) => one.index === index) : undefined; // oxfmt-ignore
      const isFree = standing === undefined || standing.id === expected?.id || (!standing.isFolder && standing.content === node.content); // oxfmt-ignore
      if (!isFree || this.#isBelowFile(place)) return ErrorReason.DESTINATION_CONFLICT;
      const cut = place.lastIndexOf('/');
      if (cut > 0) this.#makeFolders(place.slice(0, cut));
      const { size, modifiedNs, content } = node;
      const id = standing?.id ?? `id-${++this.#tick}`;
      this.destination.set(this.keyOf(place), { id, isFolder: false, size, modifiedNs, content });
      this.#touch(place);
    }
    results.size[index] = node.size;
    results.modifiedNs[index] = node.modifiedNs;
    results.destinationModifiedNs[index] = node.modifiedNs;
    results.destinationId[index] = this.standing(place)!.id;
    return undefined;
  }

  #move(items: BatchItems, index: number, place: string, node: Node): boolean {
    const origin = items.origin.find((one) => one.index === index)!;
    const expected = items.expected.find((one) => one.index === index)!;
    const isAsScanned = node.size === items.size[index] && node.modifiedNs === items.modifiedNs[index] && node.fileId === items.fileId[index]; // oxfmt-ignore
    const [from, to] = [this.keyOf(origin.destinationPath), this.keyOf(place)];
    const isTaken = (from !== to && this.destination.has(to)) || this.#isBelowFile(place);
    if (!isAsScanned || this.source.has(origin.path) || isTaken) return false;
    const standing = this.destination.get(from);
    if (standing?.id !== expected.id) return false;
    this.destination.delete(from);
    const cut = place.lastIndexOf('/');
    if (cut > 0) this.#makeFolders(place.slice(0, cut));
    this.destination.set(to, standing);
    this.#touch(place);
    this.#touch(origin.destinationPath);
    return true;
  }

  #create(): void {
    const path = this.#freePath(this.#below(3) === 0);
    if (path !== undefined) this.source.set(path, this.#node(path.at(-2)!.toLowerCase() === 'd'));
  }

  #node(isFolder: boolean): Node {
    const tick = ++this.#tick;
    const size = isFolder ? 0n : BigInt(this.#below(4) + 1);
    return { fileId: BigInt(tick), isFolder, size, modifiedNs: BigInt(tick), content: `c${tick}`, isClosed: false }; // oxfmt-ignore
  }

  /** A path in a folder that is there. */
  #freePath(isFolder: boolean): string | undefined {
    const folders = [...this.source].filter(([, node]) => node.isFolder).map(([path]) => path);
    const parents = ['', ...folders.filter((path) => path.split('/').length < foldersMax)];
    const parent = parents[this.#below(parents.length)]!;
    const plain = `${isFolder ? 'd' : 'f'}${this.#below(6)}`;
    const name = this.#isFolded && this.#below(3) === 0 ? plain.toUpperCase() : plain;
    const path = parent === '' ? name : `${parent}/${name}`;
    return this.source.has(path) ? undefined : path;
  }

  #remove(path: string): void {
    for (const other of [...this.source.keys()])
      if (other === path || other.startsWith(`${path}/`)) this.source.delete(other);
  }

  #rename(path: string): void {
    const node = this.source.get(path)!;
    const to = this.#freePath(node.isFolder);
    if (to === undefined || to.startsWith(`${path}/`)) return;
    for (const [other, one] of [...this.source]) {
      if (other !== path && !other.startsWith(`${path}/`)) continue;
      this.source.delete(other);
      this.source.set(to + other.slice(path.length), one);
    }
  }

  #edit(path: string): void {
    const node = this.source.get(path)!;
    if (!node.isFolder) Object.assign(node, this.#node(false), { fileId: node.fileId });
  }

  /** Another file under the same name: a new one, or a copy that keeps the date. */
  #replace(path: string): void {
    const node = this.source.get(path)!;
    if (node.isFolder) return;
    const fresh = this.#node(false);
    const { size, modifiedNs, content } = this.#below(2) === 0 ? node : fresh;
    this.source.set(path, { ...fresh, size, modifiedNs, content });
  }

  /** A folder becomes a file, or a file a folder with something in it. */
  #turn(path: string): void {
    const { isFolder } = this.source.get(path)!;
    this.#remove(path);
    this.source.set(path, this.#node(!isFolder));
    if (!isFolder && path.split('/').length < foldersMax) this.source.set(`${path}/f0`, this.#node(false)); // oxfmt-ignore
  }

  #link(path: string): void {
    const node = this.source.get(path)!;
    const to = node.isFolder ? undefined : this.#freePath(false);
    if (to !== undefined) this.source.set(to, node);
  }

  #shuffled(indexes: number[]): number[] {
    const left = [...indexes];
    return indexes.map(() => left.splice(this.#below(left.length), 1)[0]!);
  }
}

const skips = new Set<ErrorReason>([
  ErrorReason.UNCHANGED,
  ErrorReason.SOURCE_GONE,
  ErrorReason.SOURCE_CHANGED,
  ErrorReason.DESTINATION_NOT_EMPTY,
]);
