// A Merkle tree over a list, as RFC 6962 (Certificate Transparency), section 2.1, has it: with SHA-256, a leaf hashed after a byte 0x00 and a
// node after a byte 0x01, so that no node can be taken for a leaf. It keeps one hash for each level and no more.
import { hash } from 'node:crypto';

const leafPrefix = Buffer.from([0]);
const nodePrefix = Buffer.from([1]);

/** Grows by one entry at a time. */
export class MerkleTree {
  /** The roots of whole trees, the largest first; their sizes are the powers of two that the count is the sum of. */
  readonly #roots: Buffer[] = [];
  #count = 0;

  /** How many entries there are. */
  get count(): number {
    return this.#count;
  }

  /** Adds an entry to the end. */
  add(entry: Uint8Array): void {
    let root = sha256([leafPrefix, entry]);
    // As many whole trees as the count has trailing ones are as large as what is added to them.
    for (let rest = this.#count; rest % 2 === 1; rest = (rest - 1) / 2)
      root = sha256([nodePrefix, this.#roots.pop()!, root]);
    this.#roots.push(root);
    this.#count += 1;
  }

  /** The hash of the whole list, 32 bytes. */
  root(): Buffer {
    const last = this.#roots.at(-1);
    if (last === undefined) return sha256([]);
    return this.#roots.slice(0, -1).reduceRight((right, left) => sha256([nodePrefix, left, right]), last); // oxfmt-ignore
  }
}

function sha256(parts: readonly Uint8Array[]): Buffer {
  return hash('sha256', Buffer.concat(parts), 'buffer');
}
