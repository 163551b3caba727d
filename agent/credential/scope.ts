// Graph and SharePoint take different tokens; this is where it is decided which one is asked for.

/** Which service a token is for. */
export type Audience =
  | 'graph'
  | { sharepointHost: string }
  /** Another service, by what it wants to be asked for. */
  | { scope: string };

/** Graph in the clouds that Microsoft runs; each wants tokens made out to itself. */
const graphHosts = new Set([
  'graph.microsoft.com',
  'graph.microsoft.us',
  'dod-graph.microsoft.us',
  'microsoftgraph.chinacloudapi.cn',
]);

/** Everything that an administrator consented to, at one service. */
export function scopeOf(audience: Audience, graphUrl: string): string {
  if (typeof audience === 'object' && 'scope' in audience) return audience.scope;
  if (audience !== 'graph') return `https://${audience.sharepointHost.toLowerCase()}/.default`;
  // Behind any other address is Graph itself all the same: a gateway, or the emulator.
  const { host } = new URL(graphUrl);
  return `https://${graphHosts.has(host) ? host : 'graph.microsoft.com'}/.default`;
}
