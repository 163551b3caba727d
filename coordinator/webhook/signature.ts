// How the requests of a webhook are signed: by the scheme of Standard Webhooks (standardwebhooks.com), so that its libraries verify them.
import { createHmac } from 'node:crypto';

/** Bytes of a secret. */
export const secretBytes = 32;

/** A secret as people and libraries take it. */
export function secretText(secret: Uint8Array): string {
  return `whsec_${Buffer.from(secret).toString('base64')}`;
}

export interface SignedEvent {
  eventId: string;
  body: string;
  /** Milliseconds since 1970 of this try: who takes it can refuse what is old, and so what somebody else repeats. */
  nowMs: number;
}

/** The headers that say what the request is and who it is from; signed with each of the secrets, as whoever takes it may know but one. */
export function signedHeaders(
  secrets: readonly Uint8Array[],
  { eventId, body, nowMs }: SignedEvent,
) {
  const timestamp = String(Math.floor(nowMs / 1000));
  const sign = (secret: Uint8Array) =>
    createHmac('sha256', secret).update(`${eventId}.${timestamp}.${body}`).digest('base64');
  return {
    'webhook-id': eventId,
    'webhook-timestamp': timestamp,
    'webhook-signature': secrets.map((secret) => `v1,${sign(secret)}`).join(' '),
  };
}
