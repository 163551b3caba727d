// The path of a request in its parts: which API it is meant for, and the segments behind that, where a piece between colons
// is one part of its own: in `/drives/D/root:/a/b:/content` it is the path of a file.
import { DriveError } from '../drive/drive-error.ts';

/** One part of an address. */
export type AddressPart =
  | { kind: 'word'; text: string }
  /** Decoded names; none for the place itself. */
  | { kind: 'path'; names: string[] };

export interface Address {
  /** What stands before the parts, such as `/v1.0` or `/sites/hr/_api/v2.0`; links begin with it. */
  prefix: string;
  /** SharePoint's API takes other tokens than Graph, and is asked within a site. */
  api: 'graph' | 'sharepoint';
  /** Server-relative path of the site the API was asked in; empty for Graph and for the root site. */
  sitePath: string;
  parts: AddressPart[];
}

const graphPrefix = /^\/(?:v1\.0|beta)(?=\/|$)/i;
const sharepointPrefix = /^(\/[^:]*?)?\/_api\/v2\.[01](?=\/|$)/i;

/** Takes a path apart; undefined when it belongs to neither API. */
export function parseAddress(pathname: string): Address | undefined {
  const graph = graphPrefix.exec(pathname);
  if (graph !== null)
    return { prefix: graph[0], api: 'graph', sitePath: '', parts: parts(pathname, graph[0]) };
  const sharepoint = sharepointPrefix.exec(pathname);
  if (sharepoint === null) return undefined;
  const [prefix, site] = sharepoint;
  const sitePath = decode(site ?? '');
  return { prefix, api: 'sharepoint', sitePath, parts: parts(pathname, prefix) };
}

function parts(pathname: string, prefix: string): AddressPart[] {
  const found: AddressPart[] = [];
  let names: string[] | undefined;
  for (const segment of plainColons(pathname.slice(prefix.length)).split('/')) {
    if (segment === '') continue;
    const ends = segment.endsWith(':');
    const text = decode(ends ? segment.slice(0, -1) : segment);
    if (names !== undefined) {
      if (text !== '') names.push(text);
      if (ends) names = undefined;
      continue;
    }
    found.push(...words(text));
    if (ends) found.push({ kind: 'path', names: (names = []) });
  }
  return found;
}

/** Generated clients take `root:/a/b:` for an id and encode it as one: `items/root%3A%2Fa%2Fb%3A`. */
function plainColons(pathname: string): string {
  return pathname
    .replaceAll(/%3a/gi, ':')
    .replaceAll(/[^/]+:%2f[^/]*/gi, (segment) => segment.replaceAll(/%2f/gi, '/'));
}

/** `items('id')` is `items/id`, and `microsoft.graph.delta` is `delta`. */
function words(text: string): AddressPart[] {
  const plain = text.replace(/^microsoft\.graph\./i, '');
  const keyed = /^(\w+)\('([^']*)'\)$/.exec(plain);
  const texts = keyed === null ? [plain] : [keyed[1]!, keyed[2]!];
  return texts.map((word) => ({ kind: 'word', text: word }));
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new DriveError('invalidRequest', 'The address is not encoded correctly.');
  }
}
