// Where Migration Manager's files say that a task goes: a site or a person, a library and a folder, as Drover's one address. PURE.
import { DroverError } from '../../lib/error.ts';
import { parseLocation } from '../../lib/location.ts';
import { isUserAddress, parseSharePointPlace } from '../../lib/sharepoint-place.ts';

/** As the files have it. */
export interface MicrosoftPlace {
  /** The address of a site or of a OneDrive, or a person's e-mail address. */
  site: string;
  /** What a OneDrive and the first library of a site have is called "Documents" there, whatever its address is. */
  library: string;
  /** Below the library; empty for the library itself. */
  folder: string;
}

/** The library that every OneDrive has. */
const documents = 'Documents';
const sharedDocuments = 'Shared Documents';

/** Drover's address of the place, and of its library. Throws INVALID_ARGUMENT that names one of the three. */
export function destinationOf(place: MicrosoftPlace): { destination: string; library: string } {
  const site = place.site.trim();
  const library = trimmed(place.library);
  const folder = trimmed(place.folder);
  if (site === '') throw DroverError.invalid('site', 'is missing; give the address of a site or a OneDrive, or an e-mail address'); // oxfmt-ignore
  if (library === '') throw DroverError.invalid('library', `is missing; give its name, such as ${documents}`); // oxfmt-ignore
  const root = isUserAddress(site) ? personRoot(site, library) : siteRoot(site, library);
  const destination = [root, ...(folder === '' ? [] : [encoded(folder)])].join('/');
  parseParts(root, destination);
  return { destination, library: root };
}

function personRoot(user: string, library: string): string {
  if (library.toLowerCase() === documents.toLowerCase()) return user;
  throw DroverError.invalid(
    'library',
    `"${library}" of ${user} has to be given with the address of the OneDrive, https://….sharepoint.com/personal/…, in place of the e-mail address`,
  );
}

function siteRoot(site: string, library: string): string {
  const place = parseSharePointPlace(site, 'site');
  if (place.kind === 'onedrive') throw DroverError.invalid('site', `"${site}" has a folder behind the e-mail address; give it as the folder`); // oxfmt-ignore
  const path = place.path === '' ? [] : [encoded(place.path)];
  return [`https://${place.host}`, ...path, encoded(library)].join('/');
}

/** Throws for the library when that is wrong already. */
function parseParts(root: string, destination: string): void {
  try {
    parseSharePointPlace(destination, 'folder');
  } catch (thrown) {
    parseSharePointPlace(root, 'library');
    throw thrown;
  }
}

/** The place of a destination; undefined for a folder, and for an address that says less than the files have to say. */
export function microsoftPlace(destination: string): MicrosoftPlace | undefined {
  const location = parseLocation(destination, 'destination');
  if (location.kind !== 'sharepoint') return undefined;
  const { place } = location;
  if (place.kind === 'onedrive')
    return { site: place.user, library: documents, folder: place.folder };
  const parts = place.path === '' ? [] : place.path.split('/');
  // Where a subsite ends is not to be seen in an address; they are rare.
  const siteParts = /^(?:sites|teams|personal)$/i.test(parts[0] ?? '') ? 2 : 0;
  if (parts.length < siteParts) return undefined;
  const [library = documents, ...folder] = parts.slice(siteParts);
  const site = [`https://${place.host}`, ...parts.slice(0, siteParts)].join('/');
  const isFirst = library.toLowerCase() === sharedDocuments.toLowerCase();
  return {
    site: encodeURI(site),
    library: isFirst ? documents : library,
    folder: folder.join('/'),
  };
}

/** Without spaces around it, and with one slash between its parts. */
function trimmed(text: string): string {
  const parts = text.trim().split(/[\\/]/);
  return parts.filter((part) => part !== '').join('/');
}

/** A name as part of an address, as readable as it can be. */
function encoded(name: string): string {
  return name.replaceAll(/[%?#]/g, encodeURIComponent);
}
