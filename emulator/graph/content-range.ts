// The two ranges of HTTP: of a fragment that comes, and of a content that is asked for.
import type { IncomingHttpHeaders } from 'node:http';
import { DriveError } from '../drive/drive-error.ts';
import type { UploadSession } from '../drive/upload-session.ts';

/** The longest fragment. */
export const fragmentBytesMax = 60 << 20;
/** The longest file: 250 GB. */
export const fileBytesMax = 250 * 2 ** 30;
/** Fragments but the last are multiples of this. */
export const fragmentUnitBytes = 320 << 10;

/** A fragment that may be written at the session's position. */
export interface Fragment {
  length: number;
  total: number;
}

/** Checks the headers of a fragment. Throws DriveError when it is not the one that is expected. */
export function checkFragment(
  headers: IncomingHttpHeaders,
  session: UploadSession,
  unaligned: 'accept' | 'refuse',
): Fragment {
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/i.exec(headers['content-range'] ?? '');
  if (match === null) throw malformed();
  const [start, end, total] = match.slice(1).map(Number) as [number, number, number];
  if (end < start || end >= total) throw malformed();
  const length = end - start + 1;
  if (total > fileBytesMax) throw new DriveError('maxFileSizeExceeded');
  if (length > fragmentBytesMax) throw new DriveError('maxFragmentLengthExceeded');
  const contentLength = headers['content-length'];
  if (contentLength !== undefined && Number(contentLength) !== length)
    throw new DriveError(
      'invalidRequest',
      'The Content-Range header length does not match the provided number of bytes.',
    );
  if (start < session.position) throw new DriveError('fragmentOverlap');
  if (start > session.position) throw new DriveError('fragmentOutOfOrder');
  if (session.total !== undefined && total !== session.total)
    throw new DriveError('fragmentLengthMismatch');
  if (unaligned === 'refuse' && end + 1 < total && length % fragmentUnitBytes !== 0)
    throw new DriveError('fragmentNotAligned');
  return { length, total };
}

function malformed(): DriveError {
  return new DriveError('invalidRequest', 'The Content-Range header is missing or malformed.');
}

/** The bytes that a Range header asks for; undefined when it asks for all. Only one range is understood, as by the service. */
export function rangeOf(
  range: string | undefined,
  size: number,
): { start: number; end: number } | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(range?.trim() ?? '');
  if (match === null || (match[1] === '' && match[2] === '')) return undefined;
  const start = match[1] === '' ? Math.max(0, size - Number(match[2])) : Number(match[1]);
  const end = match[1] === '' || match[2] === '' ? size - 1 : Math.min(Number(match[2]), size - 1);
  if (start > end || start >= size)
    throw new DriveError('invalidRange', undefined, {
      headers: { 'content-range': `bytes */${size}` },
    });
  return { start, end };
}
