// Which files SharePoint rewrites when they arrive, and whether one that it rewrote is still what was sent.
import { isSameCompoundContent } from './compound-file.ts';
import { isSameOfficeContent, type ByteReader } from './office-proof.ts';
import { isSamePage } from './web-page.ts';

type Compare = (source: ByteReader, arrived: ByteReader) => Promise<boolean>;

const kinds: [extensions: string, compare: Compare][] = [
  ['docx docm dotx dotm xlsx xlsm xltx xltm xlsb pptx pptm potx potm ppsx ppsm vsdx vsdm vstx', isSameOfficeContent], // oxfmt-ignore
  ['doc dot xls xlt xla ppt pot pps vsd vst msg pub mpp', isSameCompoundContent],
  ['html htm aspx', isSamePage],
];
const byExtension = new Map(
  kinds.flatMap(([extensions, compare]) =>
    extensions.split(' ').map((extension) => [extension, compare] as const),
  ),
);

/** Whether a file of this name is one that SharePoint rewrites and that can be looked into. */
export function mayBeRewritten(path: string): boolean {
  return comparison(path) !== undefined;
}

/** Whether everything in it is the same that SharePoint does not touch. Rejects only when reading fails. */
export async function isSameWhenRewritten(
  path: string,
  source: ByteReader,
  arrived: ByteReader,
): Promise<boolean> {
  return (await comparison(path)?.(source, arrived)) ?? false;
}

function comparison(path: string): Compare | undefined {
  const dot = path.lastIndexOf('.');
  return dot > path.lastIndexOf('/')
    ? byExtension.get(path.slice(dot + 1).toLowerCase())
    : undefined;
}
