// The proxy of the environment, apart from what connects through it, because options are checked before anything connects.

/** The proxy that the environment names, as every program takes it. */
export function environmentProxy(environment: Readonly<Record<string, string | undefined>>): {
  proxyUrl: string | undefined;
  noProxy: string | undefined;
} {
  return {
    proxyUrl: environment['https_proxy'] || environment['HTTPS_PROXY'] || undefined,
    noProxy: environment['no_proxy'] || environment['NO_PROXY'] || undefined,
  };
}
