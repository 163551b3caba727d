// LevelDB's tables, which hold everything but the latest commits. A block that has changed on the disk is given out by LevelDB as long as it
// can be taken apart; so whoever checks a store compares the checksum of every block.
import { open, type FileHandle } from 'node:fs/promises';
import { storedChecksum } from './checksum.ts';
import { readVarint, uncompressSnappy } from './snappy.ts';

const footerBytes = 48;
const magic = 0xdb4775248b80fb57n;
/** How a block was compressed, and its checksum. */
const trailerBytes = 5;
const snappy = 1;

interface BlockHandle {
  offset: number;
  size: number;
}

/** What is wrong with a table, in words; undefined when each of its blocks is whole. Throws what the file system says. */
export async function damageOfTable(file: string): Promise<string | undefined> {
  await using handle = await open(file);
  const { size } = await handle.stat();
  if (size < footerBytes) return 'it is too short';
  const footer = await readBytes(handle, size - footerBytes, footerBytes);
  if (footer.readBigUInt64LE(footerBytes - 8) !== magic) return 'its end is not that of a table';
  try {
    const meta = readHandle(footer, 0);
    const index = readHandle(footer, meta.next);
    await readBlock(handle, meta, size);
    for (const block of indexedBlocks(await readBlock(handle, index, size)))
      await readBlock(handle, block, size);
    return undefined;
  } catch (error) {
    if (error instanceof RangeError) return error.message;
    throw error;
  }
}

/** A block as it was before it was compressed where it is the index, which alone is looked into. Throws a RangeError when it is not whole. */
async function readBlock(file: FileHandle, { offset, size }: BlockHandle, fileBytes: number) {
  if (offset + size + trailerBytes > fileBytes) throw new RangeError('a block is missing');
  const bytes = await readBytes(file, offset, size + trailerBytes);
  if (storedChecksum(bytes.subarray(0, size + 1)) !== bytes.readUInt32LE(size + 1))
    throw new RangeError(`the block at byte ${offset} has changed`);
  return { content: bytes.subarray(0, size), isCompressed: bytes[size] === snappy };
}

/** The blocks that an index names. Its entries are keys, of which each is given by how it differs from the one before, with a handle. */
function* indexedBlocks(block: { content: Uint8Array; isCompressed: boolean }) {
  const index = block.isCompressed ? uncompressSnappy(block.content) : block.content;
  const view = new DataView(index.buffer, index.byteOffset, index.byteLength);
  const restarts = view.getUint32(index.length - 4, true);
  const end = index.length - 4 - 4 * restarts;
  for (let at = 0; at < end;) {
    const shared = readVarint(index, at);
    const own = readVarint(index, shared.next);
    const value = readVarint(index, own.next);
    const from = value.next + own.value;
    yield readHandle(index, from);
    at = from + value.value;
  }
}

function readHandle(bytes: Uint8Array, at: number): BlockHandle & { next: number } {
  const offset = readVarint(bytes, at);
  const size = readVarint(bytes, offset.next);
  return { offset: offset.value, size: size.value, next: size.next };
}

async function readBytes(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  const { bytesRead } = await file.read({ buffer: bytes, position });
  if (bytesRead < length) throw new RangeError('it ends too soon');
  return bytes;
}
