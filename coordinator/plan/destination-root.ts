// The folder of SharePoint or OneDrive that a task writes to, as far as its address tells. PURE.
import { destinationRootLength, type Location } from '../../lib/location.ts';

/** What the planning of names has to know about a destination. */
export interface DestinationRoot {
  /** How many of the characters that a path may have are the destination's own. */
  length: number;
  /** The destination is a document library itself and no folder in one. */
  isLibrary: boolean;
}

/** The root of a destination in SharePoint or OneDrive; undefined where names stay as they are. */
export function destinationRoot(destination: Location): DestinationRoot | undefined {
  if (destination.kind !== 'sharepoint') return undefined;
  const { place } = destination;
  const length = destinationRootLength(destination);
  if (place.kind === 'onedrive') return { length, isLibrary: place.folder === '' };
  const parts = place.path === '' ? [] : place.path.split('/');
  // Sites stand below a managed path; what does not begin with one is in the root site. A library of a subsite looks like a
  // folder of a library, and is taken for one, because subsites are rare and folders are not.
  const siteParts = /^(?:sites|teams|personal)$/i.test(parts[0] ?? '') ? 2 : 0;
  if (parts.length > siteParts) return { length, isLibrary: parts.length === siteParts + 1 };
  // A site alone stands for its default library.
  const library = parts[0]?.toLowerCase() === 'personal' ? 'Documents' : 'Shared Documents';
  return { length: length + library.length + (length > 0 ? 1 : 0), isLibrary: true };
}
