// Join tokens in the store. Only the hash of a token's secret is kept, so that who reads the database cannot join.
import { create } from '@bufbuild/protobuf';
import { timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import { randomBytes } from 'node:crypto';
import { JoinTokenRowSchema, type JoinTokenRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { parseJoinToken } from '../../lib/join-token.ts';
import type { Reader, Store, Transaction } from '../store/store.ts';
import { hashSecret, isSameHash } from './secret-hash.ts';

const secretPattern = /^[A-Za-z0-9_-]{43}$/;

/** Stores a new token; answers with its secret. */
export async function createToken(
  store: Store,
  options: { expireTimeMs: number; maxUses: number },
): Promise<string> {
  const secret = randomBytes(32).toString('base64url');
  const secretHash = hashSecret(secret);
  const row = create(JoinTokenRowSchema, {
    secretHash,
    expireTime: timestampFromMs(options.expireTimeMs),
    maxUses: options.maxUses,
  });
  await store.commit((transaction) => transaction.putJoinToken(secretHash.toString('hex'), row));
  return secret;
}

/**
 * The token's row, if it can still be used. Takes the secret alone, or the whole token as a person copies it. Throws
 * JOIN_TOKEN_INVALID, _USED or _EXPIRED; no message holds the token.
 */
export async function readToken(
  reader: Reader,
  token: string,
  nowMs: number,
): Promise<JoinTokenRow> {
  const secret = token.startsWith('drover-join-') ? parseJoinToken(token).secret : token;
  const hash = hashSecret(secret);
  const known = secretPattern.test(secret)
    ? await reader.joinToken(hash.toString('hex'))
    : undefined;
  // It was found by its hash, which tells nothing by how long that took; a row that stands under the hash of another is none.
  if (known === undefined || !isSameHash(known.secretHash, hash))
    throw new DroverError(
      ErrorReason.JOIN_TOKEN_INVALID,
      'this coordinator does not know the join token',
    );
  if (timestampMs(known.expireTime!) <= nowMs)
    throw new DroverError(ErrorReason.JOIN_TOKEN_EXPIRED, "the join token's time is over");
  if (known.uses >= known.maxUses)
    throw new DroverError(
      ErrorReason.JOIN_TOKEN_USED,
      `the join token was used up: it lets ${known.maxUses} join`,
      { metadata: { maxUses: String(known.maxUses) } },
    );
  return known;
}

/** Counts one use of the token in the transaction; throws as `readToken` does. */
export async function useToken(
  transaction: Transaction,
  token: string,
  nowMs: number,
): Promise<void> {
  const row = await readToken(transaction, token, nowMs);
  const key = Buffer.from(row.secretHash).toString('hex');
  transaction.putJoinToken(key, create(JoinTokenRowSchema, { ...row, uses: row.uses + 1 }));
}
