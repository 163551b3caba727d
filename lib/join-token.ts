// A join token as a person copies it: it says whom the agent may trust, and proves that the agent may join.
import { DroverError } from './error.ts';
import { ErrorReason } from '../gen/drover/v1/error_pb.ts';

export interface JoinToken {
  /** Lower-case hexadecimal SHA-256 of the certificate authority's certificate in DER. */
  authorityFingerprint: string;
  /** 32 random bytes in base64url. */
  secret: string;
}

const pattern = /^drover-join-([0-9a-f]{64})-([A-Za-z0-9_-]{43})$/;

export function formatJoinToken(token: JoinToken): string {
  return `drover-join-${token.authorityFingerprint}-${token.secret}`;
}

/** Throws JOIN_TOKEN_INVALID; the message never holds the token. */
export function parseJoinToken(text: string): JoinToken {
  const [, authorityFingerprint, secret] = pattern.exec(text.trim()) ?? [];
  if (authorityFingerprint !== undefined && secret !== undefined)
    return { authorityFingerprint, secret };
  throw new DroverError(
    ErrorReason.JOIN_TOKEN_INVALID,
    'the join token is not whole: it begins with "drover-join-" and has 119 characters',
  );
}
