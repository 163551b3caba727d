// Where each item of a page goes below a destination in SharePoint or OneDrive, where names that differ at the source may be one.
//
// Every name that is given away is a claim in the store: which path has it, since which run. A name is free when nobody has it,
// when this very path has it, or when who has it claimed it in an earlier run and was never migrated. In a run the order of paths
// decides, so that the same source always gets the same names; what was migrated keeps the place that the ledger has of it.
//
// What has to be known of the store depends on what is found there, as the second of two folders gets a number and all below
// follows it. So a page is resolved with what is known, taking what is not known for free, and resolved again with more, until
// nothing is missing. PURE: whoever calls does the reading.
import { parentFolder } from '../../lib/parent-folder.ts';
import type { LedgerRow, NameRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemKind } from '../../gen/drover/v1/item_pb.ts';
import { numberedName } from '../../lib/numbered-name.ts';
import { nameAtDestination, refuseLongName, type Refusal } from './destination-name.ts';
import type { DestinationRoot } from './destination-root.ts';
import { FolderStack, joinKey, joinPath, type Folder } from './folder-stack.ts';
import { leftOutName } from './invalid-names.ts';
import type { ItemPlace } from './item-place.ts';
import { foldName } from './name-twins.ts';
import type { Origin } from './moves.ts';
import { settleItem, type ScannedItem } from './plan-item.ts';
import type { PageLedger } from './plan-page.ts';

/** The most characters, counted in UTF-16 units, that SharePoint takes in a path, the site's included. */
export const pathLengthMax = 400;
/** The largest file that SharePoint takes. */
export const fileBytesMax = 250n * 1024n * 1024n * 1024n;
/** The highest number that is tried to tell names apart. */
export const nameNumberMax = 1000;

/** A page and what it goes by. */
export interface NameRequest {
  run: number;
  root: DestinationRoot;
  replacement: string;
  /** Leave out what has a name that cannot be at the destination. @default false */
  leavesOutInvalid?: boolean;
  /** The last path of the page before and what it became, part for part; both are empty before the first page. */
  last: { path: string; destinationPath: string };
  items: readonly ScannedItem[];
  /** The ledger's row of each item; undefined where there is none. */
  ledger: PageLedger;
  /** Where each item was before it was renamed or moved. */
  origins?: readonly (Origin | undefined)[];
}

/** What is known of the store. */
export class KnownNames {
  /** By the folded path at the destination. */
  readonly holders = new Map<string, NameRow | 'nobody'>();
  /** By a path: where it is at the destination; null when neither it nor anything below it was migrated. */
  readonly migrated = new Map<string, string | null>();
}

/** A page with its places. It holds when nothing is missing, or when what was missing turns out not to be in the store. */
export interface ResolvedNames {
  /** One for each item; undefined for what is not migrated for reasons of its own. */
  places: (ItemPlace | undefined)[];
  /** Names to be given away: a folded path at the destination, and the path that gets it. */
  claims: [name: string, path: string][];
  lastDestinationPath: string;
  /** Folded paths whose holders are not known and were taken for nobody. */
  missingHolders: Set<string>;
  /** Paths of holders of which it is not known whether they were migrated; they were taken for it. */
  missingMigrated: Set<string>;
  /** Paths of folders of which that is not known either; they were taken for such that were not. */
  missingFolders: Set<string>;
}

/** Resolves a page with what is known. When more is known of what was missing, it is called again, with the same request. */
export function resolveNames(request: NameRequest, known: KnownNames): ResolvedNames {
  return new Resolver(request, known).resolve();
}

class Resolver {
  readonly #request: NameRequest;
  readonly #known: KnownNames;
  readonly #stack: FolderStack;
  /** By the folded path at the destination: the path that this page gave it. */
  readonly #given = new Map<string, string>();
  /** By the folded path at the destination: the first number that may be free beside it. */
  readonly #nextNumbers = new Map<string, number>();
  readonly #claims: [name: string, path: string][] = [];
  readonly #missingHolders = new Set<string>();
  readonly #missingMigrated = new Set<string>();
  readonly #missingFolders = new Set<string>();

  constructor(request: NameRequest, known: KnownNames) {
    this.#request = request;
    this.#known = known;
    this.#stack = new FolderStack(request.last);
  }

  resolve(): ResolvedNames {
    const { items, ledger, origins } = this.#request;
    const places = items.map((item, index) =>
      settleItem(item) === undefined
        ? this.#place(item, ledger.at(index), origins?.[index])
        : undefined,
    );
    return {
      places,
      claims: this.#claims,
      lastDestinationPath: this.#lastDestinationPath(items.at(-1), places.at(-1)),
      missingHolders: this.#missingHolders,
      missingMigrated: this.#missingMigrated,
      missingFolders: this.#missingFolders,
    };
  }

  #place(item: ScannedItem, ledger: LedgerRow | undefined, origin: Origin | undefined): ItemPlace {
    const { path, kind } = item;
    if (kind === ItemKind.FILE && item.size > fileBytesMax) return tooLarge(item.size);
    const parent = this.#parentOf(path);
    // What was migrated stays where it is, whatever has changed in the rules, and its name needs no new claim.
    if (ledger !== undefined) {
      const destinationPath = ledger.destinationPath || path;
      if (kind === ItemKind.FOLDER) this.#stack.push({ path, destinationPath });
      return { path: destinationPath };
    }
    if (kind === ItemKind.FOLDER) return this.#placeFolder(path, parent, origin);
    return this.#find(path, parent, 'file', origin).place;
  }

  #placeFolder(path: string, parent: Folder, origin?: Origin): ItemPlace {
    // A run that was stopped leaves folders that have no row of their own, with files in them that have.
    const isBare = this.#request.run === 1 || parent.isBare === true;
    const kept = isBare ? null : this.#known.migrated.get(path);
    if (kept === undefined) this.#missingFolders.add(path);
    else if (kept !== null) {
      this.#stack.push({ path, destinationPath: kept });
      return { path: kept };
    }
    const { place, isNew } = this.#find(path, parent, 'folder', origin);
    if ('refused' in place) {
      const { message } = place;
      const words = `it is in the folder "${path}", which cannot be migrated: ${message}`;
      // What lies deeper tells of the topmost folder that cannot be there.
      const refusal = parent.refusal ?? { ...place, message: words };
      this.#stack.push({ path, destinationPath: joinPath(parent, ''), refusal, isBare: true });
    } else this.#stack.push({ path, destinationPath: place.path, isNew, isBare: true });
    return place;
  }

  /** The folder an item is in. One that no page told of is placed as if it had. */
  #parentOf(path: string): Folder {
    const parentPath = parentFolder(path);
    let folder = this.#stack.seek(parentPath);
    while (folder.path !== parentPath) {
      const end = parentPath.indexOf('/', folder.path === '' ? 0 : folder.path.length + 1);
      this.#placeFolder(end < 0 ? parentPath : parentPath.slice(0, end), folder);
      folder = this.#stack.top;
    }
    return folder;
  }

  /** Finds the first name that is free, and gives it away. */
  #find(
    path: string,
    parent: Folder,
    kind: Kind,
    origin?: Origin,
  ): { place: ItemPlace; isNew: boolean } {
    if (parent.refusal !== undefined) return { place: parent.refusal, isNew: false };
    const { root, leavesOutInvalid = false } = this.#request;
    const replacement = leavesOutInvalid ? '' : this.#request.replacement;
    const atLibraryRoot = root.isLibrary && parent.path === '';
    const sourceName = parent.path === '' ? path : path.slice(parent.path.length + 1);
    const judged = nameAtDestination(sourceName, { kind, atLibraryRoot, replacement });
    if ('refused' in judged)
      return { place: leavesOutInvalid ? leftOutName(judged) : judged, isNew: false };
    const first = joinKey(parent, foldName(judged.name));
    for (let number = 1; number <= nameNumberMax;) {
      const name = number === 1 ? judged.name : numberedName(judged.name, kind, number);
      const destinationPath = joinPath(parent, name);
      const refusal = refuseLongName(name) ?? this.#refuseLongPath(destinationPath);
      if (refusal !== undefined) return { place: refusal, isNew: false };
      const key = number === 1 ? first : joinKey(parent, foldName(name));
      const claim = this.#claim(key, path, parent, origin);
      if (claim !== 'taken') {
        if (number > 1) this.#nextNumbers.set(first, number + 1);
        if (number > 1 && claim === 'unknown') this.#readAhead(judged.name, parent, kind, number);
        return { place: { path: destinationPath }, isNew: claim !== 'known' };
      }
      number = number === 1 ? (this.#nextNumbers.get(first) ?? 2) : number + 1;
    }
    return { place: tooManyTwins(judged.name), isNew: false };
  }

  /** Gives the name to the path if it is free: `unknown` when that was not read yet, `new` when nobody ever had it. */
  #claim(
    key: string,
    path: string,
    parent: Folder,
    origin: Origin | undefined,
  ): 'taken' | 'known' | 'unknown' | 'new' {
    const { run } = this.#request;
    const givenTo = this.#given.get(key);
    if (givenTo !== undefined) return givenTo === path ? 'known' : 'taken';
    const holder = parent.isNew === true ? 'nobody' : this.#known.holders.get(key);
    if (typeof holder === 'object') {
      // What was renamed only in what the destination does not tell apart, such as the case, keeps the name.
      const isOwn = holder.path === path || holder.path === origin?.path;
      if (!isOwn && (holder.run >= run || this.#isMigrated(holder.path))) return 'taken';
      this.#given.set(key, path);
      if (holder.path !== path || holder.run !== run) this.#claims.push([key, path]);
      return 'known';
    }
    this.#given.set(key, path);
    this.#claims.push([key, path]);
    if (holder === 'nobody') return 'new';
    this.#missingHolders.add(key);
    return 'unknown';
  }

  #isMigrated(path: string): boolean {
    const place = this.#known.migrated.get(path);
    if (place === undefined) this.#missingMigrated.add(path);
    return place !== null;
  }

  /** Asks for as many numbers as were tried already, so that a crowd of twins takes few rounds. */
  #readAhead(name: string, parent: Folder, kind: Kind, number: number): void {
    const end = Math.min(number * 2, nameNumberMax);
    for (let ahead = number + 1; ahead <= end; ahead += 1)
      this.#missingHolders.add(joinKey(parent, foldName(numberedName(name, kind, ahead))));
  }

  #refuseLongPath(destinationPath: string): Refusal | undefined {
    const { length: rootLength } = this.#request.root;
    const length = rootLength + (rootLength > 0 ? 1 : 0) + destinationPath.length;
    if (length <= pathLengthMax) return undefined;
    const message = `the path at the destination, its site and library included, has ${length} characters, and SharePoint takes ${pathLengthMax}`;
    return { refused: ErrorReason.PATH_TOO_LONG, message };
  }

  /** Part for part, with an empty one for each of which nothing is known. */
  #lastDestinationPath(item: ScannedItem | undefined, place: ItemPlace | undefined): string {
    if (item === undefined) return '';
    if (place !== undefined && 'path' in place) return place.path;
    const folder = this.#stack.seek(item.path);
    const parts = folder.destinationPath === '' ? [] : folder.destinationPath.split('/');
    const missing = item.path.split('/').length - parts.length;
    return [...parts, ...new Array<string>(missing).fill('')].join('/');
  }
}

type Kind = 'file' | 'folder';

function tooLarge(size: bigint): Refusal {
  const message = `the file has ${size} bytes, and SharePoint takes ${fileBytesMax}`;
  return { refused: ErrorReason.FILE_TOO_LARGE, message };
}

function tooManyTwins(name: string): Refusal {
  const message = `more than ${nameNumberMax} items in the folder have a name that SharePoint takes for "${name}"`;
  return { refused: ErrorReason.NAME_INVALID, message };
}
