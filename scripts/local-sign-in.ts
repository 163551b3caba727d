// How an agent on this machine is told to sign in to a tenant: by its options, and by its environment for what nobody else may see.

/** An agent's options of the same names. */
export interface SignIn {
  tenant?: string;
  clientId?: string;
  clientSecret?: string;
  clientSecretFile?: string;
  clientCertificateFile?: string;
  authority?: string;
  graph?: string;
  proxy?: string;
  caFile?: string;
  /** Hosts that are reached without the proxy. @default what the environment says */
  noProxy?: string;
}

/** The options by their names in SignIn. */
export const signInOptions = {
  tenant: '--tenant',
  clientId: '--client-id',
  clientSecretFile: '--client-secret-file',
  clientCertificateFile: '--client-certificate-file',
  authority: '--authority',
  graph: '--graph',
  proxy: '--proxy',
  caFile: '--ca-file',
} as const;

export type SignInOption = keyof typeof signInOptions;

export const signInOptionNames = Object.keys(signInOptions) as readonly SignInOption[];

/** Where the application's secret stands. */
export const secretVariable = 'DROVER_CLIENT_SECRET';

export function signInArguments(signIn: SignIn): string[] {
  return signInOptionNames.flatMap((name) => {
    const value = signIn[name];
    return value === undefined ? [] : [signInOptions[name], value];
  });
}

/** An agent signs in as it is told here, whatever the environment of this process says to agents. */
export function signInEnvironment(signIn: SignIn): Record<string, string | undefined> {
  const { clientSecret, noProxy } = signIn;
  const variables = Object.values(signInOptions).map(
    (option) => `DROVER_AGENT_${option.slice(2).replaceAll('-', '_').toUpperCase()}`,
  );
  return {
    ...Object.fromEntries(variables.map((variable) => [variable, undefined])),
    [secretVariable]: clientSecret,
    ...(noProxy === undefined ? {} : { no_proxy: noProxy, NO_PROXY: noProxy }),
  };
}
