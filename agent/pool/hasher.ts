// Both hashes of a file's content, taken in the one pass that reads it.
import { createHash, hash as hashAtOnce, type Hash } from 'node:crypto';
import { QuickXorHash, quickXorHashBytes } from '../../lib/quick-xor-hash.ts';
import { showLife } from './sign-of-life.ts';

/** Both hashes of a content. */
export interface Hashes {
  /** 32 bytes. */
  sha256: Uint8Array;
  /** 20 bytes. */
  quickXorHash: Uint8Array;
}

export const sha256Bytes = 32;
export { quickXorHashBytes };

/** Hashes content that comes in chunks: `start`, any number of `update`, `digest`; then again from `start`. */
export class Hasher {
  readonly #quickXor = new QuickXorHash();
  #sha256: Hash | undefined;

  /** Begins a content. */
  start(): this {
    this.#sha256 = undefined;
    this.#quickXor.reset();
    return this;
  }

  /** Hashes the next bytes. */
  update(chunk: Uint8Array): this {
    showLife();
    this.#sha256 ??= createHash('sha256');
    this.#sha256.update(chunk);
    this.#quickXor.update(chunk);
    return this;
  }

  /** The hashes of all bytes since `start`; ends the content. */
  digest(): Hashes {
    const sha256 = this.#sha256 ?? createHash('sha256');
    this.#sha256 = undefined;
    return { sha256: sha256.digest(), quickXorHash: this.#quickXor.digest() };
  }

  /** The hashes of a content that is in memory as a whole, a little faster than in chunks. */
  whole(content: Uint8Array): Hashes {
    return {
      sha256: hashAtOnce('sha256', content, 'buffer'),
      quickXorHash: this.#quickXor.reset().update(content).digest(),
    };
  }
}
