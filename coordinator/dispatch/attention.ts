// What is wrong with an agent, by its own words, and what it can do all the same. PURE.
import { create, equals } from '@bufbuild/protobuf';
import { ErrorReason, ErrorReasonSchema } from '../../gen/drover/v1/error_pb.ts';
import { AttentionSchema, type Attention } from '../../gen/drover/v1/session_pb.ts';
import { parseLocation, type Location } from '../../lib/location.ts';
import { canServe, outOfReach, type Ability, type Need } from './reach.ts';

/** The most characters of an agent's words that are kept and shown. */
const messageCharactersMax = 1000;
/** The most places that an agent may name; of one that names more, nothing of the kind is asked. */
const sourcesMax = 1000;

/** What an agent says is wrong with it, as it is shown: one newer than this coordinator may give a reason that is not known here. */
export function attentionOf(said: Attention | undefined): Attention | undefined {
  if (said === undefined) return undefined;
  const { reason, message, locationKinds, sources } = said;
  const isKnown = reason !== ErrorReason.UNSPECIFIED && ErrorReasonSchema.value[reason] !== undefined; // oxfmt-ignore
  return create(AttentionSchema, {
    reason: isKnown ? reason : ErrorReason.UNAVAILABLE,
    message: message.slice(0, messageCharactersMax),
    locationKinds,
    // Without them it is asked less than it could do, and nothing that it cannot.
    sources: sources.length <= sourcesMax && sources.every(isPlace) ? sources : [],
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
  const refused = placesOf(attention);
  const isWell = (kind: string) => !attention.locationKinds.includes(kind) || refused.some((place) => place.kind === kind); // oxfmt-ignore
  return { ...offered, locationKinds: offered.locationKinds.filter(isWell), refused };
}

/** Whether what is wrong with an agent keeps it from working for a run. */
export function hinders(attention: Attention | undefined, need: Need): boolean {
  const { group, locationKinds } = need;
  return !canServe(abilityWith({ group, locationKinds, roots: [] }, attention), need);
}

/** Which end of a run lies in what is named; undefined when none does. */
export function refusedEnd(attention: Attention, need: Need): 'source' | 'destination' | undefined {
  return outOfReach(placesOf(attention), need);
}

function placesOf({ sources }: Attention): Location[] {
  return sources.map((source) => parseLocation(source, 'attention.sources'));
}

function isPlace(source: string): boolean {
  try {
    return parseLocation(source, 'attention.sources').kind !== 'sharepoint';
  } catch {
    return false;
  }
}
