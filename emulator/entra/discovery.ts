// The documents that clients read first. Every address in them is on the host that the client came by, so that the same tenant
// works behind a proxy under Microsoft's names and under localhost.
import type { Exchange, Reply } from '../http/exchange.ts';
import type { EntraContext } from './context.ts';
import { json, Refusal, tenantNotFound } from './refusal.ts';

const microsoftHosts = [
  'login.microsoftonline.com',
  'login.windows.net',
  'login.microsoft.com',
  'sts.windows.net',
];

/** GET /{tenant}/v2.0/.well-known/openid-configuration */
export function openIdConfiguration(
  exchange: Exchange,
  tenant: string,
  context: EntraContext,
): Reply {
  const match = context.directory.findTenant(tenant);
  if (match === undefined) throw tenantNotFound(tenant, 'invalid_tenant');
  const origin = context.origin(exchange);
  const base = `${origin}/${tenant}`;
  const issuedBy = match === 'named' ? context.directory.tenantId : '{tenantid}';
  return json(200, {
    token_endpoint: `${base}/oauth2/v2.0/token`,
    token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt'],
    jwks_uri: `${base}/discovery/v2.0/keys`,
    response_modes_supported: ['query', 'fragment', 'form_post'],
    subject_types_supported: ['pairwise'],
    id_token_signing_alg_values_supported: ['RS256'],
    response_types_supported: ['code'],
    scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
    issuer: `${origin}/${issuedBy}/v2.0`,
    authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
    device_authorization_endpoint: `${base}/oauth2/v2.0/devicecode`,
    end_session_endpoint: `${base}/oauth2/v2.0/logout`,
    claims_supported: [
      'sub',
      'iss',
      'aud',
      'exp',
      'iat',
      'preferred_username',
      'name',
      'tid',
      'ver',
    ],
    tenant_region_scope: match === 'named' ? 'EU' : null,
    cloud_instance_name: 'microsoftonline.com',
    cloud_graph_host_name: 'graph.windows.net',
    msgraph_host: 'graph.microsoft.com',
  });
}

/** GET /{tenant}/discovery/v2.0/keys */
export function keySet(exchange: Exchange, tenant: string, context: EntraContext): Reply {
  if (context.directory.findTenant(tenant) === undefined)
    throw tenantNotFound(tenant, 'invalid_tenant');
  const issuer = `${context.origin(exchange)}/${context.directory.tenantId}/v2.0`;
  return json(200, { keys: context.keys.published.map((key) => ({ ...key, issuer })) });
}

/** GET /common/discovery/instance: which hosts are one cloud. */
export function instanceDiscovery(exchange: Exchange, context: EntraContext): Reply {
  const endpoint = exchange.url.searchParams.get('authorization_endpoint') ?? '';
  const asked = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  const own = new URL(context.origin(exchange));
  const isKnown = asked !== undefined && [...microsoftHosts, own.host].includes(asked.host);
  if (!isKnown) throw new Refusal('invalid_instance', 50049, 'Unknown or invalid instance.');
  const tenant = asked.pathname.split('/')[1] ?? '';
  if (context.directory.findTenant(tenant) === undefined)
    throw tenantNotFound(tenant, 'invalid_tenant');
  const metadata = [
    {
      preferred_network: 'login.microsoftonline.com',
      preferred_cache: 'login.windows.net',
      aliases: microsoftHosts,
    },
  ];
  if (!microsoftHosts.includes(own.host))
    metadata.push({ preferred_network: own.host, preferred_cache: own.host, aliases: [own.host] });
  return json(200, {
    tenant_discovery_endpoint: `${asked.origin}/${tenant}/v2.0/.well-known/openid-configuration`,
    'api-version': '1.1',
    metadata,
  });
}
