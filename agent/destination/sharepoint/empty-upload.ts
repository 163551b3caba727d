// A file without content: an upload session for nothing cannot be completed, so it is put at once and gets its dates afterwards.
// (SharePoint keeps that as a second version, which has no content either and so costs nothing.)
import { conflictError } from '../destination-error.ts';
import type { DestinationFile, Upload } from '../destination.ts';
import { readDriveItem, type DriveItem } from './drive-item.ts';
import { checkNoConflict, type FilePlace } from './file-place.ts';
import type { GraphClient } from './graph-client.ts';
import { GraphFailure } from './graph-error.ts';
import { unproved } from './arrivals.ts';
import { throughRaces } from './races.ts';

export interface EmptyUploadParts {
  client: GraphClient;
  signal: AbortSignal;
  place: FilePlace;
  /** Whether something stands there that is to be replaced. */
  replaces: boolean;
  /** Gives the file its dates and accepts it. */
  finish: (item: DriveItem) => Promise<DestinationFile>;
  /** Words what a call throws. */
  guard: (call: () => Promise<DestinationFile>) => Promise<DestinationFile>;
}

export class EmptyUpload implements Upload {
  readonly kind = 'upload';
  readonly chunkBytes = 1;
  readonly acceptedBytes = 0;
  readonly #parts: EmptyUploadParts;

  constructor(parts: EmptyUploadParts) {
    this.#parts = parts;
  }

  async write(): Promise<void> {}

  commit(): Promise<DestinationFile> {
    return this.#parts.guard(() => this.#commit());
  }

  async abort(): Promise<void> {}

  async #commit(): Promise<DestinationFile> {
    const { client, signal, place, replaces } = this.#parts;
    if (replaces) await checkNoConflict(place);
    const item = await throughRaces(() => this.#put(), { clock: client.clock, signal });
    if (item?.size !== 0) throw unproved(place.path, item?.size ?? 0, 0);
    return await this.#parts.finish(item);
  }

  async #put(): Promise<DriveItem | undefined> {
    const { client, signal, place, replaces } = this.#parts;
    const call = {
      method: 'PUT',
      path: `${place.address}/content?@microsoft.graph.conflictBehavior=${replaces ? 'replace' : 'fail'}`,
      headers: { 'content-type': 'application/octet-stream' },
      body: new Uint8Array(0),
      resourceUnits: 2,
    } as const;
    try {
      return readDriveItem((await client.call(call, signal)).body);
    } catch (thrown) {
      const isTaken = thrown instanceof GraphFailure && thrown.has('nameAlreadyExists');
      if (!isTaken) throw thrown;
      // The call was repeated after its answer had got lost; and an empty file is the same whoever put it there.
      const item = await place.lookUp();
      if (item?.isFile === true && item.size === 0) return item;
      place.onConflict();
      throw conflictError(place.path, 'appeared while the file was being written');
    }
  }
}
