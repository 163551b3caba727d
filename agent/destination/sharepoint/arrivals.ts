// What is done with a file that has just arrived: it is proved, made visible, and taken back where it cannot be proved.
import { DroverError } from '../../../lib/error.ts';
import { ErrorReason } from '../../../gen/drover/v1/error_pb.ts';
import { ItemVerification } from '../../../gen/drover/v1/item_pb.ts';
import type { Hashes } from '../../pool/hasher.ts';
import { printablePath } from '../../source/printable-path.ts';
import type { DestinationFile, SourceContent } from '../destination.ts';
import { destinationFile, type DriveItem } from './drive-item.ts';
import { GraphFailure } from './graph-error.ts';
import { prove, type Proof, type ProofParts } from './proof.ts';

export interface ArrivalsParts extends ProofParts {
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

  /** Proves what arrived; what cannot be proved does not stay. `replaces`: something stood there before. */
  async prove(
    path: string,
    arrived: DriveItem,
    replaces: boolean,
    hashes: Hashes,
    content: SourceContent,
  ): Promise<DestinationFile> {
    const proof = await prove(this.#parts, path, arrived, hashes, content);
    if (proof !== undefined) return await this.accept(path, proof);
    await this.#takeBack(path, arrived, replaces);
    throw unproved(path, arrived.size, content.size);
  }

  /** A file that was proved; in a library that requires check-out nobody else would see it until it is checked in. */
  async accept(path: string, { item, verification }: Proof): Promise<DestinationFile> {
    this.#left.delete(path);
    const visible = item.isCheckedOut ? await this.#checkIn(path, item) : item;
    return destinationFile(visible, verification);
  }

  async #checkIn(path: string, item: DriveItem): Promise<DriveItem> {
    try {
      const body = { comment: '', checkInAs: 'published' };
      await this.#post(`/items/${item.id}/checkin`, body);
      return (await this.#parts.look(path)) ?? item;
    } catch (thrown) {
      if (!(thrown instanceof GraphFailure)) throw thrown;
      throw new DroverError(
        ErrorReason.DESTINATION_CHECKED_OUT,
        `${printablePath(path)} is there, but others cannot see it: the library requires check-out, and checking in failed ` +
          `("${thrown.message}", request ${thrown.requestId})`,
        { cause: thrown, metadata: { path } },
      );
    }
  }

  /** Deletes what was made, or brings back the version before, as far as that can be done. */
  async #takeBack(path: string, arrived: DriveItem, replaces: boolean): Promise<void> {
    const { client, signal } = this.#parts;
    const item = `/items/${arrived.id}`;
    try {
      if (replaces) await this.#restore(item);
      else await client.call({ method: 'DELETE', path: this.#drive(item), resourceUnits: 2 }, signal); // prettier-ignore
    } catch (thrown) {
      if (!(thrown instanceof GraphFailure)) throw thrown;
    }
    // Whatever stands there now is ours, and the next attempt may replace it.
    const now = await this.#parts.look(path);
    if (now !== undefined) this.#left.set(path, destinationFile(now, ItemVerification.UNSPECIFIED).version); // prettier-ignore
  }

  async #restore(item: string): Promise<void> {
    const { client, signal } = this.#parts;
    const path = this.#drive(`${item}/versions`);
    const answer = await client.call({ method: 'GET', path, resourceUnits: 2 }, signal);
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
