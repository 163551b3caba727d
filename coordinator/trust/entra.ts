// Sign-in with Entra ID: access tokens of the tenant, made out to the coordinator, with the role in Drover that an administrator of the
// tenant assigned. Nothing in a token counts before its signature is checked against the tenant's keys.
import { createHash } from 'node:crypto';
import { errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import { Role } from '../../gen/drover/v1/annotations_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { Clock } from '../../lib/time.ts';
import type { Caller } from './caller.ts';
import { createDocuments } from './entra-documents.ts';
import type { CompiledEntraOptions } from './entra-options.ts';

/** How far the clocks of coordinator and tenant may be apart. */
const leewayMs = 60_000;
/** Tokens have one to four kilobytes. */
const tokenLengthMax = 16 * 1024;
/** Tokens that were checked are known until they end; no more than so many. */
const knownMax = 10_000;
const nameLengthMax = 256;

/** The app roles, and the roles in Drover that they are. */
const appRoles = new Map([
  ['Drover.Viewer', Role.VIEWER],
  ['Drover.Operator', Role.OPERATOR],
  ['Drover.Admin', Role.ADMIN],
]);

/** What a client needs to sign a person in. */
export interface SignIn {
  tenant: string;
  clientId: string;
  authority: string;
  scope: string;
}

export interface EntraParts {
  clock: Clock;
  /** @default that of the tenant's documents */
  cooldownMs?: number;
}

export class Entra {
  readonly signIn: SignIn;
  readonly #audiences: string[];
  readonly #clock: Clock;
  readonly #documents: ReturnType<typeof createDocuments>;
  readonly #known = new Map<string, Caller & { expiresMs: number }>();

  constructor(options: CompiledEntraOptions, parts: EntraParts) {
    const { tenant, clientId, authorityUrl: authority } = options;
    // An application that asks for a token to itself has to name itself by its id; by api:// it is refused (AADSTS90009).
    this.signIn = { tenant, clientId, authority, scope: `${clientId}/.default` };
    this.#audiences = [clientId, `api://${clientId}`];
    this.#clock = parts.clock;
    this.#documents = createDocuments({ options, ...parts });
  }

  /**
   * Whose token it is; the role is UNSPECIFIED when none was assigned. Throws UNAUTHENTICATED with what is wrong with the token, or
   * UNAVAILABLE when the tenant's keys cannot be fetched. `beforeCheck` is called for a token that is not known yet; it may throw.
   */
  async verify(token: string, beforeCheck: () => void = () => {}): Promise<Caller> {
    const hash = createHash('sha256').update(token).digest('base64');
    const known = this.#known.get(hash);
    if (known !== undefined && this.#clock.now() < known.expiresMs + leewayMs) return known;
    this.#known.delete(hash);
    beforeCheck();
    if (token.length > tokenLengthMax) throw refuse(`it is longer than ${tokenLengthMax} characters`); // oxfmt-ignore
    const { issuer, tenantId, findKey } = await this.#documents.get();
    const claims = await this.#check(token, issuer, findKey);
    const caller = callerOfClaims(claims, tenantId);
    if (this.#known.size >= knownMax) this.#known.delete(this.#known.keys().next().value!);
    this.#known.set(hash, caller);
    return caller;
  }

  /** Ends its connections. */
  close(): Promise<void> {
    return this.#documents.close();
  }

  async #check(token: string, issuer: string, findKey: JWTVerifyGetKey): Promise<JWTPayload> {
    try {
      const { payload } = await jwtVerify(token, findKey, {
        // Only what Entra ID signs with: neither none, nor a key that is taken for a password.
        algorithms: ['RS256'],
        issuer,
        audience: this.#audiences,
        clockTolerance: leewayMs / 1000,
        requiredClaims: ['exp', 'nbf', 'tid', 'ver', 'oid', 'azp'],
        currentDate: new Date(this.#clock.now()),
      });
      return payload;
    } catch (error) {
      if (error instanceof DroverError) throw error;
      throw refuse(whyRefused(error, issuer));
    }
  }
}

function callerOfClaims(claims: JWTPayload, tenantId: string): Caller & { expiresMs: number } {
  const text = (name: string): string => {
    const value = claims[name];
    return typeof value === 'string' ? value : '';
  };
  if (text('ver') !== '2.0') throw refuse(versionWords(text('ver')));
  if (text('tid').toLowerCase() !== tenantId) throw refuse('it is of another tenant');
  const isPerson = text('scp') !== '';
  // What tells a person's client who has signed in has the same issuer and audience, and is no right to call.
  const isApplication = !isPerson && text('sub') === text('oid');
  if (!isPerson && !isApplication)
    throw refuse('it is not an access token; do not send an ID token');
  return {
    name: isPerson
      ? personName(text('preferred_username'), text('oid'))
      : `applications/${text('azp')}`,
    kind: isPerson ? 'person' : 'application',
    role: highestRole(claims['roles']),
    expiresMs: claims.exp! * 1000,
  };
}

/** What a person signs in with; the id, where that could be taken for the name of something else. */
function personName(signInName: string, id: string): string {
  const isName = /^[^\s/@]+@[^\s/@]+$/u.test(signInName) && !/\p{C}/u.test(signInName);
  return isName && signInName.length <= nameLengthMax ? signInName : `users/${id}`;
}

function highestRole(roles: unknown): Role {
  if (!Array.isArray(roles)) return Role.UNSPECIFIED;
  const held = roles.map((role) => appRoles.get(role as string) ?? Role.UNSPECIFIED);
  return held.reduce((highest, role) => (role > highest ? role : highest), Role.UNSPECIFIED);
}

function whyRefused(error: unknown, issuer: string): string {
  if (error instanceof errors.JWTExpired) return 'its time is over; sign in again';
  if (error instanceof errors.JWTClaimValidationFailed) return whyClaimRefused(error, issuer);
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'its signature is not the tenant\'s'; // oxfmt-ignore
  if (error instanceof errors.JOSEAlgNotAllowed) return 'it is not signed with RS256';
  if (error instanceof errors.JWKSNoMatchingKey) return 'the tenant has no key that it could be signed with'; // oxfmt-ignore
  return 'it cannot be read as a token of Entra ID';
}

function whyClaimRefused(error: errors.JWTClaimValidationFailed, issuer: string): string {
  const { claim, payload, reason } = error;
  // Tokens of version 1 have another issuer and other claims, which says little to who set up the application.
  if (payload['ver'] === '1.0') return versionWords('1.0');
  if (reason === 'missing') return `it has no claim ${claim}`;
  switch (claim) {
    case 'nbf':
      return "its time has not begun; compare the coordinator's clock";
    case 'aud':
      return 'it is made out to another application; sign in with drover login';
    case 'iss':
      return `its issuer is not ${issuer}`;
    default:
      return `its claim ${claim} is of no use`;
  }
}

function versionWords(version: string): string {
  return `it is a token of version ${version}; set requestedAccessTokenVersion to 2 in the manifest of the coordinator's application in Entra ID`;
}

function refuse(why: string): DroverError {
  return new DroverError(ErrorReason.UNAUTHENTICATED, `the sign-in is refused: ${why}`);
}
