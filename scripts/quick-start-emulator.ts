// What a person is told about the emulator: that it is one, where its files can be seen, and how to reach it.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { parseSharePointPlace, type SharePointPlace } from '../lib/location.ts';
import type { EmulatedLibrary, EmulatorReady } from './local-stack.ts';

/** Said before anything goes there. */
export const emulatorNotice =
  'The destination is in the emulator, a tenant on this machine: nothing leaves it, and nobody has to sign in.\n' +
  'For a tenant of your own give --tenant and --client-id; --help says more.';

/** The library that a destination is in. */
export interface EmulatedPlace {
  libraryUrl: string;
  /** Where what is at the destination can be seen on this machine. */
  folder: string;
}

/** Where in the emulator a destination is; undefined when it has no such library. */
export function emulatedPlace(
  destination: string,
  emulator: EmulatorReady,
): EmulatedPlace | undefined {
  const wanted = serverPath(parseSharePointPlace(destination, 'destination'), emulator);
  for (const site of emulator.sites)
    for (const library of site.libraries)
      for (const name of [library.url, `${site.url}/${encodeURIComponent(library.title)}`]) {
        const rest = below(wanted, addressOf(name));
        if (rest !== undefined) return placeIn(library, rest, emulator);
      }
  // A site alone, or a OneDrive, is its first library.
  const site = emulator.sites.find(({ url }) => below(wanted, addressOf(url))?.length === 0);
  const [library] = site?.libraries ?? [];
  return library === undefined ? undefined : placeIn(library, [], emulator);
}

/** Names that the local file system cannot hold are others there; then all that can be said is where everything is. */
function placeIn(
  library: EmulatedLibrary,
  rest: string[],
  { content }: EmulatorReady,
): EmulatedPlace {
  const folder = path.join(library.folder, ...rest);
  return { libraryUrl: library.url, folder: existsSync(folder) ? folder : content };
}

/** How to reach it while it is kept running. */
export function emulatorLines(emulator: EmulatorReady): string[] {
  return [
    'The emulator is still running, too:',
    `  address          ${emulator.url}`,
    `  proxy            ${emulator.proxy}`,
    `  trust            ${emulator.ca}`,
    `  tenant           ${emulator.tenant}`,
    `  application      ${emulator.clientId}`,
    `  its secret       ${emulator.clientSecret}`,
    `  files            ${emulator.content}`,
    `  faults, counts   ${emulator.control}`,
    `  look around      curl --cacert ${JSON.stringify(emulator.ca)} ${emulator.control}stats`,
  ];
}

/** Host and path, in one case, as addresses are compared. */
function serverPath(place: SharePointPlace, { users }: EmulatorReady): string[] {
  if (place.kind === 'path')
    return [place.host, ...place.path.split('/').filter((part) => part !== '')];
  const owner = users.find(({ principalName }) => principalName.toLowerCase() === place.user);
  return owner === undefined ? [] : addressOf(owner.oneDrive);
}

function addressOf(url: string): string[] {
  const { host, pathname } = new URL(url);
  return [
    host,
    ...decodeURIComponent(pathname)
      .split('/')
      .filter((part) => part !== ''),
  ];
}

/** What of a path is below another; undefined when it is not below it. */
function below(parts: readonly string[], above: readonly string[]): string[] | undefined {
  const isBelow = above.every((part, index) => parts[index]?.toLowerCase() === part.toLowerCase());
  return isBelow ? parts.slice(above.length) : undefined;
}
