// What is done with a file that has just arrived: it is proved, made visible, and taken back where it cannot be proved.
import { DroverError } from '../../../lib/error.ts';
import { ErrorReason } from '../../../gen/drover/v1/error_pb.ts';
import { ItemVerification } from '../../../gen/drover/v1/item_pb.ts';
import type { Hashes } from '../../pool/hasher.ts';
import { printablePath } from '../../source/printable-path.ts';
import { conflictError } from '../destination-error.ts';
import type { DestinationFile, SourceContent } from '../destination.ts';
import { destinationFile, type DriveItem } from './drive-item.ts';
import { callMetadata, GraphFailure, NoAnswer } from './graph-error.ts';
import { prove, type Proof, type ProofParts } from './proof.ts';
import { throughRaces } from './races.ts';

/** What was found out about a library while files were written to it. */
export interface LibraryFacts {
  /** Files stay checked out, and hidden from others, until they are checked in; undefined: not yet known. */
  requiresCheckOut: boolean | undefined;
  /** Files that only get another name, folder or date are checked out by that; undefined: not yet known. */
  changesCheckOut?: boolean | undefined;
  /** Settles when the file that it is found out by was looked at. */
  looking?: Promise<unknown> | undefined;
}

/** A file as it stands there. */
export interface Arrived {
  item: DriveItem;
  /** Whether it took the place of another; undefined: it was found by its name, so it may be somebody else's. */
  replaced: boolean | undefined;
}

export interface ArrivalsParts extends ProofParts {
  library: LibraryFacts;
  /** What stands at a path below the destination. */
  look: (path: string) => Promise<DriveItem | undefined>;
}

export class Arrivals {
  readonly #parts: ArrivalsParts;
  /** Versions that were left behind because they could not be proved and not be taken back, by path. */
  readonly #left = new Map<string, string>();

  constructor(parts: ArrivalsParts) {
    this.#parts = parts;
  }

  /** The version that this job left at a path and that it may therefore replace; undefined when there is none. */
  left(path: string): string | undefined {
    return this.#left.get(path);
  }

  /** Proves what arrived; what cannot be proved does not stay. */
  async prove(
    path: string,
    { item, replaced }: Arrived,
    hashes: Hashes,
    content: SourceContent,
  ): Promise<DestinationFile> {
    const proof = await prove(this.#parts, path, item, hashes, content);
    if (proof !== undefined) return await this.accept(path, proof);
    // Its bytes may have got lost with the last answer, and this is the file of somebody else.
    if (replaced === undefined) throw conflictError(path, 'appeared or was changed while the file was being written'); // oxfmt-ignore
    await this.#takeBack(path, item, replaced);
    throw unproved(path, item.size, content.size);
  }

  /** A file that was proved; in a library that requires check-out nobody else would see it until it is checked in. */
  async accept(path: string, { item, verification }: Proof): Promise<DestinationFile> {
    this.#left.delete(path);
    const isCheckedOut = item.isCheckedOut || (await this.#isCheckedOut(path));
    const visible = isCheckedOut ? await this.#checkIn(path, item) : item;
    return destinationFile(visible, verification);
  }

  /**
   * A file that only got another name, folder or date; `item` is what the service answered with. Answers with the file as it stands there when it
   * was checked in, undefined when there was no need.
   */
  async checkInChanged(path: string, item: DriveItem): Promise<DriveItem | undefined> {
    const { library, look } = this.#parts;
    const mayBe = item.isCheckOutKnown && library.requiresCheckOut !== false && library.changesCheckOut !== false; // oxfmt-ignore
    if (!item.isCheckedOut && mayBe) library.changesCheckOut = (await look(path))?.isCheckedOut === true; // oxfmt-ignore
    const isCheckedOut = item.isCheckedOut || (mayBe && library.changesCheckOut === true);
    return isCheckedOut ? await this.#checkIn(path, item) : undefined;
  }

  /** The service says so only when it is asked: for the first file, and then for each where the library requires it. */
  async #isCheckedOut(path: string): Promise<boolean> {
    const { library, look } = this.#parts;
    // Of files that arrive together one is enough.
    if (library.requiresCheckOut === undefined) await library.looking;
    if (library.requiresCheckOut === false) return false;
    const looked = look(path);
    library.looking ??= looked.catch(() => undefined).finally(() => (library.looking = undefined));
    const isCheckedOut = (await looked)?.isCheckedOut === true;
    library.requiresCheckOut ??= isCheckedOut;
    return isCheckedOut;
  }

  async #checkIn(path: string, item: DriveItem): Promise<DriveItem> {
    try {
      const body = { comment: '', checkInAs: 'published' };
      await throughRaces(() => this.#post(`/items/${item.id}/checkin`, body), this.#parts);
      return (await this.#parts.look(path)) ?? item;
    } catch (thrown) {
      if (!(thrown instanceof GraphFailure)) throw thrown;
      throw new DroverError(
        ErrorReason.DESTINATION_CHECKED_OUT,
        `${printablePath(path)} is there, but others cannot see it: the library requires check-out, and checking in failed ` +
          `("${thrown.message}", request ${thrown.requestId})`,
        { cause: thrown, metadata: callMetadata(path, thrown) },
      );
    }
  }

  /** Deletes what was made, or brings back the version before, as far as that can be done. */
  async #takeBack(path: string, arrived: DriveItem, replaced: boolean): Promise<void> {
    const item = `/items/${arrived.id}`;
    try {
      await throughRaces(
        () => (replaced ? this.#restore(path, item) : this.#delete(item)),
        this.#parts,
      );
    } catch (thrown) {
      if (!(thrown instanceof GraphFailure || thrown instanceof NoAnswer)) throw thrown;
    }
    // Whatever stands there now is ours, and the next attempt may replace it.
    const now = await this.#parts.look(path);
    if (now !== undefined) this.#left.set(path, destinationFile(now, ItemVerification.UNSPECIFIED).version); // oxfmt-ignore
  }

  async #delete(item: string): Promise<void> {
    const { client, signal } = this.#parts;
    await client.call({ method: 'DELETE', path: this.#drive(item), resourceUnits: 2 }, signal);
  }

  async #restore(path: string, item: string): Promise<void> {
    // The content checked it out, and goes with that; left checked out, nobody else could change the file.
    if (await this.#isCheckedOut(path)) return await this.#post(`${item}/discardCheckout`);
    const { client, signal } = this.#parts;
    const list = this.#drive(`${item}/versions`);
    const answer = await client.call({ method: 'GET', path: list, resourceUnits: 2 }, signal);
    const versions = (answer.body as { value?: { id?: unknown }[] } | undefined)?.value;
    const before = versions?.[1]?.id;
    if (typeof before === 'string') await this.#post(`${item}/versions/${before}/restoreVersion`);
  }

  async #post(rest: string, body?: object): Promise<void> {
    const { client, signal } = this.#parts;
    const call = { method: 'POST', path: this.#drive(rest), resourceUnits: 2 } as const;
    await client.call(body === undefined ? call : { ...call, body }, signal);
  }

  #drive(rest: string): string {
    return `/drives/${encodeURIComponent(this.#parts.driveId)}${rest}`;
  }
}

/** What arrived is not what was sent. */
export function unproved(path: string, arrivedBytes: number, readBytes: number): DroverError {
  const how =
    arrivedBytes === readBytes
      ? 'its hash is another'
      : `it has ${arrivedBytes} bytes there, and ${readBytes} at the source`;
  return new DroverError(
    ErrorReason.VERIFICATION_FAILED,
    `what the destination holds of ${printablePath(path)} is not what was sent: ${how}`,
    { metadata: { path } },
  );
}
