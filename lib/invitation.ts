// An invitation as a person copies it to the machine of an agent-to-be: where the coordinator is, whom to trust there, what proves that
// the agent may join, and the group it is meant for.
//
//   drover://HOST:PORT[,HOST:PORT …]/JOIN-TOKEN[?group=GROUP]
import { isAgentGroup } from './agent-group.ts';
import { DroverError } from './error.ts';
import { parseJoinToken } from './join-token.ts';
import { clientAddress, formatHostPort, type HostPort } from './option-values.ts';

export interface Invitation {
  /** Tried in turn; from 1 to 16. */
  coordinators: HostPort[];
  /** A join token as a person copies it. It is a secret. */
  joinToken: string;
  /** Undefined when the invitation is for no group in particular. */
  group: string | undefined;
}

/** The environment variable that the lines to run hold an invitation in: arguments are seen by everybody on the machine. */
export const invitationVariable = 'DROVER_INVITATION';

const coordinatorsMax = 16;
const pattern = /^drover:\/\/([^/?\s]+)\/([^/?\s]+)(?:\?group=([^&\s]+))?$/;

export function formatInvitation({ coordinators, joinToken, group }: Invitation): string {
  const query = group === undefined ? '' : `?group=${group}`;
  return `drover://${coordinators.map(formatHostPort).join(',')}/${joinToken}${query}`;
}

/** Throws INVALID_ARGUMENT or JOIN_TOKEN_INVALID; the message never holds the token. */
export function parseInvitation(text: string): Invitation {
  const [, addresses, joinToken, group] = pattern.exec(text.trim()) ?? [];
  if (addresses === undefined || joinToken === undefined)
    throw refuse('is not whole: it begins with "drover://"; copy all of what `drover agents invite` shows'); // oxfmt-ignore
  const coordinators = addresses.split(',').map(readAddress);
  if (coordinators.length > coordinatorsMax)
    throw refuse(`names more than ${coordinatorsMax} addresses`);
  if (group !== undefined && !isAgentGroup(group)) throw refuse('names a group that can be none');
  parseJoinToken(joinToken);
  return { coordinators, joinToken, group };
}

function readAddress(text: string): HostPort {
  try {
    return clientAddress(text);
  } catch {
    // The parser is one for options; what is wrong with an invitation is said in other words.
    throw refuse(`holds "${text}", which is no address (host:port)`);
  }
}

function refuse(why: string): DroverError {
  return DroverError.invalid('invitation', why);
}
