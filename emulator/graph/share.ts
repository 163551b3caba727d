// Sharing tokens: `u!` and the address of a file, as it stands in a browser, in base64url.
import { DriveError } from '../drive/drive-error.ts';
import type { Drive } from '../drive/drive.ts';
import type { TenantIndex } from '../drive/site.ts';

/** The library that a sharing token leads into, and the names from its root on. */
export function decodeShare(token: string, index: TenantIndex): { drive: Drive; names: string[] } {
  const url = token.startsWith('u!')
    ? URL.parse(Buffer.from(token.slice(2), 'base64url').toString())
    : null;
  if (url === null) throw new DriveError('invalidRequest', 'The sharing token is not valid.');
  return placeAt(index, decodeURIComponent(url.pathname), url.hostname);
}

/** The library that a decoded server-relative path leads into, on any host when none is given. */
export function placeAt(
  index: TenantIndex,
  path: string,
  hostName?: string,
): { drive: Drive; names: string[] } {
  const wanted = path.toLowerCase();
  for (const drive of index.drives) {
    const { description, hostName: host } = drive.site;
    const start = `${description.path}/${drive.library.urlName}`.toLowerCase();
    const isHere = wanted === start || wanted.startsWith(`${start}/`);
    if (isHere && (hostName === undefined || hostName === host))
      return { drive, names: path.slice(start.length).split('/').filter((name) => name !== '') }; // oxfmt-ignore
  }
  throw new DriveError('itemNotFound', `There is no library at ${path}.`);
}
