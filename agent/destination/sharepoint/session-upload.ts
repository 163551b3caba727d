// One file on its way through an upload session: chunks in order, each sent again from where the service says it is, the last one
// held back until the file is known to be whole. With the last chunk the file appears, at once and with its dates.
import type { Clock } from '../../../lib/time.ts';
import { pause } from '../../../lib/time.ts';
import { DroverError } from '../../../lib/error.ts';
import { ErrorReason } from '../../../gen/drover/v1/error_pb.ts';
import type { Hashes } from '../../pool/hasher.ts';
import { printablePath } from '../../source/printable-path.ts';
import type { DestinationFile, SourceContent, Upload } from '../destination.ts';
import { chunkBytesFirst, chunkUnitBytes, grownChunkBytes, shrunkChunkBytes } from './chunk-size.ts'; // oxfmt-ignore
import { chunkFailure } from './chunk-failure.ts';
import { readDriveItem } from './drive-item.ts';
import type { Arrived } from './arrivals.ts';
import { checkNoConflict, newFile, type FilePlace } from './file-place.ts';
import { backoffMs, type GraphAnswer, type GraphClient } from './graph-client.ts';
import { callMetadata, GraphFailure, itemError } from './graph-error.ts';
import { cancelSession, isSessionGone, nextExpected, sessionPosition } from './session-calls.ts';

export interface SessionUploadParts {
  client: GraphClient;
  clock: Clock;
  signal: AbortSignal;
  place: FilePlace;
  /** Bytes of the file, at least 1. */
  size: number;
  /** Where the session goes on; a secret. */
  url: string;
  /** Bytes that the service has already. */
  acceptedBytes: number;
  /** Whether something stood there when the session was opened. */
  replaces: boolean;
  /** Proves that what arrived is what was read. */
  prove: (arrived: Arrived, hashes: Hashes, content: SourceContent) => Promise<DestinationFile>;
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
    const { place, size, prove } = this.#parts;
    const { path } = place;
    if (this.#held === undefined || this.#written !== size) {
      await this.abort();
      throw new DroverError(
        ErrorReason.VERIFICATION_FAILED,
        `${printablePath(path)} was not written: ${this.#written} of its ${size} bytes were read`,
        { metadata: { path } },
      );
    }
    const held = this.#held;
    const arrived = await this.#guarded(() => this.#sendLast(held));
    this.#isOpen = false;
    return await prove(arrived, hashes, content);
  }

  async abort(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await cancelSession(this.#parts.client, this.#parts.url);
  }

  /** After a failure nothing is left open that could be closed. */
  async #guarded<T>(send: () => Promise<T>): Promise<T> {
    const { signal, place } = this.#parts;
    try {
      return await send();
    } catch (thrown) {
      await this.abort();
      if (signal.aborted) throw signal.reason;
      throw itemError(thrown, place.path);
    }
  }

  async #sendLast(bytes: Uint8Array): Promise<Arrived> {
    // Hours may have passed since it was looked at what is to be replaced, and also what is quickly sent may have waited for its turn.
    if (this.#parts.replaces) await checkNoConflict(this.#parts.place);
    const arrived = (await this.#send(bytes, true)) ?? (await this.#arrived());
    if (arrived === undefined) throw this.#lost('it ended without a file');
    return arrived;
  }

  /** Sends bytes from `#sent` on; answers with the file when they were the last. */
  async #send(bytes: Uint8Array, isLast: boolean): Promise<Arrived | undefined> {
    const start = this.#sent;
    const end = start + bytes.length;
    const tries: Tries = { failures: 0, notYetKnown: 0, sinceMs: undefined };
    while (this.#sent < end) {
      const at = this.#sent - start;
      const slice = bytes.subarray(at, at + this.#chunkBytes);
      const arrived = await this.#sendOne(slice, isLast && at + slice.length === bytes.length, tries); // oxfmt-ignore
      if (arrived !== undefined) return arrived;
      if (this.#sent < start) throw this.#lost('the service has forgotten a part of it');
      if (this.#sent > end) throw this.#lost('somebody else goes on with it');
    }
    return undefined;
  }

  /** One request; moves `#sent` to what the service has then. */
  async #sendOne(slice: Uint8Array, isLast: boolean, tries: Tries): Promise<Arrived | undefined> {
    const { clock, client, signal, url, size } = this.#parts;
    const startMs = clock.steady();
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
    if (item !== undefined) return { item, replaced: answer.status !== 201 };
    this.#sent = nextExpected(answer.body) ?? this.#sent + slice.length;
    this.#chunkBytes = grownChunkBytes(this.#chunkBytes, clock.steady() - startMs);
    return undefined;
  }

  /** What a failed chunk means; returns when it is worth going on, with the file when it turns out to be complete. */
  async #recover(thrown: unknown, isLast: boolean, tries: Tries): Promise<Arrived | undefined> {
    const { clock, signal } = this.#parts;
    signal.throwIfAborted();
    const failure = chunkFailure(thrown);
    if (failure === 'refused') throw thrown;
    if (failure === 'lost') throw this.#lost('its address is no longer accepted', thrown);
    if (failure === 'unknown') return await this.#recoverUnknown(thrown, isLast, tries);
    if (failure === 'taken') await checkNoConflict(this.#parts.place);
    if (failure === 'overwhelmed') this.#chunkBytes = shrunkChunkBytes(this.#chunkBytes);
    tries.sinceMs ??= clock.steady();
    if (clock.steady() - tries.sinceMs > busyMsMax) throw thrown;
    await pause(clock, backoffMs(tries.failures++, Math.random()), signal);
    signal.throwIfAborted();
    return await this.#askPosition(isLast);
  }

  /** The service may have taken the bytes although it did not say so. */
  async #askPosition(isLast: boolean): Promise<Arrived | undefined> {
    const { client, signal, url } = this.#parts;
    try {
      const position = await sessionPosition(client, url, signal);
      if (position !== undefined) this.#sent = position;
      return undefined;
    } catch (thrown) {
      if (!isSessionGone(thrown)) throw thrown;
      const arrived = isLast ? await this.#arrived() : undefined;
      if (arrived === undefined) throw this.#unknown(thrown);
      return arrived;
    }
  }

  async #recoverUnknown(
    thrown: unknown,
    isLast: boolean,
    tries: Tries,
  ): Promise<Arrived | undefined> {
    const { clock, signal } = this.#parts;
    const arrived = isLast ? await this.#arrived() : undefined;
    if (arrived !== undefined) return arrived;
    // A session that took bytes is known; one that is new may only need time.
    if (this.#sent > 0 || tries.notYetKnown >= notYetKnownTries) throw this.#unknown(thrown);
    tries.notYetKnown += 1;
    await pause(clock, notYetKnownPauseMs, signal);
    signal.throwIfAborted();
    return undefined;
  }

  /** The last chunk may have been taken, and only the answer was lost. */
  async #arrived(): Promise<Arrived | undefined> {
    const item = await newFile(this.#parts.place, this.#parts.size);
    return item === undefined ? undefined : { item, replaced: undefined };
  }

  #unknown(thrown: unknown): DroverError {
    return this.#lost('the service does not know it any more', thrown);
  }

  /** `thrown` is what a call said of it, where one did. */
  #lost(why: string, thrown?: unknown): DroverError {
    const { path } = this.#parts.place;
    return new DroverError(
      ErrorReason.DESTINATION_WRITE_FAILED,
      `the upload session of ${printablePath(path)} was lost: ${why}`,
      thrown instanceof GraphFailure
        ? { cause: thrown, metadata: callMetadata(path, thrown) }
        : { metadata: { path } },
    );
  }
}

interface Tries {
  failures: number;
  notYetKnown: number;
  /** Since when no chunk was taken. */
  sinceMs: number | undefined;
}
