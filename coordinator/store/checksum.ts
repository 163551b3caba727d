// The checksum that LevelDB keeps with its blocks and records. LevelDB itself compares it only where it is asked to, and the package
// that binds it here does not ask; so whoever has to know whether a file is whole compares it with this.

/** CRC-32C (Castagnoli), reflected. */
const polynomial = 0x82f63b78;
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ polynomial : value >>> 1;
  return value;
});

/** The CRC-32C of the bytes. */
export function crc32c(bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (const byte of bytes) value = table[(value ^ byte) & 0xff]! ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

/** The CRC-32C as LevelDB writes it: turned, so that checksums of bytes that hold checksums stay good. */
export function storedChecksum(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
