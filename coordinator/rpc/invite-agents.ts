// AgentService.InviteAgents: what somebody pastes on a machine that is to become an agent.
import { durationMs, timestampFromMs, type Duration } from '@bufbuild/protobuf/wkt';
import type { InviteAgentsRequest } from '../../gen/drover/v1/agent_pb.ts';
import { isAgentGroup } from '../../lib/agent-group.ts';
import { DroverError } from '../../lib/error.ts';
import { formatInvitation, invitationVariable } from '../../lib/invitation.ts';
import { clientAddress, type HostPort } from '../../lib/option-values.ts';
import type { ServiceParts } from './service-parts.ts';

const hourMs = 60 * 60 * 1000;
const ttlDefaultMs = 24 * hourMs;
const ttlMaxMs = 30 * 24 * hourMs;
const usesMax = 1000;
const coordinatorsMax = 16;

/** Throws INVALID_ARGUMENT that names the field. */
export async function inviteAgents(
  { trust, addresses }: Pick<ServiceParts, 'trust' | 'addresses'>,
  request: InviteAgentsRequest,
) {
  const group = request.group === '' ? undefined : request.group;
  if (group !== undefined && !isAgentGroup(group))
    throw DroverError.invalid('group', 'must be 1 to 63 letters, digits, "-", "_" and "."');
  const coordinators = request.coordinators.length === 0 ? addresses() : readAddresses(request.coordinators); // oxfmt-ignore
  const uses = readUses(request.uses, 'uses');
  const ttlMs = readTokenLife(request.expires, 'expires');
  const { token: joinToken, expireTimeMs } = await trust.createJoinToken({ ttlMs, maxUses: uses });
  const invitation = formatInvitation({ coordinators, joinToken, group });
  return {
    // Neither holds a character that would end the quotes.
    command: `${invitationVariable}='${invitation}' drover-agent setup`,
    powershellCommand: `$env:${invitationVariable}='${invitation}'; drover-agent setup`,
    invitation,
    expireTime: timestampFromMs(expireTimeMs),
    uses,
  };
}

/** How long a join token is good for; 24 hours when that is not said, at most 30 days. */
export function readTokenLife(life: Duration | undefined, field: string): number {
  if (life === undefined) return ttlDefaultMs;
  const lifeMs = durationMs(life);
  if (lifeMs > 0 && lifeMs <= ttlMaxMs) return lifeMs;
  throw DroverError.invalid(field, 'must be longer than 0 and at most 30 days');
}

/** How many agents can join with a token; 1 when that is not said. */
export function readUses(uses: number, field: string): number {
  if (uses === 0) return 1;
  if (uses >= 1 && uses <= usesMax) return uses;
  throw DroverError.invalid(field, `must be from 1 to ${usesMax}`);
}

function readAddresses(texts: readonly string[]): HostPort[] {
  if (texts.length > coordinatorsMax)
    throw DroverError.invalid('coordinators', `has more than ${coordinatorsMax} addresses`);
  return texts.map(readAddress);
}

/** What stands in a line that is pasted into a shell holds nothing but names, digits and brackets. */
function readAddress(text: string): HostPort {
  try {
    const address = clientAddress(text);
    if (/^[A-Za-z0-9._:%-]+$/.test(address.host)) return address;
  } catch {
    // Said below, in the words of the field.
  }
  throw DroverError.invalid('coordinators', `"${text}" is not host:port, such as files.example:7443`); // oxfmt-ignore
}
