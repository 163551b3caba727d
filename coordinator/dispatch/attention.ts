// What is wrong with an agent, by its own words, and what it can do all the same. PURE.
import { create, equals } from '@bufbuild/protobuf';
import { ErrorReason, ErrorReasonSchema } from '../../gen/drover/v1/error_pb.ts';
import { AttentionSchema, type Attention } from '../../gen/drover/v1/session_pb.ts';
import type { Ability, Need } from './reach.ts';

/** The most characters of an agent's words that are kept and shown. */
const messageCharactersMax = 1000;

/** What an agent says is wrong with it, as it is shown: one newer than this coordinator may give a reason that is not known here. */
export function attentionOf(said: Attention | undefined): Attention | undefined {
  if (said === undefined) return undefined;
  const { reason, message, locationKinds } = said;
  const isKnown = reason !== ErrorReason.UNSPECIFIED && ErrorReasonSchema.value[reason] !== undefined; // prettier-ignore
  return create(AttentionSchema, {
    reason: isKnown ? reason : ErrorReason.UNAVAILABLE,
    message: message.slice(0, messageCharactersMax),
    locationKinds,
  });
}

/** Whether an agent says the same as before. */
export function isSameAttention(one: Attention | undefined, other: Attention | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return equals(AttentionSchema, one, other);
}

/** What an agent can do of what it offers, as long as this is wrong with it. */
export function abilityWith(offered: Ability, attention: Attention | undefined): Ability {
  if (attention === undefined) return offered;
  const isWell = (kind: string) => !attention.locationKinds.includes(kind);
  return { ...offered, locationKinds: offered.locationKinds.filter(isWell) };
}

/** Whether what is wrong with an agent keeps it from working for a run. */
export function hinders(attention: Attention | undefined, { locationKinds }: Need): boolean {
  return attention?.locationKinds.some((kind) => locationKinds.includes(kind)) === true;
}
