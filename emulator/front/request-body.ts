// A request's body as handlers see it. It stands between them and the connection, so that a handler that stops reading, or
// fails, does not take the connection with it, and so that reading can be slowed or cut.
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import type { Delivery } from './delivery.ts';
import { Pacer } from './pacer.ts';

/** Passes on the very chunks that arrive. */
export class RequestBody extends Readable {
  /** What has arrived so far. */
  bytes = 0;
  readonly #source: IncomingMessage;
  readonly #delivery: Delivery;
  readonly #connection: Pacer | undefined;
  #own: Pacer | undefined;
  #waiting: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(source: IncomingMessage, delivery: Delivery, connection: Pacer | undefined) {
    super({ highWaterMark: 256 * 1024 });
    this.#source = source;
    this.#delivery = delivery;
    this.#connection = connection;
    source.on('data', this.#onData);
    source.on('end', this.#onEnd);
    source.on('close', this.#onClose);
    source.on('error', ignore);
    // A handler that does not read the body does not want to know what became of it.
    this.on('error', ignore);
    source.pause();
  }

  override _read(): void {
    if (this.#waiting === undefined) this.#source.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.detach();
    callback(error);
  }

  /** Leaves the rest of the body to someone else. */
  detach(): void {
    clearTimeout(this.#waiting);
    this.#source.off('data', this.#onData);
    this.#source.off('end', this.#onEnd);
    this.#source.off('close', this.#onClose);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.bytes += chunk.length;
    const { cutAfterBodyBytes } = this.#delivery;
    if (cutAfterBodyBytes !== undefined && this.bytes >= cutAfterBodyBytes) {
      const left = chunk.length - (this.bytes - cutAfterBodyBytes);
      if (left > 0) this.push(chunk.subarray(0, left));
      this.#source.socket.destroy();
      return;
    }
    const delayMs = this.#delayMs(chunk.length);
    if (delayMs >= 1) this.#pass(chunk, delayMs);
    else if (!this.push(chunk)) this.#source.pause();
  };

  #pass(chunk: Buffer, delayMs: number): void {
    this.#source.pause();
    this.#waiting = setTimeout(() => {
      this.#waiting = undefined;
      const more = this.push(chunk);
      if (this.#ended) this.push(null);
      else if (more) this.#source.resume();
    }, delayMs);
    this.#waiting.unref();
  }

  #delayMs(bytes: number): number {
    const { readPace } = this.#delivery;
    if (readPace === undefined && this.#connection === undefined) return 0;
    if (readPace !== undefined)
      this.#own ??= new Pacer(readPace.bytesPerSecond, readPace.afterBytes);
    const now = performance.now();
    const own = this.#own?.delayMs(bytes, now) ?? 0;
    return Math.max(own, this.#connection?.delayMs(bytes, now) ?? 0);
  }

  readonly #onEnd = (): void => {
    this.#ended = true;
    // A stream that is paused at its last chunk ends all the same, while that chunk is held back here.
    if (this.#waiting === undefined) this.push(null);
  };

  readonly #onClose = (): void => {
    if (this.#ended) return;
    this.destroy(
      Object.assign(new Error('the client went away in the middle of the body'), {
        code: 'ECONNRESET',
      }),
    );
  };
}

function ignore(): void {}
