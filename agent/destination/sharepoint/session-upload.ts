// One file on its way through an upload session: chunks in order, each sent again from where the service says it is, the last one
// held back until the file is known to be whole. With the last chunk the file appears, at once and with its dates.
import type { Clock } from '../../../lib/time.ts';
import { pause } from '../../../lib/time.ts';
import { DroverError } from '../../../lib/error.ts';
import { ErrorReason } from '../../../gen/drover/v1/error_pb.ts';
import type { Hashes } from '../../pool/hasher.ts';
import { printablePath } from '../../source/printable-path.ts';
import { conflictError } from '../destination-error.ts';
import type { DestinationFile, SourceContent, Upload } from '../destination.ts';
import { chunkBytesFirst, chunkUnitBytes, grownChunkBytes, shrunkChunkBytes } from './chunk-size.ts'; // prettier-ignore
import { readDriveItem, type DriveItem } from './drive-item.ts';
import { backoffMs, type GraphAnswer, type GraphClient } from './graph-client.ts';
import { GraphFailure, itemError, NoAnswer } from './graph-error.ts';

export interface SessionUploadParts {
  client: GraphClient;
  clock: Clock;
  signal: AbortSignal;
  /** Below the destination, for messages. */
  path: string;
  /** Bytes of the file, at least 1. */
  size: number;
  /** Where the session goes on; a secret. */
  url: string;
  /** Bytes that the service has already. */
  acceptedBytes: number;
  /** Looks for the file under its name: the last answer may have been lost. Undefined when there is none. */
  lookUp: () => Promise<DriveItem | undefined>;
  /** Proves that what arrived is what was read. */
  prove: (item: DriveItem, hashes: Hashes, content: SourceContent) => Promise<DestinationFile>;
  /** Something appeared, or changed, where the file should go. */
  onConflict: () => void;
}

/** Right after its creation a session may not be known everywhere; the service's clients wait so long, so often. */
const notYetKnownPauseMs = 5000;
const notYetKnownTries = 3;
/** The service puts a large file together before it answers the last chunk. */
const chunkTimeoutMs = 3 * 60_000;
const lastChunkTimeoutMs = 15 * 60_000;
/** How long a chunk may go unanswered, over all attempts, before the file is given up. */
const busyMsMax = 10 * 60_000;
const fragmentUnits = 2;

export class SessionUpload implements Upload {
  readonly kind = 'upload';
  readonly acceptedBytes: number;
  readonly #parts: SessionUploadParts;
  #chunkBytes = chunkBytesFirst;
  /** Bytes that were given to `write`, those the service had already included. */
  #written: number;
  /** The next byte that the service expects. */
  #sent: number;
  #held: Uint8Array | undefined;
  /** Bytes that are not yet a whole number of units; only callers with odd chunks need it. */
  #pending: Buffer = Buffer.alloc(0);
  #isOpen = true;

  constructor(parts: SessionUploadParts) {
    this.#parts = parts;
    this.acceptedBytes = parts.acceptedBytes;
    this.#written = parts.acceptedBytes;
    this.#sent = parts.acceptedBytes;
  }

  get chunkBytes(): number {
    return this.#chunkBytes;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#written += chunk.length;
    const isLast = this.#written === this.#parts.size;
    const bytes = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    this.#pending = Buffer.alloc(0);
    if (isLast) {
      this.#held = bytes;
      return;
    }
    const whole = bytes.length - (bytes.length % chunkUnitBytes);
    if (whole < bytes.length) this.#pending = Buffer.from(bytes.subarray(whole));
    if (whole > 0) await this.#guarded(() => this.#send(bytes.subarray(0, whole), false));
  }

  async commit(hashes: Hashes, content: SourceContent): Promise<DestinationFile> {
    const { path, size, prove } = this.#parts;
    if (this.#held === undefined || this.#written !== size) {
      await this.abort();
      throw new DroverError(
        ErrorReason.VERIFICATION_FAILED,
        `${printablePath(path)} was not written: ${this.#written} of its ${size} bytes were read`,
        { metadata: { path } },
      );
    }
    const held = this.#held;
    const item = await this.#guarded(async () => await this.#send(held, true));
    this.#isOpen = false;
    if (item === undefined) throw this.#lost('it ended without a file');
    return await prove(item, hashes, content);
  }

  async abort(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await cancelSession(this.#parts.client, this.#parts.url);
  }

  /** After a failure nothing is left open that could be closed. */
  async #guarded<T>(send: () => Promise<T>): Promise<T> {
    try {
      return await send();
    } catch (thrown) {
      await this.abort();
      throw itemError(thrown, this.#parts.path);
    }
  }

  /** Sends bytes from `#sent` on; answers with the file when they were the last. */
  async #send(bytes: Uint8Array, isLast: boolean): Promise<DriveItem | undefined> {
    const start = this.#sent;
    const end = start + bytes.length;
    const tries: Tries = { failures: 0, notYetKnown: 0, sinceMs: undefined };
    while (this.#sent < end) {
      if (this.#sent < start) throw this.#lost('the service has forgotten a part of it');
      const at = this.#sent - start;
      const slice = bytes.subarray(at, at + this.#chunkBytes);
      const step = await this.#sendOne(slice, isLast && at + slice.length === bytes.length, tries);
      if (step !== undefined) return step;
    }
    return undefined;
  }

  /** One request; moves `#sent` to what the service has then. */
  async #sendOne(slice: Uint8Array, isLast: boolean, tries: Tries): Promise<DriveItem | undefined> {
    const { clock, client, signal, url, size } = this.#parts;
    const startMs = clock.now();
    let answer: GraphAnswer;
    try {
      answer = await client.call(
        {
          method: 'PUT',
          address: url,
          headers: {
            'content-type': 'application/octet-stream',
            'content-range': `bytes ${this.#sent}-${this.#sent + slice.length - 1}/${size}`,
          },
          body: slice,
          resourceUnits: fragmentUnits,
          repeats: false,
          timeoutMs: isLast ? lastChunkTimeoutMs : chunkTimeoutMs,
        },
        signal,
      );
    } catch (thrown) {
      return await this.#recover(thrown, isLast, tries);
    }
    Object.assign(tries, { failures: 0, notYetKnown: 0, sinceMs: undefined });
    const item = answer.status === 202 ? undefined : readDriveItem(answer.body);
    if (item !== undefined) return item;
    this.#sent = nextExpected(answer.body) ?? this.#sent + slice.length;
    this.#chunkBytes = grownChunkBytes(this.#chunkBytes, clock.now() - startMs);
    return undefined;
  }

  /** What a failed chunk means; returns when it is worth going on, with the file when it turns out to be complete. */
  async #recover(thrown: unknown, isLast: boolean, tries: Tries): Promise<DriveItem | undefined> {
    const { clock, signal, path } = this.#parts;
    signal.throwIfAborted();
    if (thrown instanceof GraphFailure) {
      const { status } = thrown;
      if (status === 401) throw this.#lost('its address is no longer accepted');
      if (status === 404) return await this.#recoverUnknown(thrown, isLast, tries);
      if (status === 412 || (status === 409 && !thrown.has('resourceModified'))) {
        this.#parts.onConflict();
        throw conflictError(path, 'appeared or was changed while the file was being written');
      }
      const isPassing = status >= 500 && status !== 507 && status !== 501;
      if (status !== 416 && status !== 409 && !isPassing) throw thrown;
      if (isPassing) this.#chunkBytes = shrunkChunkBytes(this.#chunkBytes);
    } else if (!(thrown instanceof NoAnswer)) throw thrown;
    else this.#chunkBytes = shrunkChunkBytes(this.#chunkBytes);
    tries.sinceMs ??= clock.now();
    if (clock.now() - tries.sinceMs > busyMsMax) throw thrown;
    await pause(clock, backoffMs(tries.failures++, Math.random()), signal);
    return await this.#askPosition(isLast);
  }

  /** The service may have taken the bytes although it did not say so. */
  async #askPosition(isLast: boolean): Promise<DriveItem | undefined> {
    const { client, signal, url } = this.#parts;
    try {
      const position = await sessionPosition(client, url, signal);
      if (position !== undefined) this.#sent = position;
      return undefined;
    } catch (thrown) {
      if (!(thrown instanceof GraphFailure) || thrown.status !== 404) throw thrown;
      const item = isLast ? await this.#arrived() : undefined;
      if (item === undefined) throw this.#lost('the service does not know it any more');
      return item;
    }
  }

  async #recoverUnknown(
    thrown: GraphFailure,
    isLast: boolean,
    tries: Tries,
  ): Promise<DriveItem | undefined> {
    const { clock, signal } = this.#parts;
    const item = isLast ? await this.#arrived() : undefined;
    if (item !== undefined) return item;
    // A session that took bytes is known; one that is new may only need time.
    if (this.#sent > 0 || tries.notYetKnown >= notYetKnownTries) throw this.#lost(thrown.message);
    tries.notYetKnown += 1;
    await pause(clock, notYetKnownPauseMs, signal);
    signal.throwIfAborted();
    return undefined;
  }

  /** The file, if it is there and of this size: then the last chunk was taken, and only the answer was lost. */
  async #arrived(): Promise<DriveItem | undefined> {
    const item = await this.#parts.lookUp();
    return item?.isFile === true && item.size === this.#parts.size ? item : undefined;
  }

  #lost(why: string): DroverError {
    const { path } = this.#parts;
    return new DroverError(
      ErrorReason.DESTINATION_WRITE_FAILED,
      `the upload session of ${printablePath(path)} was lost: ${why}`,
      { metadata: { path } },
    );
  }
}

interface Tries {
  failures: number;
  notYetKnown: number;
  /** Since when no chunk was taken. */
  sinceMs: number | undefined;
}

/** The next byte that a session expects; undefined when the service does not say. Throws GraphFailure 404 when it is gone. */
export async function sessionPosition(
  client: GraphClient,
  url: string,
  signal: AbortSignal,
): Promise<number | undefined> {
  const answer = await client.call({ method: 'GET', address: url, resourceUnits: 1 }, signal);
  return nextExpected(answer.body);
}

/** How long to try to cancel a session: whoever waits for it wants to stop. */
const cancelMsMax = 5000;

/** Cancels a session. Answers whether it is certainly gone; never throws. */
export async function cancelSession(client: GraphClient, url: string): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(cancelMsMax);
    await client.call({ method: 'DELETE', address: url, resourceUnits: 1 }, signal);
    return true;
  } catch (thrown) {
    return thrown instanceof GraphFailure && (thrown.status === 404 || thrown.status === 401);
  }
}

function nextExpected(body: unknown): number | undefined {
  const ranges = (body as { nextExpectedRanges?: unknown } | undefined)?.nextExpectedRanges;
  if (!Array.isArray(ranges) || typeof ranges[0] !== 'string') return undefined;
  const start = Number.parseInt(ranges[0], 10);
  return Number.isSafeInteger(start) ? start : undefined;
}
