// What Graph and SharePoint ask of an access token, in the words in which they refuse it.
import { errors, jwtVerify, type JWTPayload } from 'jose';
import type { CheckToken, Principal, TokenRefusal } from '../http/exchange.ts';
import type { EntraContext } from './context.ts';
import { isAudience, isSharePoint } from './directory.ts';

/** Verified tokens that are remembered, because checking a signature costs more than most of the calls it stands before. */
const rememberedMax = 1000;

export function createCheckToken(context: EntraContext): CheckToken {
  const remembered = new Map<string, JWTPayload>();

  async function verified(token: string): Promise<JWTPayload> {
    const known = remembered.get(token);
    if (known !== undefined && (known.exp ?? 0) * 1000 > context.now()) return known;
    remembered.delete(token);
    const { payload } = await jwtVerify(token, context.keys.findKey, {
      algorithms: ['RS256'],
      issuer: `https://sts.windows.net/${context.directory.tenantId}/`,
      requiredClaims: ['exp', 'aud', 'tid', 'appid'],
      currentDate: new Date(context.now()),
    });
    if (remembered.size >= rememberedMax) remembered.clear();
    remembered.set(token, payload);
    return payload;
  }

  return async (authorization, audience) => {
    const token = /^Bearer\s+(\S+)\s*$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) return refuse('Access token is empty.');
    let claims: JWTPayload;
    try {
      claims = await verified(token);
    } catch (error) {
      return refuse(whyNotValid(error));
    }
    return judge(claims, audience, context.directory.tenantId);
  };
}

function judge(claims: JWTPayload, audience: string, tenantId: string): Principal | TokenRefusal {
  const toSharePoint = isSharePoint(audience);
  if (!isAudience(String(claims.aud), audience))
    return toSharePoint
      ? { code: 'invalid_request', message: 'Invalid issuer or signature' }
      : refuse('Access token validation failure. Invalid audience.');
  if (claims['tid'] !== tenantId) return refuse('Access token validation failure. Invalid tenant.');
  // SharePoint's own API takes an application that calls as itself only when it signed in with a certificate.
  if (toSharePoint && claims['idtyp'] === 'app' && claims['appidacr'] !== '2')
    return { code: 'invalid_client', message: 'Unsupported app only token.' };
  return principal(claims);
}

function principal(claims: JWTPayload): Principal {
  const text = (name: string) => (claims[name] as string | undefined) ?? '';
  const app = { appId: text('appid'), appName: text('app_displayname') };
  if (claims['idtyp'] !== 'user')
    return { ...app, roles: (claims['roles'] as string[] | undefined) ?? [], scopes: [] };
  return {
    ...app,
    user: { id: text('oid'), principalName: text('upn'), displayName: text('name') },
    roles: [],
    scopes: text('scp')
      .split(' ')
      .filter((scope) => scope !== ''),
  };
}

function whyNotValid(error: unknown): string {
  const isTime =
    error instanceof errors.JWTExpired ||
    (error instanceof errors.JWTClaimValidationFailed && error.claim === 'nbf');
  if (isTime) return 'Access token has expired or is not yet valid.';
  if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid)
    return 'CompactToken parsing failed with error code: 80049217';
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return 'Access token validation failure. Invalid signature.';
  return 'Access token validation failure.';
}

function refuse(message: string): TokenRefusal {
  return { code: 'InvalidAuthenticationToken', message };
}
