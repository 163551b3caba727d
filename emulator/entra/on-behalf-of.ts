// A service that was called with somebody's token asks for one of its own for that person: the token it was called with has to
// be made out to it.
import { errors, jwtVerify } from 'jose';
import type { EntraContext } from './context.ts';
import { isAudience, type AppRegistration, type EntraUser } from './directory.ts';
import { Refusal } from './refusal.ts';

/** Who the token was given to. Throws a Refusal when it is not valid, not for this application, or nobody's. */
export async function assertedUser(
  assertion: string,
  app: AppRegistration,
  context: EntraContext,
): Promise<EntraUser> {
  const claims = await verifiedClaims(assertion, context);
  const audience = String(claims.aud);
  if (!isAudience(audience, app.clientId))
    throw new Refusal(
      'invalid_grant',
      500131,
      `Assertion audience does not match the Client app presenting the assertion. The audience in the assertion was ` +
        `'${audience}' and the expected audience is '${app.clientId}' or one of the Application Uris of this application ` +
        `with App ID '${app.clientId}'(${app.name}).`,
    );
  const user =
    typeof claims['scp'] === 'string'
      ? context.directory.findUser(String(claims['oid']))
      : undefined;
  if (user === undefined)
    throw new Refusal(
      'invalid_grant',
      7000114,
      `Application '${String(claims['appid'])}' is not allowed to make application on-behalf-of calls.`,
    );
  return user;
}

async function verifiedClaims(assertion: string, context: EntraContext) {
  try {
    const { payload } = await jwtVerify(assertion, context.keys.findKey, {
      algorithms: ['RS256'],
      currentDate: new Date(context.now()),
      requiredClaims: ['exp'],
    });
    return payload;
  } catch (error) {
    if (error instanceof errors.JWTExpired)
      throw new Refusal(
        'invalid_grant',
        500133,
        'Assertion is not within its valid time range. Ensure that the access token is not expired before using it for ' +
          'user assertion, or request a new token.',
      );
    throw new Refusal('invalid_grant', 50013, 'Assertion failed signature validation.');
  }
}
