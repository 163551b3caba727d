// quickXorHash of a file that arrives in fragments, of which any may be lost halfway. The hash is linear: that of the whole is
// the XOR of the fragments' own, each turned by the place it begins at. So a lost fragment costs nothing, and an upload goes on
// after a restart without reading what had arrived.
import { QuickXorHash } from '../../lib/quick-xor-hash.ts';

/** What is known of the bytes so far: 160 bits, without the length, as hexadecimal digits. */
export type HashState = string;

/** The state of no bytes. */
export const emptyHashState: HashState = '0';

const bits = 160n;
const mask = (1n << bits) - 1n;

/** The state with a fragment behind it that begins at `offset`. */
export function addFragment(
  state: HashState,
  fragment: QuickXorHash,
  offset: number,
  length: number,
): HashState {
  const own = fromBytes(fragment.digest()) ^ lengthBits(length);
  const turn = (BigInt(offset) * 11n) % bits;
  const turned = ((own << turn) | (own >> (bits - turn))) & mask;
  return (BigInt(`0x${state}`) ^ turned).toString(16);
}

/** The hash of all bytes, base64. */
export function finishHash(state: HashState, length: number): string {
  const hash = BigInt(`0x${state}`) ^ lengthBits(length);
  return Buffer.from(hash.toString(16).padStart(40, '0'), 'hex').reverse().toString('base64');
}

/** The length stands in the last 8 of the 20 bytes. */
function lengthBits(length: number): bigint {
  return BigInt(length) << 96n;
}

/** The first byte is the lowest. */
function fromBytes(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
}
