// When two tasks would migrate the same: their sources are one place, and their destinations are, however they are written. PURE.
import { parseLocation, type Location } from '../../lib/location.ts';
import { microsoftPlace } from './microsoft-place.ts';

/** A text that two tasks have in common when they migrate the same. Throws INVALID_ARGUMENT for what is no place. */
export function migrationKey({
  source,
  destination,
}: {
  source: string;
  destination: string;
}): string {
  return [source, destination]
    .map((text) => locationKey(parseLocation(text, 'location')))
    .join('\0');
}

/** A text that destinations in one library have in common, as far as can be told; undefined for a folder. */
export function libraryKey(destination: string): string | undefined {
  const place = microsoftPlace(destination);
  return place && `${place.site}/${place.library}`.toLowerCase();
}

function locationKey(location: Location): string {
  switch (location.kind) {
    case 'unc':
      return `\\\\${location.server}\\${location.share}\\${location.path}`.toLowerCase();
    case 'file':
      // Only Windows does not tell upper from lower case.
      return location.path.startsWith('/') ? location.path : location.path.toLowerCase();
    case 'sharepoint': {
      const { place } = location;
      const text = place.kind === 'path' ? `${place.host}/${place.path}` : `${place.user}/${place.folder}`; // oxfmt-ignore
      return text.normalize('NFC').toLowerCase();
    }
  }
}
