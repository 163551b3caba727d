// The ids that OneDrive for Business and SharePoint give out, in their real shapes: clients take them apart now and then, and
// logs that look like the service's are easier to compare with it.
import { createHash } from 'node:crypto';

/** The GUID that the root folder of every library has. */
export const rootGuid = 'ea8cc6be-ffdb-43d7-976f-bc7da445c639';

/** A GUID that is always the same for the same parts, so that ids survive without being stored. */
export function derivedGuid(...parts: string[]): string {
  const bytes = createHash('sha256').update(parts.join('\0')).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** A GUID's 16 bytes as .NET lays them out: the first three groups with the lowest byte first. */
export function guidBytes(guid: string): Buffer {
  const bytes = Buffer.from(guid.replaceAll('-', ''), 'hex');
  bytes.subarray(0, 4).reverse();
  bytes.subarray(4, 6).reverse();
  bytes.subarray(6, 8).reverse();
  return bytes;
}

/** The id of a drive. */
export function driveId(siteGuid: string, webGuid: string, listGuid: string): string {
  const bytes = Buffer.concat([siteGuid, webGuid, listGuid].map(guidBytes));
  return `b!${bytes.toString('base64url')}`;
}

/** The id of an item; `tag` is 4 bytes that are the same for all items of a drive. */
export function itemId(tag: Uint8Array, guid: string): string {
  return `01${base32(Buffer.concat([tag, guidBytes(guid)]))}`;
}

/** The tag that item ids of a library begin with. Its last bits are the same in all ids that were ever seen. */
export function itemIdTag(listGuid: string): Buffer {
  const tag = createHash('sha256').update(listGuid).digest().subarray(0, 4);
  tag[3] = (tag[3]! & ~3) | 2;
  return tag;
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** RFC 4648, without padding; the length is a multiple of 5. */
function base32(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0, bits = 0, held = 0; at < bytes.length; at++) {
    held = ((held << 8) | bytes[at]!) & 0xfff;
    for (bits += 8; bits >= 5; bits -= 5) text += alphabet[(held >> (bits - 5)) & 31];
  }
  return text;
}
