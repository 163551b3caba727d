// POST /{tenant}/oauth2/v2.0/token: the four grants that programs without a browser of their own use.
import type { Exchange, Reply } from '../http/exchange.ts';
import {
  authenticateClient,
  authenticateConfidentialClient,
  type AuthenticationContext,
  type Client,
} from './client-authentication.ts';
import type { EntraContext } from './context.ts';
import type { AppRegistration, EntraUser, TenantMatch } from './directory.ts';
import { readForm } from './form.ts';
import { assertedUser } from './on-behalf-of.ts';
import { json, missing, Refusal } from './refusal.ts';
import { parseDefaultScope, parseScope, type RequestedAccess } from './requested-access.ts';
import {
  applicationToken,
  grantedNames,
  identityToken,
  openRefreshToken,
  sealRefreshToken,
  userToken,
} from './tokens.ts';

interface TokenRequest {
  form: URLSearchParams;
  exchange: Exchange;
  tenant: TenantMatch;
  context: EntraContext;
  authentication: AuthenticationContext;
}

type Grant = (request: TokenRequest) => Promise<Reply>;

const grants: Record<string, Grant> = {
  client_credentials: clientCredentials,
  // What the MSAL libraries send, and what the standard says.
  device_code: deviceCode,
  'urn:ietf:params:oauth:grant-type:device_code': deviceCode,
  refresh_token: refreshToken,
  'urn:ietf:params:oauth:grant-type:jwt-bearer': onBehalfOf,
};

/** Throws a Refusal. */
export async function answerTokenRequest(
  exchange: Exchange,
  tenant: TenantMatch,
  context: EntraContext,
): Promise<Reply> {
  const form = await readForm(exchange);
  const grantType = form.get('grant_type');
  if (!grantType) throw missing('grant_type');
  const grant = Object.hasOwn(grants, grantType) ? grants[grantType] : undefined;
  if (grant === undefined) throw unsupportedGrant(grantType);
  const authentication = {
    directory: context.directory,
    isAssertionAudience: (audience: string) => isOwnAddress(audience, exchange, context),
    nowMs: context.now(),
  };
  return grant({ form, exchange, tenant, context, authentication });
}

async function clientCredentials(request: TokenRequest): Promise<Reply> {
  const { form, context } = request;
  const client = await authenticateConfidentialClient(form, request.authentication);
  if (request.tenant === 'any')
    throw new Refusal(
      'invalid_request',
      50059,
      'No tenant-identifying information found in either the request or implied by any provided credentials.',
    );
  const access = parseDefaultScope(form.get('scope'), context.directory);
  refuseNameOfItself(access, client.app);
  return json(200, {
    token_type: 'Bearer',
    expires_in: context.tokenLifeSeconds,
    ext_expires_in: context.tokenLifeSeconds,
    access_token: await applicationToken(client, access, issuerOf(request), context),
  });
}

async function deviceCode(request: TokenRequest): Promise<Reply> {
  const { form, context } = request;
  const client = await authenticateClient(form, request.authentication);
  const given = form.get('device_code') ?? form.get('code');
  if (!given) throw missing('device_code');
  const { user, code } = context.deviceCodes.redeem(given, client.app, context.now());
  return userReply(request, client, user, code.access);
}

async function refreshToken(request: TokenRequest): Promise<Reply> {
  const { form, context, authentication } = request;
  const given = form.get('refresh_token');
  if (!given) throw missing('refresh_token');
  const grant = await openRefreshToken(given, context);
  const client = grant.confidential
    ? await authenticateConfidentialClient(form, authentication)
    : await authenticateClient(form, authentication);
  const user = context.directory.findUser(grant.userId);
  if (grant.clientId !== client.app.clientId || user === undefined)
    throw new Refusal('invalid_grant', 70000, 'Provided grant is invalid or malformed.');
  return userReply(request, client, user, parseScope(form.get('scope'), context.directory));
}

async function onBehalfOf(request: TokenRequest): Promise<Reply> {
  const { form, context } = request;
  const client = await authenticateConfidentialClient(form, request.authentication);
  const assertion = form.get('assertion');
  if (!assertion) throw missing('assertion');
  if (form.get('requested_token_use') !== 'on_behalf_of') throw missing('requested_token_use');
  const user = await assertedUser(assertion, client.app, context);
  return userReply(request, client, user, parseScope(form.get('scope'), context.directory));
}

async function userReply(
  request: TokenRequest,
  client: Client,
  user: EntraUser,
  access: RequestedAccess,
): Promise<Reply> {
  const { context, form } = request;
  const { tenantId } = context.directory;
  const issuer = issuerOf(request);
  refuseNameOfItself(access, client.app);
  const granted = grantedNames(access, client.app);
  // Caches look tokens up by what was asked for, so that comes back beside what was given.
  const names = [...new Set([...granted, ...access.names])].map((name) => access.prefix + name);
  const shown = access.openId.filter((name) => name !== 'offline_access');
  const reply: Record<string, unknown> = {
    token_type: 'Bearer',
    scope: [...names, ...shown].join(' '),
    expires_in: context.tokenLifeSeconds,
    ext_expires_in: context.tokenLifeSeconds,
    access_token: await userToken(client, user, access, issuer, context),
  };
  if (access.openId.includes('offline_access')) {
    const confidential = client.proof !== 'none';
    const grant = { userId: user.id, clientId: client.app.clientId, confidential };
    reply['refresh_token'] = await sealRefreshToken(grant, context);
  }
  if (access.openId.includes('openid'))
    reply['id_token'] = await identityToken(client, user, issuer, context);
  if (form.get('client_info') === '1') {
    const information = JSON.stringify({ uid: user.id, utid: tenantId });
    reply['client_info'] = Buffer.from(information).toString('base64url');
  }
  return json(200, reply);
}

/** An application that asks for a token to itself has to call itself by its id. */
function refuseNameOfItself(access: RequestedAccess, app: AppRegistration): void {
  if (access.audience.toLowerCase() !== `api://${app.clientId.toLowerCase()}`) return;
  const sentence =
    `Application '${app.clientId}'(${app.name}) is requesting a token for itself. This scenario is supported only if ` +
    'resource is specified using the GUID based App Identifier.';
  throw new Refusal('invalid_request', 90009, sentence);
}

/** As the discovery document at the host that was called says it. */
function issuerOf({ context, exchange }: TokenRequest): string {
  return `${context.origin(exchange)}/${context.directory.tenantId}/v2.0`;
}

/** Assertions are made out to a token endpoint or an issuer of the tenant, at the host that was called or at Microsoft's. */
function isOwnAddress(audience: string, exchange: Exchange, context: EntraContext): boolean {
  const url = URL.canParse(audience) ? new URL(audience) : undefined;
  const hosts = [
    new URL(context.origin(exchange)).host,
    'login.microsoftonline.com',
    'login.windows.net',
    'sts.windows.net',
  ];
  if (url === undefined || !hosts.includes(url.host)) return false;
  const [tenant, ...rest] = url.pathname.split('/').filter((part) => part !== '');
  if (tenant === undefined || context.directory.findTenant(tenant) === undefined) return false;
  return ['oauth2/v2.0/token', 'v2.0', ''].includes(rest.join('/').toLowerCase());
}

function unsupportedGrant(grantType: string): Refusal {
  const notHere = ['authorization_code', 'password'].includes(grantType)
    ? ' Entra ID knows it; this emulator does not serve it.'
    : '';
  const sentence = `The app requested an unsupported grant type '${grantType}'.${notHere}`;
  return new Refusal('unsupported_grant_type', 70003, sentence);
}
