// The folders below a destination. Each is looked at before it is used for the first time: a link in its place would lead
// whatever is written somewhere else.
import { lstatSync, mkdirSync } from 'node:fs';
import { destinationError, errorCode, linkError, otherKindError } from './destination-error.ts';

/** How many folders are remembered as checked. */
const checkedMax = 10_000;

/** Makes and checks folders; remembers which are in order. */
export class CheckedFolders {
  readonly #prefix: string;
  readonly #checked = new Set<string>();

  /** `prefix` is the destination's own path with a separator at its end. */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /**
   * Makes the folder with this path below the destination, and those above it, where they are missing. Throws
   * DESTINATION_ESCAPES where a link stands, DESTINATION_CONFLICT where something else does.
   */
  ensure(path: string): void {
    if (path === '' || this.#checked.has(path)) return;
    for (let end = path.indexOf('/'); end > 0; end = path.indexOf('/', end + 1))
      this.#ensureOne(path.slice(0, end));
    this.#ensureOne(path);
  }

  /** Whether the folders of this path all exist and are in order; makes nothing. */
  exists(path: string): boolean {
    if (path === '' || this.#checked.has(path)) return true;
    for (let end = path.indexOf('/'); end > 0; end = path.indexOf('/', end + 1))
      if (!this.#look(path.slice(0, end))) return false;
    return this.#look(path);
  }

  /** Forgets what was checked, because something turned out to have changed. */
  forget(): void {
    this.#checked.clear();
  }

  #ensureOne(path: string): void {
    if (this.#checked.has(path)) return;
    try {
      if (!this.#look(path)) {
        makeOne(this.#prefix + path);
        // Somebody else may have been quicker, so what stands there now is looked at again.
        this.#look(path);
      }
    } catch (cause) {
      throw destinationError(cause, path);
    }
  }

  /** False when nothing stands there. */
  #look(path: string): boolean {
    if (this.#checked.has(path)) return true;
    const stats = lstatSync(this.#prefix + path, { throwIfNoEntry: false });
    if (stats === undefined) return false;
    if (stats.isSymbolicLink()) throw linkError(path);
    if (!stats.isDirectory()) throw otherKindError(path, 'is a file where a folder should be');
    if (this.#checked.size >= checkedMax) this.#checked.clear();
    this.#checked.add(path);
    return true;
  }
}

function makeOne(folder: string): void {
  try {
    mkdirSync(folder);
  } catch (cause) {
    if (errorCode(cause) !== 'EEXIST') throw cause;
  }
}
