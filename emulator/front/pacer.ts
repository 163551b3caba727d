// A rate of bytes as waiting times.

/** One direction of a connection, or of one body on it. */
export class Pacer {
  readonly #bytesPerMs: number;
  #freeBytes: number;
  #freeAtMs = 0;

  /** The first `afterBytes` go freely. */
  constructor(bytesPerSecond: number, afterBytes = 0) {
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.#freeBytes = afterBytes;
  }

  /** How long the bytes have to wait that come now, so that they and all before them keep to the rate. */
  delayMs(bytes: number, nowMs: number): number {
    const free = Math.min(bytes, this.#freeBytes);
    this.#freeBytes -= free;
    if (bytes === free) return 0;
    this.#freeAtMs = Math.max(this.#freeAtMs, nowMs) + (bytes - free) / this.#bytesPerMs;
    return this.#freeAtMs - nowMs;
  }

  /** The most to pass in one piece: a twentieth of a second's worth, so that a slow reply is seen to trickle. */
  get pieceBytes(): number {
    return Math.max(1, Math.floor(this.#bytesPerMs * 50));
  }
}
