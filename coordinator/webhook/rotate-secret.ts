// Which secrets sign the requests of a webhook: its own, and for a time those that it replaced, so that whoever verifies them can change over. PURE.
import { create } from '@bufbuild/protobuf';
import { timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import { FormerSecretSchema, WebhookRowSchema, type FormerSecret, type WebhookRow } from '../../gen/drover/store/v1/rows_pb.ts'; // oxfmt-ignore
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';

/** How many replaced secrets sign at once: each makes the header longer, and none should be needed but the last. */
export const formerSecretsMax = 4;

export interface Rotation {
  /** The new secret. */
  sealed: Uint8Array;
  /** How long the present one signs as well; 0: no secret but the new one signs from now on, also none that was replaced before. */
  overlapMs: number;
  nowMs: number;
}

/** The webhook with a new secret. Throws LIMIT_EXCEEDED when too many are replaced and sign still. */
export function rotated(row: WebhookRow, { sealed, overlapMs, nowMs }: Rotation): WebhookRow {
  const present = create(FormerSecretSchema, { sealedSecret: row.sealedSecret, expireTime: timestampFromMs(nowMs + overlapMs) }); // oxfmt-ignore
  const formerSecrets = overlapMs === 0 ? [] : [present, ...signing(row, nowMs)];
  if (formerSecrets.length > formerSecretsMax)
    throw new DroverError(ErrorReason.LIMIT_EXCEEDED, `${formerSecretsMax} secrets of ${row.webhook!.name} that were replaced sign still; rotate it with an overlap of 0 to end them all, or wait`); // oxfmt-ignore
  const { formerSecretExpireTime: _, ...webhook } = row.webhook!;
  return create(WebhookRowSchema, {
    ...row,
    sealedSecret: sealed,
    formerSecrets,
    webhook: {
      ...webhook,
      secretRotateTime: timestampFromMs(nowMs),
      ...(formerSecrets.length > 0 && { formerSecretExpireTime: timestampFromMs(lastMs(formerSecrets)) }), // oxfmt-ignore
    },
  });
}

/** The replaced secrets that sign at this moment, the last one first. */
export function signing({ formerSecrets }: WebhookRow, nowMs: number): FormerSecret[] {
  return formerSecrets.filter(({ expireTime }) => timestampMs(expireTime!) > nowMs);
}

function lastMs(secrets: readonly FormerSecret[]): number {
  return Math.max(...secrets.map(({ expireTime }) => timestampMs(expireTime!)));
}
