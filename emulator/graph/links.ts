// The addresses that answers carry. Those that need no header point to another host than the one that was asked, as the
// service's do: a client that sends its token along is found out.
import type { Drive } from '../drive/drive.ts';
import type { Item } from '../drive/item.ts';
import type { Site } from '../drive/site.ts';
import type { UploadSession } from '../drive/upload-session.ts';
import type { Tempauth } from './tempauth.ts';

/** How long an upload address is good for, however often the session is extended. */
export const uploadUrlTtlMs = 24 * 3_600_000;
/** How long a download address is good for. */
export const downloadUrlTtlMs = 3_600_000;

const microsoftHost = /\.(sharepoint\.com|microsoft\.com|microsoftonline\.com)$/;

/** Scheme and host of the addresses that need no header, for a client that asked by this one. */
export function contentOrigin(asked: URL, site: Site): string {
  const { protocol, hostname, port } = asked;
  const behind = port === '' ? '' : `:${port}`;
  if (microsoftHost.test(hostname)) return `${protocol}//${site.hostName}${behind}`;
  if (hostname === 'localhost') return `${protocol}//127.0.0.1${behind}`;
  if (hostname === '127.0.0.1') return `${protocol}//localhost${behind}`;
  return asked.origin;
}

/** The address that takes the fragments of a session. */
export function uploadUrl(asked: URL, session: UploadSession, itemId: string, auth: Tempauth) {
  const { drive, guid, name, conflict } = session;
  const tempauth = auth.sign({ use: 'upload', sub: guid, drive: drive.id }, uploadUrlTtlMs);
  const place = `${drive.site.description.path}/_api/v2.0/drives/${drive.id}/items/${itemId}/uploadSession`;
  const path = `~tmp${guid.slice(0, 2).toUpperCase()}_${encodeURIComponent(name).replaceAll("'", "''")}`;
  const rename = conflict === 'rename' ? 'True' : 'False';
  const overwrite = conflict === 'replace' ? 'True' : 'False';
  return `${contentOrigin(asked, drive.site)}${place}?guid='${guid}'&path='${path}'&overwrite=${overwrite}&rename=${rename}&dc=0&tempauth=${tempauth}`;
}

/** The address that gives the content of an item, or of a version of it. */
export function downloadUrl(
  asked: URL,
  drive: Drive,
  item: Item,
  auth: Tempauth,
  version?: string,
): string {
  const tempauth = auth.sign(
    {
      use: 'download',
      sub: item.id,
      drive: drive.id,
      ...(version === undefined ? {} : { version }),
    },
    downloadUrlTtlMs,
  );
  const place = `${drive.site.description.path}/_layouts/15/download.aspx`;
  return `${contentOrigin(asked, drive.site)}${place}?UniqueId=${item.guid}&Translate=false&tempauth=${tempauth}&ApiVersion=2.0`;
}
