// Sign-in: what login.microsoftonline.com does for programs, and the check of the tokens it gave. Nothing is remembered between
// two starts but the keys, and nothing has to be: tokens say everything themselves.
import type { CheckToken, Exchange, Handler, Reply } from '../http/exchange.ts';
import { createCheckToken } from './check-token.ts';
import { findClient } from './client-authentication.ts';
import type { EntraContext } from './context.ts';
import { DeviceCodes } from './device-codes.ts';
import { answerDevicePage } from './device-page.ts';
import { Directory, type AppRegistration, type EntraUser } from './directory.ts';
import { instanceDiscovery, keySet, openIdConfiguration } from './discovery.ts';
import { readForm } from './form.ts';
import { openKeys } from './keys.ts';
import { json, Refusal, refusalReply, tenantNotFound } from './refusal.ts';
import { parseScope } from './requested-access.ts';
import { answerTokenRequest } from './token-endpoint.ts';

export type { AppRegistration, EntraUser };

export interface EntraOptions {
  /** A GUID. */
  tenantId: string;
  /** As in contoso.sharepoint.com. */
  tenantName: string;
  /** As in ann@contoso.com. */
  domain: string;
  /** Read at every request, so that people can be added while the emulator runs. */
  users: EntraUser[];
  /** Read at every request, too. */
  apps: AppRegistration[];
  /** Keeps the keys; made when it is missing. */
  keyFolder: string;
  /** Milliseconds since 1970. */
  now: () => number;
  /** The host that the client came by, with its port when it has one; the URL's own by default. */
  host?: (exchange: Exchange) => string;
  /** How long access tokens are good for. @default 3599 */
  tokenLifeSeconds?: number;
  /** How long a device's code can be typed in. @default 900 */
  deviceCodeLifeSeconds?: number;
  /** How long a device waits before it asks again. @default 5 */
  deviceCodeIntervalSeconds?: number;
  /** Where a person types a device's code; /devicelogin on the host that the device called by default. */
  deviceLoginUrl?: string;
}

export interface Entra {
  /** Answers every request to one of sign-in's hosts or paths; others with 404. */
  handle: Handler;
  checkToken: CheckToken;
  apps(): readonly AppRegistration[];
  /** Signs with a new key from now on; answers with its id. Tokens of the last one stay good, as after a planned change of keys. */
  rotateKeys(): Promise<string>;
}

/** Throws INVALID_ARGUMENT when the keys in the folder cannot be used. */
export async function createEntra(options: EntraOptions): Promise<Entra> {
  const context: EntraContext = {
    directory: new Directory(options),
    keys: await openKeys(options.keyFolder, options.now()),
    deviceCodes: new DeviceCodes({
      lifeSeconds: options.deviceCodeLifeSeconds ?? 900,
      intervalSeconds: options.deviceCodeIntervalSeconds ?? 5,
    }),
    tokenLifeSeconds: options.tokenLifeSeconds ?? 3599,
    deviceLoginUrl: options.deviceLoginUrl,
    now: options.now,
    origin: (exchange) =>
      `${exchange.url.protocol}//${options.host?.(exchange) ?? exchange.url.host}`,
  };
  return {
    handle: async (exchange) => {
      try {
        return await route(exchange, context);
      } catch (error) {
        if (error instanceof Refusal) return refusalReply(error, exchange, context.now());
        throw error;
      }
    },
    checkToken: createCheckToken(context),
    apps: () => context.directory.apps,
    rotateKeys: () => context.keys.rotate(context.now()),
  };
}

async function route(exchange: Exchange, context: EntraContext): Promise<Reply> {
  const [tenant = '', ...rest] = exchange.url.pathname.split('/').filter((part) => part !== '');
  const place = rest.join('/').toLowerCase();
  if (place === '' && ['devicelogin', 'device'].includes(tenant.toLowerCase()))
    return answerDevicePage(exchange, context);
  switch (place) {
    case 'oauth2/deviceauth':
      return answerDevicePage(exchange, context);
    case 'v2.0/.well-known/openid-configuration':
      return openIdConfiguration(exchange, tenant, context);
    case 'discovery/v2.0/keys':
      return keySet(exchange, tenant, context);
    case 'discovery/instance':
      return instanceDiscovery(exchange, context);
    case 'oauth2/v2.0/token': {
      requirePost(exchange);
      const match = context.directory.findTenant(tenant);
      if (match === undefined) throw tenantNotFound(tenant, 'invalid_request');
      return answerTokenRequest(exchange, match, context);
    }
    case 'oauth2/v2.0/devicecode':
      requirePost(exchange);
      if (context.directory.findTenant(tenant) === undefined)
        throw tenantNotFound(tenant, 'invalid_request');
      return beginDeviceCode(exchange, context);
    case 'oauth2/v2.0/authorize':
      return plain(501, 'Sign-in in a browser is not built into this emulator; use a device code.');
    default:
      return plain(404, `Nothing of sign-in is at ${exchange.url.pathname}.`);
  }
}

async function beginDeviceCode(exchange: Exchange, context: EntraContext): Promise<Reply> {
  const fields = await readForm(exchange);
  const app = findClient(fields, context.directory);
  const access = parseScope(fields.get('scope'), context.directory);
  const code = context.deviceCodes.begin(app, access, context.now());
  const address = context.deviceLoginUrl ?? `${context.origin(exchange)}/devicelogin`;
  return json(200, {
    user_code: code.userCode,
    device_code: code.deviceCode,
    verification_uri: address,
    expires_in: context.deviceCodes.times.lifeSeconds,
    interval: context.deviceCodes.times.intervalSeconds,
    message:
      `To sign in, use a web browser to open the page ${address} and enter the code ${code.userCode} to ` +
      'authenticate.',
  });
}

function requirePost(exchange: Exchange): void {
  if (exchange.method === 'POST') return;
  const sentence = `The endpoint only accepts POST requests. Received a ${exchange.method} request.`;
  throw new Refusal('invalid_request', 900561, sentence);
}

function plain(status: number, text: string): Reply {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: `${text}\n` };
}
