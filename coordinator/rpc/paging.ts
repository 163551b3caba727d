// Pages of a list, as AIP-158 has them: a page token is opaque, and belongs to the arguments it was given for. PURE.
import { createHash } from 'node:crypto';
import { DroverError } from '../../lib/error.ts';

const pageSizeDefault = 100;
const pageSizeMax = 1000;
/** Ample for a cursor with a path in it, of which Windows knows some with 32,767 characters. */
const tokenLengthMax = 256 * 1024;

/** The page that a request asks for. */
export interface PageRequest {
  /** From 1 to 1000. */
  size: number;
  /** Where the page before ended, as the list itself wrote it; empty for the first page. */
  cursor: string;
}

/**
 * Reads what page is asked for. `scope` is the list's name and every other argument of the request. Throws INVALID_ARGUMENT
 * for a negative size, and for a token that this list did not give for these arguments.
 */
export function readPageRequest(
  request: { pageSize: number; pageToken: string },
  scope: readonly string[],
): PageRequest {
  if (request.pageSize < 0) throw DroverError.invalid('page_size', 'must not be negative');
  const size = Math.min(request.pageSize || pageSizeDefault, pageSizeMax);
  if (request.pageToken === '') return { size, cursor: '' };
  return { size, cursor: readCursor(request.pageToken, scope) };
}

/** The token of the page that begins after `cursor`; empty when there is no such page. */
export function writePageToken(cursor: string | undefined, scope: readonly string[]): string {
  if (cursor === undefined) return '';
  return Buffer.from(JSON.stringify([hashScope(scope), cursor])).toString('base64url');
}

function readCursor(token: string, scope: readonly string[]): string {
  const [hash, cursor] = decode(token);
  if (typeof hash !== 'string' || typeof cursor !== 'string')
    throw DroverError.invalid('page_token', 'is not one that this list gave');
  if (hash !== hashScope(scope))
    throw DroverError.invalid('page_token', 'was given for other arguments; repeat them unchanged');
  return cursor;
}

function decode(token: string): unknown[] {
  if (token.length > tokenLengthMax) return [];
  try {
    const value: unknown = JSON.parse(Buffer.from(token, 'base64url').toString());
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}

function hashScope(scope: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(scope)).digest('base64url').slice(0, 16);
}
