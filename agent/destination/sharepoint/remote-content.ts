// The content of a file as it stands in SharePoint, read in blocks that are kept for a while: whoever looks into an archive reads small
// pieces here and there, and each would be a request.
import { createHash } from 'node:crypto';
import { QuickXorHash } from '../../../lib/quick-xor-hash.ts';
import type { Hashes } from '../../pool/hasher.ts';
import type { GraphClient } from './graph-client.ts';
import type { ByteReader } from './office-proof.ts';

const blockBytes = 4 * 1024 * 1024;
const blocksMax = 8;

export class RemoteContent implements ByteReader {
  readonly size: number;
  readonly #client: GraphClient;
  readonly #address: string;
  readonly #signal: AbortSignal;
  /** By number; the one used last is the last. */
  readonly #blocks = new Map<number, Uint8Array>();

  /** `address` is authenticated by itself, and a secret. */
  constructor(client: GraphClient, address: string, size: number, signal: AbortSignal) {
    this.#client = client;
    this.#address = address;
    this.size = size;
    this.#signal = signal;
  }

  async read(start: number, end: number): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    for (let at = start; at < end;) {
      const number = Math.floor(at / blockBytes);
      const from = at - number * blockBytes;
      const piece = (await this.#block(number)).subarray(from, from + end - at);
      if (piece.length === 0) throw new Error(`the content ends before byte ${at}`);
      pieces.push(piece);
      at += piece.length;
    }
    return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
  }

  /** Reads everything. */
  async hashes(): Promise<Hashes> {
    const sha256 = createHash('sha256');
    const quickXor = new QuickXorHash();
    for (let at = 0; at < this.size; at += blockBytes) {
      const block = await this.#block(Math.floor(at / blockBytes));
      sha256.update(block);
      quickXor.update(block);
    }
    return { sha256: sha256.digest(), quickXorHash: quickXor.digest() };
  }

  async #block(number: number): Promise<Uint8Array> {
    let block = this.#blocks.get(number);
    if (block === undefined) {
      const start = number * blockBytes;
      const end = Math.min(start + blockBytes, this.size) - 1;
      block = await this.#client.download(this.#address, `bytes=${start}-${end}`, this.#signal);
      if (block.length !== end - start + 1) throw new Error('the service sent another range than was asked for'); // oxfmt-ignore
      const [oldest] = this.#blocks.keys();
      if (this.#blocks.size >= blocksMax && oldest !== undefined) this.#blocks.delete(oldest);
    } else this.#blocks.delete(number);
    this.#blocks.set(number, block);
    return block;
  }
}
