// Whether the agent can sign in to its tenant, and whether Graph takes the token: a real token, and a real call with it.
import { request } from 'undici';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { createCredential, type CredentialParts, type SignInOptions } from '../credential/credential.ts'; // oxfmt-ignore
import { createDispatcher, describeProxy } from '../credential/http-route.ts';
import { userAgent } from '../../lib/user-agent.ts';
import { graphFailure } from '../destination/sharepoint/graph-error.ts';
import { networkWords, parseJson, readBody } from '../destination/sharepoint/http-answer.ts';
import { failed, failure, ok, warning, type Outcome } from './outcome.ts';

export interface TenantOutcomes {
  signIn: Outcome;
  /** Undefined when there was no token to try it with. */
  graph: Outcome | undefined;
  /** No answer came from where one was asked for, so that the way there may be another one. */
  isUnreachable: boolean;
}

const answerTimeoutMs = 30_000;

/** Signs in and calls Graph. Rejects with CANCELLED when the signal aborts. */
export async function probeTenant(
  options: SignInOptions,
  parts: CredentialParts,
  signal: AbortSignal,
): Promise<TenantOutcomes> {
  let token: string;
  try {
    await using credential = createCredential(options, parts);
    ({ token } = await credential.accessToken('graph', { signal }));
  } catch (thrown) {
    const error = DroverError.from(thrown);
    if (error.reason === ErrorReason.CANCELLED) throw error;
    return { signIn: failure(error), graph: undefined, isUnreachable: isOutOfReach(error) };
  }
  const graph = await probeGraph(token, options, signal);
  return { signIn: judgeToken(token, options), ...graph };
}

/** Entra ID itself did not answer: what it says of its own trouble has a word for it. */
function isOutOfReach({ reason, metadata }: DroverError): boolean {
  return reason === ErrorReason.SIGN_IN_UNREACHABLE && !metadata['error'];
}

/** What a token for Graph says of who signed in, and of what it is good for; it says nothing when it cannot be read. */
interface TokenClaims {
  upn?: string;
  app_displayname?: string;
  idtyp?: string;
  roles?: string[];
  scp?: string;
}

/** Any of these lets the agent write into sites. */
const writingPermissions = [
  'Sites.ReadWrite.All',
  'Sites.Manage.All',
  'Sites.FullControl.All',
  'Sites.Selected',
  'Files.ReadWrite.All',
];

function judgeToken(token: string, { tenant, clientId }: SignInOptions): Outcome {
  const claims = readClaims(token);
  const who = claims.upn ?? `the application ${claims.app_displayname ?? clientId}`;
  const words = `signed in to ${tenant} as ${who}`;
  const permissions = permissionsOf(claims);
  if (permissions === undefined || permissions.some((name) => writingPermissions.includes(name)))
    return ok(words);
  const kind = claims.upn === undefined ? 'Application permissions' : 'Delegated permissions';
  const has = permissions.length === 0 ? 'it has none' : `it has ${permissions.join(', ')}`;
  return failed(
    `${words}, which may not write to any site: ${has}`,
    `In Entra ID, App registrations, API permissions: add Microsoft Graph, ${kind}, Sites.ReadWrite.All (or Sites.Selected), and grant admin consent.`,
  );
}

function permissionsOf({ idtyp, roles, scp }: TokenClaims): string[] | undefined {
  if (scp !== undefined) return scp.split(' ').filter((name) => name !== '');
  if (roles !== undefined) return roles;
  return idtyp === 'app' ? [] : undefined;
}

function readClaims(token: string): TokenClaims {
  try {
    const [, payload = ''] = token.split('.');
    return JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as TokenClaims;
  } catch {
    // Microsoft may seal what it likes; then there is nothing to say.
    return {};
  }
}

async function probeGraph(
  token: string,
  { graphUrl, http }: SignInOptions,
  signal: AbortSignal,
): Promise<Pick<TenantOutcomes, 'graph' | 'isUnreachable'>> {
  const proxy = describeProxy(http);
  const way = `${new URL(graphUrl).host}${proxy === undefined ? '' : ` through the proxy ${proxy}`}`;
  const dispatcher = createDispatcher(http);
  try {
    const response = await request(`${graphUrl}/v1.0/sites/root?$select=id,webUrl`, {
      dispatcher,
      headers: { authorization: `Bearer ${token}`, 'user-agent': userAgent },
      headersTimeout: answerTimeoutMs,
      bodyTimeout: answerTimeoutMs,
      signal,
    });
    const body = parseJson(await readBody(response));
    const { statusCode: status } = response;
    const graph =
      status === 200
        ? ok(`Graph answers (${way}): SharePoint is at ${rootOf(body)}`)
        : judgeRefusal(status, graphFailure(status, body, '').message, way, readClaims(token));
    return { graph, isUnreachable: false };
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    const graph = failed(
      `Graph cannot be reached (${way}): ${networkWords(thrown)}`,
      'Let this computer reach it through the firewall or the proxy (--proxy, --ca-file).',
    );
    return { graph, isUnreachable: true };
  } finally {
    await dispatcher.destroy();
  }
}

function judgeRefusal(status: number, message: string, way: string, claims: TokenClaims): Outcome {
  const said = `Graph answers (${way}) with ${status}: ${message}`;
  if (status === 403 && permissionsOf(claims)?.includes('Sites.Selected') === true)
    return ok(`Graph answers (${way}); only the sites that were granted can be reached (Sites.Selected)`); // oxfmt-ignore
  if (status === 429 || status >= 500)
    return warning(said, 'The service is busy; it is waited for by itself.');
  if (status === 401 || status === 403)
    return failed(said, 'Look at the permissions of the application and at the consent to them, and at the rights of who signed in.'); // oxfmt-ignore
  return failed(said, 'See whether that is Microsoft Graph (--graph), and what the proxy says.');
}

function rootOf(body: unknown): string {
  const { webUrl } = (body ?? {}) as { webUrl?: unknown };
  return typeof webUrl === 'string' ? webUrl : 'an address that it does not tell';
}
