// Which names SharePoint takes, and which it holds for the same.
import { DriveError } from './drive-error.ts';

/** Characters of a path from the site's server-relative path on, decoded. */
export const pathLengthMax = 400;
/** Characters of one name. */
export const nameLengthMax = 255;

/** Two names in one folder with the same fold are one name: case does not count, nor how an accent is composed. */
export function foldName(name: string): string {
  return name.normalize('NFC').toLowerCase();
}

const forbiddenCharacters = /["*:<>?/\\|]/;
// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const controlCharacters = /[\u0000-\u001f\u007f]/;
const characterReference = /&#\d+;/;
const forbiddenNames = /^(\.lock|con|prn|aux|nul|com\d|lpt\d|desktop\.ini)$/i;

/** Throws DriveError when an item may not be called so. `atRoot` is whether it lies directly in its library. */
export function checkName(name: string, place: { folder: boolean; atRoot: boolean }): void {
  const fault = nameFault(name, place);
  if (fault !== undefined) throw new DriveError('invalidName', fault);
  if (name.length > nameLengthMax) throw new DriveError('pathIsTooLong');
}

/** Throws DriveError when a server-relative path, without the slash before it, is too long. */
export function checkPathLength(length: number): void {
  if (length > pathLengthMax) throw new DriveError('pathIsTooLong');
}

function nameFault(name: string, place: { folder: boolean; atRoot: boolean }): string | undefined {
  if (name === '') return 'The name is empty.';
  if (!name.isWellFormed()) return 'The name is not valid Unicode.';
  if (forbiddenCharacters.test(name))
    return 'The provided name cannot contain any of the following characters: " * : < > ? / \\ |';
  if (controlCharacters.test(name) || characterReference.test(name))
    return 'The provided name cannot contain control characters or character references.';
  if (/^\s|\s$/.test(name)) return 'The provided name cannot begin or end with a space.';
  if (name.endsWith('.')) return 'The provided name cannot end with a dot.';
  if (forbiddenNames.test(name) || (place.atRoot && /^forms$/i.test(name)))
    return `The provided name is reserved: ${name}`;
  if (name.startsWith('~$') || (place.folder && name.startsWith('~')))
    return 'The provided name cannot begin with a tilde.';
  if (/_vti_/i.test(name)) return 'The provided name cannot contain _vti_.';
  return undefined;
}

/** The first of `name 1.ext`, `name 2.ext` … that is free, as conflictBehavior rename gives. */
export function freeName(name: string, isTaken: (name: string) => boolean): string {
  const dot = name.lastIndexOf('.');
  const stem = dot > 0 ? name.slice(0, dot) : name;
  const extension = dot > 0 ? name.slice(dot) : '';
  for (let number = 1; ; number++) {
    const candidate = `${stem} ${number}${extension}`;
    if (!isTaken(candidate)) return candidate;
  }
}
