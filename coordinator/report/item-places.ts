// Where an item of a task is, as a person opens it: at the source, and at the destination. PURE.
import { pathToFileURL } from 'node:url';
import { parseLocation, type Location } from '../../lib/location.ts';
import { destinationRoot } from '../plan/destination-root.ts';
import { csvText, needsQuotes } from './report-text.ts';

/** How the places of items are made of their paths, below the source or below the destination. */
export interface PlaceRule {
  /** The folder, with the separator at its end, of a path below, which is empty or ends with a slash. */
  folderOf: (below: string) => string;
  /** What a name becomes. */
  nameOf: (name: string) => string;
}

/** A path below the source or below the destination: the folder, which is empty or ends with a slash, and the name in it. */
export interface SplitPath {
  folder: string;
  name: string;
}

/** Where items are, one after the other. Neighbours mostly lie in one folder, so that it is made once for them. */
export class Place {
  readonly #rule: PlaceRule | undefined;
  #below: string | undefined;
  #folder = '';
  #isPlainFolder = false;
  #name = '';

  constructor(rule: PlaceRule | undefined) {
    this.#rule = rule;
  }

  /** Goes to an item. */
  goTo({ folder, name }: SplitPath): this {
    if (this.#rule === undefined) return this;
    if (this.#below !== folder) {
      this.#below = folder;
      this.#folder = this.#rule.folderOf(folder);
      this.#isPlainFolder = csvText(this.#folder) === this.#folder;
    }
    this.#name = this.#rule.nameOf(name);
    return this;
  }

  /** Where the item is; empty where that cannot be told. */
  get text(): string {
    return this.#folder + this.#name;
  }

  /** The same as a cell of CSV. */
  get csv(): string {
    return this.#isPlainFolder && !needsQuotes(this.#name) ? this.text : csvText(this.text);
  }
}

/** Splits a path behind its last slash. */
export function splitPath(path: string): SplitPath {
  const start = path.lastIndexOf('/') + 1;
  return { folder: path.slice(0, start), name: path.slice(start) };
}

const asItIs = (name: string): string => name;

/** A path of the file system or of a share. */
export function sourcePlace(source: string): Place {
  return new Place(fileRule(parseLocation(source, 'source')));
}

/**
 * An address of SharePoint, or a path of the file system. A OneDrive that is known by an e-mail address keeps it, as its address is known to the
 * service only.
 */
export function destinationPlace(destination: string): Place {
  const location = parseLocation(destination, 'destination');
  return new Place(fileRule(location) ?? addressRule(location) ?? personRule(location));
}

/** An address, with what has to be escaped in it. */
export function destinationUrl(destination: string): Place {
  const location = parseLocation(destination, 'destination');
  return new Place(fileUrlRule(location) ?? addressRule(location));
}

function fileRule(location: Location): PlaceRule | undefined {
  const root = rootOf(location);
  if (root === undefined) return undefined;
  const separator = root.startsWith('/') ? '/' : '\\';
  const start = root.endsWith(separator) ? root : `${root}${separator}`;
  return { folderOf: (below) => start + below.replaceAll('/', separator), nameOf: asItIs };
}

function personRule(location: Location): PlaceRule | undefined {
  if (location.kind !== 'sharepoint' || location.place.kind !== 'onedrive') return undefined;
  const { user, folder } = location.place;
  const start = folder === '' ? `${user}/` : `${user}/${folder}/`;
  return { folderOf: (below) => start + below, nameOf: asItIs };
}

function rootOf(location: Location): string | undefined {
  if (location.kind === 'file') return location.path;
  if (location.kind !== 'unc') return undefined;
  const { server, share, path } = location;
  return `\\\\${server}\\${share}${path === '' ? '' : `\\${path}`}`;
}

function fileUrlRule(location: Location): PlaceRule | undefined {
  const root = rootOf(location);
  if (root === undefined) return undefined;
  const { href } = pathToFileURL(root, { windows: !root.startsWith('/') });
  const start = href.endsWith('/') ? href : `${href}/`;
  return { folderOf: (below) => start + escapePath(below), nameOf: escapePath };
}

/** In SharePoint; undefined where the destination does not tell its library. */
function addressRule(location: Location): PlaceRule | undefined {
  if (location.kind !== 'sharepoint' || location.place.kind !== 'path') return undefined;
  const { host, path } = location.place;
  // A root that is longer than its address has the name of a library added that is only probable.
  if (destinationRoot(location)!.length > path.length) return undefined;
  const start = `https://${host}/${escapePath(path)}/`;
  return { folderOf: (below) => start + escapePath(below), nameOf: escapePath };
}

function escapePath(path: string): string {
  if (/^[\w./~-]*$/.test(path)) return path;
  return path.split('/').map(encodeURIComponent).join('/');
}
