// Whether a path of the source is taken, as a scan would see it: nothing behind a link counts, and where case does not matter neither
// does a name that is only written otherwise.
import { DroverError } from '../../lib/error.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemKind } from '../../gen/drover/v1/item_pb.ts';
import type { Source } from './source.ts';

/** Looks at the path itself first: most often nothing is there. Throws DroverError with a SOURCE_ reason where it cannot be told. */
export function standsAtSource(source: Source, path: string): boolean {
  return standingKind(source, path) !== undefined;
}

/** What kind of item stands there; undefined when none does. Throws as above. */
export function standingKind(source: Source, path: string): ItemKind | undefined {
  const kind = kindAt(source, path);
  if (kind === undefined) return undefined;
  const isBelowFolders = foldersAbove(path).every((folder) => kindAt(source, folder) === ItemKind.FOLDER); // oxfmt-ignore
  return isBelowFolders ? kind : undefined;
}

/** Whether a name stands in its folder letter by letter, also where the file system finds it in any case. */
export function isListedAtSource(source: Source, path: string): boolean {
  if (!standsAtSource(source, path)) return false;
  const cut = path.lastIndexOf('/');
  return source.list(path.slice(0, Math.max(cut, 0))).some(({ name }) => name === path.slice(cut + 1)); // oxfmt-ignore
}

function kindAt(source: Source, path: string): ItemKind | undefined {
  try {
    return source.facts(path).kind;
  } catch (thrown) {
    const error = DroverError.from(thrown);
    if (error.reason === ErrorReason.SOURCE_VANISHED) return undefined;
    throw error;
  }
}

function foldersAbove(path: string): string[] {
  const folders: string[] = [];
  for (let end = path.indexOf('/'); end > 0; end = path.indexOf('/', end + 1))
    folders.push(path.slice(0, end));
  return folders;
}
