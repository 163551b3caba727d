// Which coordinator the agent works for, and what proves that it may. Nothing is sent to a coordinator here but what it may be asked by
// anybody; the agent joins at the end of the set-up.
import { parseInvitation } from '../../lib/invitation.ts';
import { parseJoinToken } from '../../lib/join-token.ts';
import type { HostPort } from '../../lib/option-values.ts';
import { fingerprintOf, probeCertificate, probeIdentity } from '../doctor/coordinator-probes.ts'; // oxfmt-ignore
import { ok } from '../doctor/outcome.ts';
import { wayTo } from '../link/coordinator-way.ts';
import type { Identity } from '../link/identity.ts';
import { coordinatorList } from '../option-parsers.ts';
import type { Taken } from './asker.ts';
import { coordinatorText } from './given.ts';
import type { SetUpContext } from './context.ts';
import { probeList } from './try-coordinator.ts';
import { vouch, type CoordinatorAnswer } from './vouch.ts';

/** Throws as the asker does. */
export async function askCoordinator(context: SetUpContext): Promise<CoordinatorAnswer> {
  const { given, identity, before, joinAgain } = context;
  const isInvited = given.invitation !== undefined || given.joinToken !== undefined;
  if (identity !== undefined && before !== undefined && !joinAgain && !isInvited)
    return await keepOrChange(context, identity, before.coordinators);
  return await askInvitation(context);
}

/** The agent has joined: it stays where it is, unless somebody says otherwise. */
async function keepOrChange(
  context: SetUpContext,
  identity: Identity,
  before: readonly HostPort[],
): Promise<CoordinatorAnswer> {
  const { asker, given } = context;
  const known = coordinatorText(before)!;
  asker.say(`This agent has joined ${known} as ${identity.agent}.`);
  const coordinators = await asker.ask<HostPort[] | undefined>({
    from: '--coordinator',
    message: 'Coordinator, host:port; "other" for another one, with an invitation',
    given: coordinatorText(given.coordinators),
    usual: known,
    take: async (answer) => {
      if (answer === 'other' && asker.isInteractive) return { value: undefined };
      const list = coordinatorList(answer, undefined);
      const { outcomes, isGood } = await probeList(
        list,
        fingerprintOf(identity.authority),
        context,
      );
      // What was there before stays, also when the coordinator is not up at the moment.
      if (isGood || answer === known) return { value: list, outcomes };
      return { refused: outcomes[0]! };
    },
  });
  if (coordinators === undefined) return await askInvitation(context);
  const isGood = probeCertificate(identity, context.clock);
  if (isGood.state !== 'failed') return { coordinators, proof: undefined, group: undefined };
  asker.tell(isGood);
  return await askInvitation(context);
}

/** Throws as the asker does. */
async function askInvitation(context: SetUpContext): Promise<CoordinatorAnswer> {
  const { asker, given } = context;
  const alone = given.invitation === undefined && given.coordinators !== undefined;
  if (alone && given.joinToken !== undefined)
    return await takeToken(context, given.coordinators!, given.joinToken);
  if (alone) return await vouch(context);
  const answer = await asker.ask<CoordinatorAnswer | undefined>({
    from: 'DROVER_INVITATION or --invitation-file',
    message: 'Invitation, which `drover agents invite` shows (Enter: none)',
    isSecret: true,
    given: given.invitation,
    take: async (text) => {
      if (text.trim() === '' && asker.isInteractive) return { value: undefined };
      // The line to run is what people copy.
      const [whole = text] = /drover:\/\/[^\s'"]+/.exec(text) ?? [];
      const { coordinators, joinToken, group } = parseInvitation(whole);
      return await tryToken(context, given.coordinators ?? coordinators, joinToken, group);
    },
  });
  return answer ?? (await vouch(context));
}

async function takeToken(
  context: SetUpContext,
  coordinators: HostPort[],
  joinToken: string,
): Promise<CoordinatorAnswer> {
  return await context.asker.ask<CoordinatorAnswer>({
    from: 'DROVER_JOIN_TOKEN or --join-token-file',
    message: 'Join token',
    isSecret: true,
    given: joinToken,
    take: async (text) => await tryToken(context, coordinators, text, undefined),
  });
}

async function tryToken(
  context: SetUpContext,
  coordinators: HostPort[],
  joinToken: string,
  group: string | undefined,
): Promise<Taken<CoordinatorAnswer>> {
  const { authorityFingerprint } = parseJoinToken(joinToken);
  const { outcomes, isGood } = await probeList(coordinators, authorityFingerprint, context);
  if (!isGood) return { refused: outcomes[0]! };
  const known = await isJoined(context, authorityFingerprint, coordinators);
  if (known === undefined)
    return { value: { coordinators, proof: { joinToken }, group }, outcomes };
  const kept = ok(`this agent has joined that coordinator already, as ${known}; it does not join again (--join does)`); // oxfmt-ignore
  return { value: { coordinators, proof: undefined, group }, outcomes: [...outcomes, kept] };
}

/** The agent's name when the coordinator with this authority accepts it as it is. */
async function isJoined(
  { identity, joinAgain, clock, environment }: SetUpContext,
  fingerprint: string,
  coordinators: readonly HostPort[],
): Promise<string | undefined> {
  if (identity === undefined || joinAgain || fingerprintOf(identity.authority) !== fingerprint)
    return undefined;
  if (probeCertificate(identity, clock).state === 'failed') return undefined;
  for (const address of coordinators) {
    const { answer } = await probeIdentity(identity, wayTo(address, environment));
    if (answer !== undefined) return answer.agent;
  }
  return undefined;
}
