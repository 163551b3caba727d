// The tokens: access tokens in the form that Graph and SharePoint take (version 1, whatever endpoint they come from) or that an
// application asks for in its manifest, identity tokens (version 2), and refresh tokens, which are sealed so that nothing has to be
// remembered about them.
import { createHash, randomBytes } from 'node:crypto';
import { EncryptJWT, errors, jwtDecrypt } from 'jose';
import type { Client, ClientProof } from './client-authentication.ts';
import type { EntraContext } from './context.ts';
import { rolesAt, type AppRegistration, type EntraUser } from './directory.ts';
import { Refusal } from './refusal.ts';
import { defaultName, type RequestedAccess } from './requested-access.ts';

const refreshLife = '90 days';
const proofClaims: Record<ClientProof, string> = { none: '0', secret: '1', certificate: '2' };

/** The token of an application that calls as itself. */
export function applicationToken(
  client: Client,
  access: RequestedAccess,
  issuer: string,
  context: EntraContext,
): Promise<string> {
  const { app } = client;
  const id = servicePrincipalId(app, context);
  const resource = resourceOf(access, context);
  const roles = access.kind === 'application' ? rolesAt(resource, app.clientId) : app.permissions.application; // oxfmt-ignore
  const isNewer = resource?.accessTokenVersion === 2;
  return context.keys.sign({
    ...(isNewer ? newerClaims(client, resource, issuer, context) : commonClaims(client, access.audience, context)), // oxfmt-ignore
    // Tokens of version 2 say it only to those who ask for it in their manifest.
    ...(isNewer ? {} : { idtyp: 'app' }),
    oid: id,
    sub: id,
    // Entra leaves the claim out when there is nothing to say.
    ...(roles.length === 0 ? {} : { roles }),
  });
}

/** The token of an application that calls for somebody who signed in. */
export function userToken(
  client: Client,
  user: EntraUser,
  access: RequestedAccess,
  issuer: string,
  context: EntraContext,
): Promise<string> {
  const scopes = grantedNames(access, client.app);
  const resource = resourceOf(access, context);
  const roles = rolesAt(resource, user.id, user.principalName);
  const versioned =
    resource?.accessTokenVersion === 2
      ? {
          ...newerClaims(client, resource, issuer, context),
          preferred_username: user.principalName,
        }
      : {
          ...commonClaims(client, access.audience, context),
          idtyp: 'user',
          upn: user.principalName,
          unique_name: user.principalName,
        };
  return context.keys.sign({
    ...versioned,
    oid: user.id,
    sub: subject(user, client.app),
    name: user.displayName,
    ...(roles.length === 0 ? {} : { roles }),
    scp: (scopes.length === 0 ? access.openId : scopes).join(' '),
  });
}

/** Tells the application who signed in. */
export function identityToken(
  client: Client,
  user: EntraUser,
  issuer: string,
  context: EntraContext,
): Promise<string> {
  const roles = rolesAt(client.app, user.id, user.principalName);
  return context.keys.sign({
    aud: client.app.clientId,
    iss: issuer,
    ...times(context),
    name: user.displayName,
    oid: user.id,
    preferred_username: user.principalName,
    ...(roles.length === 0 ? {} : { roles }),
    sub: subject(user, client.app),
    tid: context.directory.tenantId,
    uti: randomBytes(16).toString('base64url'),
    ver: '2.0',
  });
}

/**
 * The permissions that are given, without their resource: all that were consented to when `.default` is asked for. Throws a
 * Refusal when something is asked for that nobody consented to.
 */
export function grantedNames(access: RequestedAccess, app: AppRegistration): string[] {
  const asked = access.names.filter((name) => name !== defaultName);
  const wantsDefault = asked.length < access.names.length;
  // Who writes an interface of their own names its permissions; the emulator has no list of those.
  if (access.kind === 'application') return asked.length === 0 ? ['user_impersonation'] : asked;
  const consented = new Map(app.permissions.delegated.map((name) => [name.toLowerCase(), name]));
  if (asked.some((name) => !consented.has(name.toLowerCase()))) throw notConsented(app);
  if (wantsDefault && consented.size === 0) throw notConsented(app);
  if (wantsDefault) return [...consented.values()];
  return asked.map((name) => consented.get(name.toLowerCase())!);
}

/** What a refresh token stands for. */
export interface RefreshGrant {
  userId: string;
  clientId: string;
  /** The application proved itself when it got the token, so it has to do so again. */
  confidential: boolean;
}

export function sealRefreshToken(grant: RefreshGrant, context: EntraContext): Promise<string> {
  const now = new Date(context.now());
  return new EncryptJWT({ ...grant, uti: randomBytes(16).toString('base64url') })
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
    .setIssuedAt(now)
    .setExpirationTime(new Date(now.getTime() + refreshLifeMs))
    .encrypt(context.keys.sealingKey);
}

const refreshLifeMs = 90 * 24 * 60 * 60 * 1000;

/** Throws a Refusal when the token is not one of ours or its time is over. */
export async function openRefreshToken(
  token: string,
  context: EntraContext,
): Promise<RefreshGrant> {
  try {
    const currentDate = new Date(context.now());
    const { payload } = await jwtDecrypt(token, context.keys.sealingKey, { currentDate });
    return payload as unknown as RefreshGrant;
  } catch (error) {
    if (error instanceof errors.JWTExpired)
      throw new Refusal(
        'invalid_grant',
        700082,
        `The refresh token has expired due to inactivity. The token was inactive for ${refreshLife}.`,
      );
    throw new Refusal(
      'invalid_grant',
      9002313,
      'Invalid request. Request is malformed or invalid.',
    );
  }
}

function commonClaims(client: Client, audience: string, context: EntraContext) {
  const { tenantId } = context.directory;
  return {
    aud: audience,
    iss: `https://sts.windows.net/${tenantId}/`,
    ...times(context),
    app_displayname: client.app.name,
    appid: client.app.clientId,
    appidacr: proofClaims[client.proof],
    idp: `https://sts.windows.net/${tenantId}/`,
    tid: tenantId,
    uti: randomBytes(16).toString('base64url'),
    ver: '1.0',
  };
}

/** Those of an access token of version 2. */
function newerClaims(
  client: Client,
  resource: AppRegistration,
  issuer: string,
  context: EntraContext,
) {
  return {
    aud: resource.clientId,
    iss: issuer,
    ...times(context),
    azp: client.app.clientId,
    azpacr: proofClaims[client.proof],
    tid: context.directory.tenantId,
    uti: randomBytes(16).toString('base64url'),
    ver: '2.0',
  };
}

/** The application that a token is for; undefined when it is for one of Microsoft's services. */
function resourceOf(access: RequestedAccess, { directory }: EntraContext) {
  return access.kind === 'application' ? directory.findResourceApp(access.audience) : undefined;
}

function times(context: EntraContext) {
  const second = Math.floor(context.now() / 1000);
  return { iat: second, nbf: second, exp: second + context.tokenLifeSeconds };
}

/** An application's own id in the tenant, which is not its client id. */
function servicePrincipalId(app: AppRegistration, context: EntraContext): string {
  const hex = createHash('sha256')
    .update(`${context.directory.tenantId}/${app.clientId}`)
    .digest('hex');
  const [, a, b, c, d, e] = /^(.{8})(.{4})(.{4})(.{4})(.{12})/.exec(hex)!;
  return `${a}-${b}-${c}-${d}-${e}`;
}

/** The same person has another one in each application. */
function subject(user: EntraUser, app: AppRegistration): string {
  return createHash('sha256').update(`${user.id}/${app.clientId}`).digest('base64url');
}

function notConsented(app: AppRegistration): Refusal {
  const sentence =
    `The user or administrator has not consented to use the application with ID '${app.clientId}' named '${app.name}'. ` +
    'Send an interactive authorization request for this user and resource.';
  return new Refusal('invalid_grant', 65001, sentence, { suberror: 'consent_required' });
}
