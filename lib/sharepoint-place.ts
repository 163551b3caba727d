// A place in SharePoint or OneDrive, taken out of what people paste: a folder's address, the address bar of the library's
// page, a link from "Copy link", or the e-mail address of a person. Taken apart by hand, because people also type raw names,
// and to a URL parser the `#` of a folder "C#" ends the path. PURE. Which part of a path is site, library and folder cannot be
// seen in it; the agent asks the service.
import { DroverError } from './error.ts';

export type SharePointPlace =
  /** A site, a library or a folder; the path is relative to the server, decoded, without slashes around it; '' is the root site. */
  | { kind: 'path'; host: string; path: string }
  /** A folder in the OneDrive of this person, who is in lower case; the folder is without slashes around it, '' for all of it. */
  | { kind: 'onedrive'; user: string; folder: string };

/** The most characters that SharePoint takes in a path, the site's included. */
const pathLengthMax = 400;

/** The clouds that SharePoint is served from: worldwide, US government, US defence (two), China, and Germany's former one. */
const hostPattern =
  /^[a-z0-9][a-z0-9-]*\.(?:sharepoint\.(?:com|us|cn|de)|sharepoint-mil\.us|dps\.mil)$/;

/** Whether the text has the form of an e-mail address; the names of people are the same in either case. */
export function isUserAddress(text: string): boolean {
  return /^[^\s\p{Cc}@/\\:*?"<>|]{1,64}@(?:[a-z0-9-]{1,63}\.)+[a-z0-9-]{2,63}$/iu.test(text);
}

/** Whether the text is an e-mail address, or one with a folder behind it: `ann@contoso.com/Projects`. */
export function isPersonPlace(text: string): boolean {
  return isUserAddress(text.split('/', 1)[0]!);
}

/**
 * Parses an https address of SharePoint or OneDrive, or an e-mail address with or without a folder. Throws INVALID_ARGUMENT that names `field`, and says
 * what to give instead.
 */
export function parseSharePointPlace(text: string, field: string): SharePointPlace {
  const address = text.trim();
  const refuse: Refuse = (what, cause) => {
    throw DroverError.invalid(field, `"${text}" ${what}`, cause);
  };
  if (isPersonPlace(address)) return personPlace(address, refuse);
  const [, scheme = '', authority = '', target = ''] =
    /^(https?):\/\/([^/?#\\]*)(.*)$/isu.exec(address) ?? [];
  if (scheme === '') return refuse('is neither an address such as https://… nor an e-mail address');
  if (scheme.toLowerCase() === 'http')
    return refuse('begins with http:; SharePoint is reached by https:// only');
  const host = checkHost(authority, refuse);
  const [rawPath, rawQuery] = splitAt(target, '?');
  const shown = shownFolder(rawQuery ?? '', refuse);
  const segments = shown?.segments ?? addressedFolder(rawPath, refuse);
  return checkPlace(shown?.authority ? checkHost(shown.authority, refuse) : host, segments, refuse);
}

/** How many characters of SharePoint's 400 the place itself takes. A site's default library, when none is named, is not counted. */
export function placeLength(place: SharePointPlace): number {
  if (place.kind === 'path') return place.path.length;
  // The site's name is the person's address with a _ for every character that is not a letter or digit, so it is as long.
  return ['personal', place.user, 'Documents', ...(place.folder === '' ? [] : [place.folder])].join('/').length; // oxfmt-ignore
}

type Refuse = (what: string, cause?: unknown) => never;

function personPlace(address: string, refuse: Refuse): SharePointPlace {
  const [user, rest = ''] = splitAt(address, '/');
  const path = decode(rest, refuse);
  const folder = checkSegments(path, path, refuse).join('/');
  const place = { kind: 'onedrive' as const, user: user.toLowerCase(), folder };
  return checkLength(place, placeLength(place), refuse);
}

function checkHost(authority: string, refuse: Refuse): string {
  const host = authority.toLowerCase().replace(/:443$/u, '');
  if (!hostPattern.test(host))
    return refuse(
      `is not in SharePoint: "${host}" is not a host such as contoso.sharepoint.com or contoso-my.sharepoint.com`,
    );
  if (/^[^.]*-admin\./u.test(host))
    return refuse('is an address of the admin center; open the site itself and copy its address');
  return host;
}

function checkPlace(host: string, segments: readonly string[], refuse: Refuse): SharePointPlace {
  if (/^[^.]*-my\./u.test(host) && (segments.length === 0 || segments[0] === 'my'))
    return refuse(
      'does not say whose OneDrive it is; give the e-mail address of the person, or an address with /personal/ in it',
    );
  const path = segments.join('/');
  return checkLength({ kind: 'path', host, path }, path.length, refuse);
}

function checkLength(place: SharePointPlace, length: number, refuse: Refuse): SharePointPlace {
  if (length <= pathLengthMax) return place;
  return refuse(`has a path of ${length} characters; SharePoint takes ${pathLengthMax}`);
}

/** The folder that a page shows is in the page's query. Undefined when the query names none. */
function shownFolder(
  query: string,
  refuse: Refuse,
): { authority?: string; segments: string[] } | undefined {
  const parameters = new Map<string, string>();
  for (const parameter of query.split('&')) {
    const [name, value = ''] = splitAt(parameter, '=');
    if (value !== '') parameters.set(name.toLowerCase(), value);
  }
  const folder = parameters.get('id') ?? parameters.get('rootfolder');
  const list = parameters.get('listurl') ?? parameters.get('newtargetlisturl');
  if (folder === undefined && list === undefined) return undefined;
  if ([folder, list].some((value) => value?.includes('#')))
    return refuse('has a # after the ?, which can be part of a name or not; write it as %23');
  // OneDrive's page also shows libraries of other hosts; then the library is given with its whole address.
  const [, authority, listPath] = /^https:\/\/([^/]+)(.*)$/isu.exec(formDecode(list, refuse)) ?? [];
  const path = formDecode(folder, refuse) || (listPath ?? formDecode(list, refuse));
  if (!path.startsWith('/'))
    return refuse(`shows "${path}", which is not a path; open the folder and copy its address`);
  const segments = checkSegments(path, path, refuse);
  return authority === undefined ? { segments } : { authority, segments };
}

/** In the query, as in a form, a + is a space. */
const formDecode = (text: string | undefined, refuse: Refuse): string =>
  decode((text ?? '').replaceAll('+', ' '), refuse);

/** The folder that the path itself names. */
function addressedFolder(rawPath: string, refuse: Refuse): string[] {
  // Only after a page can a # begin what belongs to no path; anywhere else it is part of a name.
  const path = decode(rawPath.replace(/(\.aspx)#.*$/isu, '$1'), refuse);
  const linked = path.replace(/^\/*:[a-z]:\//iu, '');
  return folderOfPage(directPath(checkSegments(path, linked, refuse), refuse));
}

/** The segments of a path; `names` is the part of it that names can be in. */
function checkSegments(path: string, names: string, refuse: Refuse): string[] {
  const segments = path
    .normalize('NFC')
    .split('/')
    .filter((segment) => segment !== '' && segment !== '.');
  if (segments.includes('..')) return refuse('has a ".." in it; give the address of the folder');
  if (!path.isWellFormed()) return refuse('holds half a character');
  const [wrong] = /[\p{Cc}"*:<>?\\|]/u.exec(names) ?? [];
  if (wrong === undefined) return segments;
  return refuse(`holds ${JSON.stringify(wrong)}, which no name in SharePoint can hold`);
}

/** Decodes once, as the service does. A % that begins no escape is a raw one of a name. */
function decode(text: string, refuse: Refuse): string {
  try {
    return text.replaceAll(/(?:%[0-9a-f]{2})+/giu, decodeURIComponent);
  } catch (cause) {
    return refuse('holds a % escape that is not UTF-8', cause);
  }
}

/**
 * Takes the beginning off a link that shows the way, `/:f:/r/sites/…`. Of other links only the service knows where they lead, and
 * a destination that nobody can read is not taken.
 */
function directPath(segments: string[], refuse: Refuse): string[] {
  const [type = '', mode = '', ...rest] = segments;
  if (!/^:[a-z]:$/iu.test(type)) {
    if (segments.at(-1)?.toLowerCase() !== 'guestaccess.aspx') return segments;
  } else if (mode.toLowerCase() === 'r') {
    if (type.toLowerCase() === ':f:') return rest;
    return refuse('is the link of a file; give the folder');
  }
  return refuse(
    'is a sharing link, which does not show where it leads; open it in a browser and copy the address from there',
  );
}

/** Takes the page off the end of a path: `Forms/AllItems.aspx` of a library, `SitePages/…`, `_layouts/…` or the start page of a site. */
function folderOfPage(segments: string[]): string[] {
  const lower = segments.map((segment) => segment.toLowerCase());
  const layouts = lower.indexOf('_layouts');
  if (layouts !== -1) return segments.slice(0, layouts);
  const last = lower.at(-1) ?? '';
  if (last.endsWith('.aspx') && ['forms', 'sitepages'].includes(lower.at(-2) ?? ''))
    return segments.slice(0, -2);
  if (['default.aspx', 'home.aspx'].includes(last)) return segments.slice(0, -1);
  return segments;
}

function splitAt(text: string, separator: string): [before: string, after?: string] {
  const at = text.indexOf(separator);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + separator.length)];
}
