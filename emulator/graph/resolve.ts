// From the parts of an address to the thing it means, and what is left of the address behind it.
import { DriveError } from '../drive/drive-error.ts';
import type { Drive } from '../drive/drive.ts';
import type { Item } from '../drive/item.ts';
import type { Site, TenantIndex } from '../drive/site.ts';
import type { Principal } from '../http/exchange.ts';
import type { Address, AddressPart } from './address.ts';
import { decodeShare } from './share.ts';

/** An item, or a place in a folder where there may be none yet. */
export interface ItemTarget {
  drive: Drive;
  /** The item that the address begins with. */
  base: Item;
  /** Names from there on. */
  names: string[];
}

export type Target =
  | { kind: 'user'; id: string }
  | { kind: 'sites' }
  | { kind: 'site'; site: Site }
  | { kind: 'lists'; site: Site }
  | { kind: 'list'; drive: Drive }
  | { kind: 'drives'; site: Site }
  | { kind: 'drive'; drive: Drive }
  | ({ kind: 'item' } & ItemTarget);

/** The target, and the words behind it, such as `['versions', '1.0', 'content']`. */
export interface Resolved {
  target: Target;
  rest: string[];
}

/** Finds what an address means. Throws DriveError when there is no such thing. */
export function resolve(address: Address, index: TenantIndex, principal: Principal): Resolved {
  const cursor = new Cursor(address.parts);
  const target = resolveStart(cursor, address, index, principal);
  return { target, rest: cursor.rest() };
}

class Cursor {
  readonly #parts: readonly AddressPart[];
  #at = 0;

  constructor(parts: readonly AddressPart[]) {
    this.#parts = parts;
  }

  /** The next word in lower case, without going on. */
  peek(): string | undefined {
    const part = this.#parts[this.#at];
    return part?.kind === 'word' ? part.text.toLowerCase() : undefined;
  }

  word(): string {
    const part = this.#parts[this.#at++];
    if (part?.kind === 'word') return part.text;
    throw new DriveError('invalidRequest', 'Resource not found for the segment.');
  }

  path(): string[] | undefined {
    const part = this.#parts[this.#at];
    if (part?.kind !== 'path') return undefined;
    this.#at++;
    return part.names;
  }

  rest(): string[] {
    const words: string[] = [];
    while (this.#at < this.#parts.length) words.push(this.word());
    return words;
  }
}

function resolveStart(
  cursor: Cursor,
  address: Address,
  index: TenantIndex,
  principal: Principal,
): Target {
  const first = cursor.word();
  switch (first.toLowerCase()) {
    case 'sites':
      return resolveSites(cursor, index);
    case 'drives':
      return cursor.peek() === undefined
        ? { kind: 'drives', site: askedSite(address, index) }
        : resolveDrive(cursor, index.drive(cursor.word()));
    case 'me':
      return resolveUser(cursor, index, ownId(principal));
    case 'users':
      return resolveUser(cursor, index, cursor.word());
    case 'drive':
      return resolveDrive(cursor, defaultDrive(askedSite(address, index)));
    case 'shares':
      return resolveShare(cursor, index);
    default:
      throw new DriveError('invalidRequest', `Resource not found for the segment '${first}'.`);
  }
}

function ownId(principal: Principal): string {
  if (principal.user !== undefined) return principal.user.id;
  throw new DriveError('invalidRequest', '/me request is only valid with delegated authentication flow.'); // oxfmt-ignore
}

/** The site whose API was asked; the root site on Graph. */
function askedSite(address: Address, index: TenantIndex): Site {
  const personal = address.sitePath.toLowerCase().startsWith('/personal/');
  return address.sitePath === ''
    ? index.rootSite
    : index.siteAt(`${index.tenant.name}${personal ? '-my' : ''}.sharepoint.com`, address.sitePath);
}

function resolveUser(cursor: Cursor, index: TenantIndex, user: string): Target {
  if (cursor.peek() === undefined) return { kind: 'user', id: user };
  const site = index.personalSite(user);
  const what = cursor.word().toLowerCase();
  if (what === 'drive') return resolveDrive(cursor, defaultDrive(site));
  if (what === 'drives') return { kind: 'drives', site };
  throw new DriveError('notBuilt', `The emulator does not offer users/{id}/${what}.`);
}

function resolveSites(cursor: Cursor, index: TenantIndex): Target {
  if (cursor.peek() === undefined) return { kind: 'sites' };
  const id = cursor.word();
  const path = cursor.path();
  const hostName = id === 'root' ? index.rootSite.hostName : id;
  if (path !== undefined && path.length > 0)
    return resolveSite(cursor, index.siteAt(hostName, `/${path.join('/')}`));
  return resolveSite(cursor, id === 'root' ? index.rootSite : index.site(id));
}

function resolveSite(cursor: Cursor, site: Site): Target {
  switch (cursor.peek()) {
    case 'drive':
      cursor.word();
      return resolveDrive(cursor, defaultDrive(site));
    case 'drives':
      cursor.word();
      if (cursor.peek() === undefined) return { kind: 'drives', site };
      return resolveDrive(cursor, driveOfSite(site, cursor.word()));
    case 'lists':
      cursor.word();
      if (cursor.peek() === undefined) return { kind: 'lists', site };
      return resolveList(cursor, listOfSite(site, cursor.word()));
    default:
      return { kind: 'site', site };
  }
}

function resolveList(cursor: Cursor, drive: Drive): Target {
  if (cursor.peek() !== 'drive') return { kind: 'list', drive };
  cursor.word();
  return resolveDrive(cursor, drive);
}

function resolveDrive(cursor: Cursor, drive: Drive): Target {
  switch (cursor.peek()) {
    case 'root':
      cursor.word();
      return resolveItem(cursor, drive, drive.root);
    case 'items': {
      cursor.word();
      const id = cursor.word();
      if (id === 'root') return resolveItem(cursor, drive, drive.root);
      // Only restoring looks for deleted items, by their id.
      const deleted = cursor.peek() === 'restore';
      return resolveItem(cursor, drive, deleted ? drive.deletedItem(id) : drive.item(id));
    }
    case 'special':
      cursor.word();
      if (cursor.word().toLowerCase() !== 'documents') throw new DriveError('itemNotFound');
      return resolveItem(cursor, drive, drive.root);
    case 'list':
      cursor.word();
      return { kind: 'list', drive };
    default:
      return { kind: 'drive', drive };
  }
}

function resolveItem(cursor: Cursor, drive: Drive, base: Item): Target {
  return { kind: 'item', drive, base, names: cursor.path() ?? [] };
}

function resolveShare(cursor: Cursor, index: TenantIndex): Target {
  const { drive, names } = decodeShare(cursor.word(), index);
  const what = cursor.peek();
  if (what === 'driveitem' || what === 'root') cursor.word();
  return { kind: 'item', drive, base: drive.root, names: [...names, ...(cursor.path() ?? [])] };
}

function defaultDrive(site: Site): Drive {
  const drive = site.drives[0];
  if (drive === undefined) throw new DriveError('itemNotFound', 'The site has no library.');
  return drive;
}

function driveOfSite(site: Site, id: string): Drive {
  const drive = site.drives.find((candidate) => candidate.id === id);
  if (drive === undefined) throw new DriveError('itemNotFound');
  return drive;
}

function listOfSite(site: Site, id: string): Drive {
  const wanted = id.toLowerCase();
  const drive = site.drives.find(
    ({ listGuid, library }) => listGuid === wanted || library.title.toLowerCase() === wanted,
  );
  if (drive === undefined) throw new DriveError('itemNotFound');
  return drive;
}
