// Access tokens: rights of other systems to call the API. Of a token only the hash of its secret is kept, so that who reads the database
// cannot call.
import { create } from '@bufbuild/protobuf';
import { timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import { randomBytes, randomInt } from 'node:crypto';
import { AccessTokenRowSchema, type AccessTokenRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { AccessTokenSchema, type AccessToken } from '../../gen/drover/v1/access_token_pb.ts';
import type { Role } from '../../gen/drover/v1/annotations_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { Logger } from '../../lib/log.ts';
import type { Clock } from '../../lib/time.ts';
import { accessTokenMemoryMs, type Store } from '../store/store.ts';
import { accessTokenName, parseAccessTokenName } from '../task/names.ts';
import type { Caller } from './caller.ts';
import { hashSecret, isSameHash } from './secret-hash.ts';

/** What every access token begins with. */
export const accessTokenPrefix = 'drover-token-';
const tokenPattern = /^drover-token-([a-z0-9]{12})-([A-Za-z0-9_-]{43})$/;
const idLetters = 'abcdefghijklmnopqrstuvwxyz0123456789';
const idLength = 12;
/** How many there may be at once, those that ended a short time ago among them. */
const tokensMax = 1000;
const minuteMs = 60_000;

export interface NewAccessToken {
  displayName: string;
  role: Role;
  lifeMs: number;
  /** As in the audit log. */
  creator: string;
}

export interface AccessTokensParts {
  /** Where tokens are made and revoked. */
  store: Store;
  /** The same store, for what is not worth an entry of the audit log: when a token was last used. */
  quietStore: Store;
  clock: Clock;
  log: Logger;
}

export class AccessTokens {
  readonly #store: Store;
  readonly #quietStore: Store;
  readonly #clock: Clock;
  readonly #log: Logger;
  /** The ids of tokens whose last use is being written. */
  readonly #noting = new Set<string>();

  constructor({ store, quietStore, clock, log }: AccessTokensParts) {
    this.#store = store;
    this.#quietStore = quietStore;
    this.#clock = clock;
    this.#log = log;
  }

  /** Makes one; answers with the token, which is not kept. Throws LIMIT_EXCEEDED when there are too many. */
  async create(given: NewAccessToken): Promise<{ token: string; accessToken: AccessToken }> {
    const secret = randomBytes(32).toString('base64url');
    const id = Array.from({ length: idLength }, () => idLetters[randomInt(idLetters.length)]).join(
      '',
    );
    return this.#store.commit(async (transaction) => {
      if ((await transaction.accessTokens('', tokensMax)).length >= tokensMax)
        throw new DroverError(
          ErrorReason.LIMIT_EXCEEDED,
          `there are ${tokensMax} access tokens already; those that end or are revoked make room after ${accessTokenMemoryMs / 86_400_000} days`,
        );
      const nowMs = this.#clock.now();
      const accessToken = create(AccessTokenSchema, {
        name: accessTokenName(id),
        displayName: given.displayName,
        role: given.role,
        createTime: timestampFromMs(nowMs),
        expireTime: timestampFromMs(nowMs + given.lifeMs),
        creator: given.creator,
      });
      const secretHash = hashSecret(secret);
      transaction.putAccessToken(id, create(AccessTokenRowSchema, { accessToken, secretHash }));
      return { token: `${accessTokenPrefix}${id}-${secret}`, accessToken };
    });
  }

  /** Those that were not revoked, in the order of their names. */
  async list(after: string, limit: number): Promise<AccessToken[]> {
    const found: AccessToken[] = [];
    for (let last = after; found.length < limit;) {
      const rows = await this.#store.accessTokens(last, limit);
      for (const { accessToken, revokeTime } of rows)
        if (revokeTime === undefined) found.push(accessToken!);
      if (rows.length < limit) break;
      last = idOf(rows.at(-1)!);
    }
    return found.slice(0, limit);
  }

  /** Does nothing when it is revoked already. Throws NOT_FOUND. */
  async revoke(id: string): Promise<void> {
    await this.#store.commit(async (transaction) => {
      const row = await transaction.accessToken(id);
      if (row === undefined)
        throw new DroverError(ErrorReason.NOT_FOUND, `there is no access token ${id}`, {
          metadata: { name: accessTokenName(id) },
        });
      if (row.revokeTime !== undefined) return;
      const revokeTime = timestampFromMs(this.#clock.now());
      transaction.putAccessToken(id, create(AccessTokenRowSchema, { ...row, revokeTime }));
    });
  }

  /** Whose token it is. Throws UNAUTHENTICATED; no message holds the token. */
  async identify(token: string): Promise<Caller> {
    const [, id, secret] = tokenPattern.exec(token) ?? [];
    const row = id === undefined ? undefined : await this.#store.accessToken(id);
    if (row === undefined || !isSameHash(hashSecret(secret!), row.secretHash))
      throw refuse('this coordinator does not know the access token');
    const { name, displayName, role, expireTime } = row.accessToken!;
    const called = `the access token ${displayName} (${name})`;
    if (row.revokeTime !== undefined) throw refuse(`${called} was revoked`, name);
    const nowMs = this.#clock.now();
    const expiresMs = timestampMs(expireTime!);
    if (expiresMs <= nowMs)
      throw refuse(
        `${called} has expired; create another one with drover access-tokens create`,
        name,
      );
    this.#noteUse(id!, row, nowMs);
    return { name, role, kind: 'access-token', expiresMs };
  }

  /** To the minute, so that there is at most one write a minute; nobody waits for it. */
  #noteUse(id: string, { accessToken }: AccessTokenRow, nowMs: number): void {
    const minute = nowMs - (nowMs % minuteMs);
    const last = accessToken!.lastUseTime;
    if (this.#noting.has(id) || (last !== undefined && timestampMs(last) >= minute)) return;
    this.#noting.add(id);
    this.#writeUse(id, minute)
      .catch(
        (error: unknown) =>
        this.#log.warn({ err: error, token: accessTokenName(id) }, 'cannot note when an access token was used'), // oxfmt-ignore
      )
      .finally(() => this.#noting.delete(id));
  }

  async #writeUse(id: string, minute: number): Promise<void> {
    await this.#quietStore.commit(async (transaction) => {
      const row = await transaction.accessToken(id);
      if (row === undefined) return;
      const accessToken = { ...row.accessToken!, lastUseTime: timestampFromMs(minute) };
      transaction.putAccessToken(id, create(AccessTokenRowSchema, { ...row, accessToken }));
    });
  }
}

function idOf({ accessToken }: AccessTokenRow): string {
  return parseAccessTokenName(accessToken!.name, 'name');
}

function refuse(message: string, name?: string): DroverError {
  const metadata = name === undefined ? {} : { name };
  return new DroverError(ErrorReason.UNAUTHENTICATED, message, { metadata });
}
