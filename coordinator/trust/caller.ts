// Who calls, whichever way somebody proved it: the one value that roles, limits and the audit log go by.
import { Role, RoleSchema } from '../../gen/drover/v1/annotations_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';

/** What a caller proved itself with, and so what it is. */
export type CallerKind = 'admin-token' | 'access-token' | 'person' | 'application' | 'agent';

export interface Caller {
  /**
   * As in the audit log: admin-token, accessTokens/{id}, the name that a person signs in with, applications/{id} for a program that
   * signed in to the tenant as itself, agents/{id}.
   */
  readonly name: string;
  /** UNSPECIFIED for agents, and for those who signed in and were given no role. */
  readonly role: Role;
  readonly kind: CallerKind;
  /** When the credential ends, in milliseconds since 1970; undefined when it does not. */
  readonly expiresMs: number | undefined;
}

/** A role as people write it, such as viewer. */
export function roleName(role: Role): string {
  return RoleSchema.value[role]?.localName.toLowerCase() ?? String(role);
}

/** Whether a role is another one or includes it. */
export function includesRole(role: Role, needed: Role): boolean {
  return needed !== Role.UNSPECIFIED && role >= needed;
}

/** Throws PERMISSION_DENIED, with the role that the caller has and the one that `what` needs, unless the former includes the latter. */
export function requireRole(caller: Caller, needed: Role, what: string): void {
  const { name, role } = caller;
  if (includesRole(role, needed)) return;
  const metadata = { caller: name, role: roleName(role), needed: roleName(needed) };
  if (role === Role.UNSPECIFIED)
    throw new DroverError(
      ErrorReason.PERMISSION_DENIED,
      `${name} has no role in Drover; assign one of the app roles Drover.Viewer, Drover.Operator and Drover.Admin in Entra ID, then sign in again`,
      { metadata },
    );
  throw new DroverError(
    ErrorReason.PERMISSION_DENIED,
    `${name} has the role ${roleName(role)}; ${what} needs the role ${roleName(needed)}`,
    { metadata },
  );
}
