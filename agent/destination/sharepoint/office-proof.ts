// SharePoint writes properties (content type, document id, labels) into Office files when they arrive: then neither size nor hash are
// those of the source. Such a file is a zip archive of parts; what a person made is in parts that SharePoint does not touch, and those
// are compared one by one.
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { Readable as ReadableStream } from 'node:stream';
import yauzl from 'yauzl';

/** Bytes that can be read from anywhere. */
export interface ByteReader {
  size: number;
  /** Reads exactly the bytes from `start` up to, not including, `end`. */
  read(start: number, end: number): Promise<Uint8Array>;
}

/**
 * Whether all parts of an Office file that SharePoint does not touch are the same on both sides. False also for what is no zip
 * archive. Rejects only when reading fails.
 */
export async function isSameOfficeContent(
  source: ByteReader,
  arrived: ByteReader,
): Promise<boolean> {
  const [own, theirs] = [await readParts(source), await readParts(arrived)];
  if (own === undefined || theirs === undefined) return false;
  for (const [name, part] of own) {
    const other = theirs.get(name);
    if (isProperties(name)) continue;
    if (other === undefined) return false;
    if (isIndex(name) ? !names(part).isSubsetOf(names(other)) : part.digest !== other.digest)
      return false;
  }
  // Nothing may have come in but properties.
  return [...theirs.keys()].every((name) => own.has(name) || isProperties(name) || isIndex(name));
}

interface Part {
  /** SHA-256 of the content, base64. */
  digest: string;
  /** The content of an index; empty for all other parts, which may be large. */
  text: string;
}

/** The most parts that an archive is read with, and the longest index. */
const partsMax = 100_000;
const indexBytesMax = 16 * 1024 * 1024;

/** Parts that hold what is said about the document, not the document. */
function isProperties(name: string): boolean {
  return name.startsWith('docProps/') || name.startsWith('customXml/');
}

/** Parts that list other parts: those that name properties come to be in them. */
function isIndex(name: string): boolean {
  return name === '[Content_Types].xml' || name.endsWith('.rels');
}

/** What an index names; properties aside. */
function names({ text }: Part): Set<string> {
  const found = text.matchAll(/\b(?:Target|PartName)="([^"]*)"/g);
  return new Set(
    Array.from(found, ([, name]) => name!).filter((name) => !/(?:docProps|customXml)\//.test(name)),
  );
}

async function readParts(bytes: ByteReader): Promise<Map<string, Part> | undefined> {
  let archive: yauzl.ZipFile;
  try {
    archive = await open(bytes);
  } catch (error) {
    if (error instanceof ReadFailure) throw error.cause;
    return undefined;
  }
  try {
    const parts = new Map<string, Part>();
    for (;;) {
      const entry = await nextEntry(archive);
      if (entry === undefined) return parts;
      if (entry.fileName.endsWith('/')) continue;
      if (parts.has(entry.fileName) || parts.size >= partsMax) return undefined;
      parts.set(entry.fileName, await readPart(archive, entry));
    }
  } catch (error) {
    if (error instanceof ReadFailure) throw error.cause;
    return undefined;
  } finally {
    archive.close();
  }
}

async function readPart(archive: yauzl.ZipFile, entry: yauzl.Entry): Promise<Part> {
  const stream = await new Promise<Readable>((resolve, reject) =>
    archive.openReadStream(entry, (error, opened) => (error ? reject(error) : resolve(opened))),
  );
  const hash = createHash('sha256');
  const index: Buffer[] = [];
  const isKept = isIndex(entry.fileName) && entry.uncompressedSize <= indexBytesMax;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    hash.update(chunk);
    if (isKept) index.push(chunk);
  }
  return { digest: hash.digest('base64'), text: Buffer.concat(index).toString('utf8') };
}

function open(bytes: ByteReader): Promise<yauzl.ZipFile> {
  const options = { lazyEntries: true, autoClose: false };
  return new Promise((resolve, reject) =>
    yauzl.fromRandomAccessReader(new ArchiveReader(bytes), bytes.size, options, (error, archive) =>
      error ? reject(error) : resolve(archive),
    ),
  );
}

function nextEntry(archive: yauzl.ZipFile): Promise<yauzl.Entry | undefined> {
  return new Promise((resolve, reject) => {
    const done = (settle: () => void) => {
      archive.removeAllListeners('entry').removeAllListeners('end').removeAllListeners('error');
      settle();
    };
    archive.once('entry', (entry: yauzl.Entry) => done(() => resolve(entry)));
    archive.once('end', () => done(() => resolve(undefined)));
    archive.once('error', (error: Error) => done(() => reject(error)));
    archive.readEntry();
  });
}

/** Reading failed, which says nothing about the archive. */
class ReadFailure extends Error {}

/** Bytes that are asked for at once. */
const blockBytes = 1024 * 1024;

class ArchiveReader extends yauzl.RandomAccessReader {
  readonly #bytes: ByteReader;

  constructor(bytes: ByteReader) {
    super();
    this.#bytes = bytes;
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return ReadableStream.from(this.#blocks(start, end), { objectMode: false });
  }

  async *#blocks(start: number, end: number): AsyncGenerator<Uint8Array> {
    for (let at = start; at < end; at += blockBytes) {
      try {
        yield await this.#bytes.read(at, Math.min(at + blockBytes, end));
      } catch (cause) {
        throw new ReadFailure('reading failed', { cause });
      }
    }
  }
}
