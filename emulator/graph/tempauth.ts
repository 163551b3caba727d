// The signed part of addresses that need no header: whoever has the address may use it, for one thing and for a while.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DriveError } from '../drive/drive-error.ts';

/** What an address is good for. */
export interface TempauthClaims {
  /** `upload` of a session, or `download` of an item. */
  use: 'upload' | 'download';
  /** GUID of the session, or id of the item. */
  sub: string;
  /** Id of the drive. */
  drive: string;
  /** Old version of the item, when it is not the current one. */
  version?: string;
  /** Seconds since 1970. */
  nbf: number;
  exp: number;
}

const header = Buffer.from('{"typ":"JWT","alg":"HS256"}').toString('base64url');

/** Signs and checks; the key lies in the data folder, so that addresses survive a restart. */
export class Tempauth {
  readonly #key: Buffer;
  readonly #now: () => number;

  constructor(systemFolder: string, now: () => number) {
    const file = path.join(systemFolder, 'tempauth.key');
    if (!existsSync(file)) writeFileSync(file, randomBytes(32).toString('hex'), { mode: 0o600 });
    this.#key = Buffer.from(readFileSync(file, 'utf8'), 'hex');
    this.#now = now;
  }

  sign(claims: Omit<TempauthClaims, 'nbf' | 'exp'>, ttlMs: number): string {
    const nbf = Math.floor(this.#now() / 1000);
    const full: TempauthClaims = { ...claims, nbf, exp: nbf + Math.ceil(ttlMs / 1000) };
    const payload = Buffer.from(JSON.stringify(full)).toString('base64url');
    return `${header}.${payload}.${this.#signature(payload)}`;
  }

  /** Throws DriveError when it was not signed here, was signed for something else, or is too old. */
  check(token: string, use: TempauthClaims['use']): TempauthClaims {
    const [head, payload, signature, more] = token.split('.');
    const expected = Buffer.from(this.#signature(payload ?? ''));
    const given = Buffer.from(signature ?? '');
    const signed =
      head === header &&
      more === undefined &&
      given.length === expected.length &&
      timingSafeEqual(given, expected);
    if (!signed) throw new DriveError('unauthenticated', 'The tempauth token is not valid.');
    const claims = JSON.parse(Buffer.from(payload!, 'base64url').toString()) as TempauthClaims;
    if (claims.use !== use)
      throw new DriveError('unauthenticated', 'The tempauth token is not valid for this.');
    if (claims.exp * 1000 <= this.#now())
      throw new DriveError(
        'expiredToken',
        `The access token has expired. It's valid from '${time(claims.nbf)}' to '${time(claims.exp)}'.`,
      );
    return claims;
  }

  #signature(payload: string): string {
    return createHmac('sha256', this.#key).update(payload).digest('base64url');
  }
}

function time(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
