// What SharePoint does to Office files that arrive: it writes properties of the library into them, so that their size and hash are
// no longer those of the source, while everything a person put into them stays as it was.
import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream, rmSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import yauzl, { type Entry, type ZipFile } from 'yauzl';
import yazl from 'yazl';
import { QuickXorHash } from '../../lib/quick-xor-hash.ts';
import type { ArrivedFile } from '../drive/place-file.ts';
import { extensionOf } from './media-type.ts';

const extensions = new Set(['docx', 'xlsx', 'pptx', 'docm', 'xlsm', 'pptm', 'vsdx']);
const propertiesPart = 'docProps/custom.xml';
const typesPart = '[Content_Types].xml';
const relationsPart = '_rels/.rels';

/** The content as the library keeps it: rewritten in place when that is wanted and it is an Office file. */
export async function rewriteOffice(
  arrived: ArrivedFile,
  name: string,
  wanted: boolean,
): Promise<ArrivedFile> {
  if (!wanted || !extensions.has(extensionOf(name))) return arrived;
  const target = `${arrived.path}.rewritten`;
  try {
    await rewriteZip(arrived.path, target);
  } catch {
    // Whatever has such a name and is no such file stays as it is.
    rmSync(target, { force: true });
    return arrived;
  }
  return measure(target);
}

async function rewriteZip(source: string, target: string): Promise<void> {
  const zip = await yauzl.openPromise(source, { autoClose: false });
  const result = new yazl.ZipFile();
  const written = pipeline(result.outputStream, createWriteStream(target));
  // A failure below is what is told; this one follows from it.
  written.catch(() => {});
  try {
    for await (const entry of zip.eachEntry()) await copyEntry(zip, entry, result);
    result.addBuffer(Buffer.from(customProperties()), propertiesPart);
    result.end();
    await written;
  } catch (error) {
    (result.outputStream as unknown as { destroy(error: unknown): void }).destroy(error);
    throw error;
  } finally {
    zip.close();
  }
}

async function copyEntry(zip: ZipFile, entry: Entry, result: yazl.ZipFile): Promise<void> {
  const name = entry.fileName;
  if (name === propertiesPart) return;
  const options = { mtime: entry.getLastModDate(), compress: entry.compressionMethod !== 0 };
  if (name.endsWith('/')) {
    result.addEmptyDirectory(name);
    return;
  }
  let content = await buffer(await zip.openReadStreamPromise(entry));
  if (name === typesPart) content = Buffer.from(withType(content.toString()));
  if (name === relationsPart) content = Buffer.from(withRelation(content.toString()));
  result.addBuffer(content, name, options);
}

function withType(xml: string): string {
  if (xml.includes(`/${propertiesPart}`)) return xml;
  const type = `<Override PartName="/${propertiesPart}" ContentType="application/vnd.openxmlformats-officedocument.custom-properties+xml"/>`;
  return xml.replace('</Types>', `${type}</Types>`);
}

function withRelation(xml: string): string {
  if (xml.includes(propertiesPart)) return xml;
  const relation = `<Relationship Id="rIdSharePoint" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/custom-properties" Target="${propertiesPart}"/>`;
  return xml.replace('</Relationships>', `${relation}</Relationships>`);
}

function customProperties(): string {
  const value = `0x010100${randomUUID().replaceAll('-', '').toUpperCase()}`;
  return `<?xml version="1.0" encoding="UTF-8" standalone="yes"?><Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/custom-properties" xmlns:vt="http://schemas.openxmlformats.org/officeDocument/2006/docPropsVTypes"><property fmtid="{D5CDD505-2E9C-101B-9397-08002B2CF9AE}" pid="2" name="ContentTypeId"><vt:lpwstr>${value}</vt:lpwstr></property></Properties>`;
}

async function measure(path: string): Promise<ArrivedFile> {
  const hash = new QuickXorHash();
  let size = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    hash.update(chunk as Buffer);
    size += (chunk as Buffer).length;
  }
  return { path, size, hash: Buffer.from(hash.digest()).toString('base64') };
}
