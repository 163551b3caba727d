// Office files for tests: archives of parts.
import { buffer } from 'node:stream/consumers';
import yazl from 'yazl';

/** Texts by name of the part. */
export type OfficeParts = Record<string, string>;

/** What a person made. */
export const officeParts: OfficeParts = {
  '[Content_Types].xml': '<Types><Override PartName="/word/document.xml"/></Types>',
  '_rels/.rels': '<Relationships><Relationship Id="1" Target="word/document.xml"/></Relationships>',
  'word/document.xml': '<w:document>what a person wrote</w:document>'.repeat(1000),
  'word/media/image1.png': 'picture',
  'docProps/core.xml': '<title/>',
};

/** An archive as Office writes it. */
export async function officeFile(parts: OfficeParts): Promise<Buffer> {
  const zip = new yazl.ZipFile();
  for (const [name, text] of Object.entries(parts)) zip.addBuffer(Buffer.from(text), name);
  zip.end();
  return await buffer(zip.outputStream as NodeJS.ReadableStream as AsyncIterable<Buffer>);
}
