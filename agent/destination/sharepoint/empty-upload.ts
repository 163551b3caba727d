// A file without content: an upload session for nothing cannot be completed, so it is put at once and gets its dates afterwards.
// (SharePoint keeps that as a second version, which has no content either and so costs nothing.)
import type { DestinationFile, Upload } from '../destination.ts';

export class EmptyUpload implements Upload {
  readonly kind = 'upload';
  readonly chunkBytes = 1;
  readonly acceptedBytes = 0;
  readonly #put: () => Promise<DestinationFile>;

  /** `put` makes the file appear; it throws DroverError. */
  constructor(put: () => Promise<DestinationFile>) {
    this.#put = put;
  }

  async write(): Promise<void> {}

  commit(): Promise<DestinationFile> {
    return this.#put();
  }

  async abort(): Promise<void> {}
}
