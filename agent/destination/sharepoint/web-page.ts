// Into a page that arrives SharePoint writes one block with properties of the library, and the two name spaces that the block needs.
// Everything else is as it was.
import type { ByteReader } from './office-proof.ts';

/** Longer ones are not looked into: they are read whole. */
const pageBytesMax = 32 * 1024 * 1024;
const nameSpaces = [
  ' xmlns:mso="urn:schemas-microsoft-com:office:office"',
  ' xmlns:msdt="uuid:C2F41010-65B3-11d1-A29F-00AA00C14882"',
];

/** Whether a page is the same but for what SharePoint writes into it. */
export async function isSamePage(source: ByteReader, arrived: ByteReader): Promise<boolean> {
  if (source.size > pageBytesMax || arrived.size > pageBytesMax) return false;
  const own = await readPage(source);
  const theirs = await readPage(arrived);
  const block = propertiesOf(theirs);
  if (block === undefined) return own === theirs;
  // A page that came from SharePoint has a block already, and gets another in its place.
  const replaced = propertiesOf(own);
  if (replaced !== undefined) return without(own, replaced) === without(theirs, block);
  // The block may stand on lines of its own.
  const before = theirs.slice(0, block.start).trimEnd();
  const after = theirs.slice(block.end).trimStart();
  const between = own.slice(before.length, Math.max(before.length, own.length - after.length));
  const isLongEnough = own.length >= before.length + after.length;
  return isLongEnough && own.startsWith(before) && own.endsWith(after) && between.trim() === '';
}

interface Range {
  start: number;
  end: number;
}

/** Where the block with the properties stands. Found by plain search: a page may be made to be hard on patterns. */
function propertiesOf(page: string): Range | undefined {
  const [opening, content, closing] = ['<!--[if gte mso 9]>', '<mso:CustomDocumentProperties>', '<![endif]-->']; // oxfmt-ignore
  const inside = page.indexOf(content);
  if (inside < 0) return undefined;
  const start = page.lastIndexOf(opening, inside);
  const end = page.indexOf(closing, inside);
  const isWhole = start >= 0 && end >= 0 && page.lastIndexOf(closing, inside) < start;
  return isWhole ? { start, end: end + closing.length } : undefined;
}

function without(page: string, { start, end }: Range): string {
  return page.slice(0, start) + page.slice(end);
}

/** Each byte as one character, whatever the page's encoding: what is looked for is ASCII in nearly all. */
async function readPage(bytes: ByteReader): Promise<string> {
  const page = Buffer.from(await bytes.read(0, bytes.size)).toString('latin1');
  return nameSpaces.reduce((rest, nameSpace) => rest.replaceAll(nameSpace, ''), page);
}
