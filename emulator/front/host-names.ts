// The host names the emulator stands in for.

/** Where people and programs sign in. */
export const signInHosts = [
  'login.microsoftonline.com',
  'login.windows.net',
  'sts.windows.net',
] as const;

const graphHost = 'graph.microsoft.com';

/** The names a machine calls itself by. */
export const localHosts = ['localhost', '127.0.0.1', '::1'] as const;

/** The names in the certificate that every client is shown. */
export const certificateHosts: readonly string[] = [
  graphHost,
  ...signInHosts,
  '*.sharepoint.com',
  ...localHosts,
];

/** Whether a host name, in lower case and without a port, is one of Microsoft's that the emulator answers for. */
export function isMicrosoftHost(host: string): boolean {
  return isSignInHost(host) || isGraphHost(host);
}

export function isSignInHost(host: string): boolean {
  return (signInHosts as readonly string[]).includes(host);
}

/** Graph, or a tenant's SharePoint or OneDrive, of which a certificate covers one label only. */
export function isGraphHost(host: string): boolean {
  return host === graphHost || /^[a-z0-9-]+\.sharepoint\.com$/.test(host);
}

export function isLocalHost(host: string): boolean {
  return (localHosts as readonly string[]).includes(host.replace(/^\[(.*)\]$/, '$1'));
}
