// How the agent is told to sign in: by flags, and by the environment for what must not be seen in a list of processes.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { DroverError } from '../../lib/error.ts';
import { readAuthorities } from '../../lib/authorities.ts';
import { environmentProxy } from '../../lib/environment-proxy.ts';
import { splitPem } from './client-certificate.ts';
import type { CredentialInVault, SignInCredential, SignInOptions } from './credential.ts';
import type { HttpRoute } from './http-route.ts';

/** As a person gives them. */
export interface SignInFlags {
  tenant?: string;
  clientId?: string;
  /**
   * Who signs in where no secret and no certificate is given here: the application, with what the vault has, or a person, whatever it has.
   * @default the application when the vault has something for it, else a person
   */
  signIn?: 'application' | 'person';
  clientSecretFile?: string;
  clientCertificateFile?: string;
  /** @default https://login.microsoftonline.com */
  authority?: string;
  /** @default https://graph.microsoft.com */
  graph?: string;
  proxy?: string;
  caFile?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

const secretVariable = 'DROVER_CLIENT_SECRET';
const defaultAuthority = 'https://login.microsoftonline.com';
const defaultGraph = 'https://graph.microsoft.com';

const flagNames: Record<Exclude<keyof SignInFlags, 'signIn'>, string> = {
  tenant: '--tenant',
  clientId: '--client-id',
  clientSecretFile: '--client-secret-file',
  clientCertificateFile: '--client-certificate-file',
  authority: '--authority',
  graph: '--graph',
  proxy: '--proxy',
  caFile: '--ca-file',
};

/**
 * What is given, complete and checked; undefined when nothing is, and the agent then serves folders only. What is given here comes before
 * what the vault has; where neither has a secret or a certificate a person signs in by a device code, and that is kept below the data
 * folder. Throws INVALID_ARGUMENT with the flag.
 */
export function readSignIn(
  flags: SignInFlags,
  environment: Environment,
  dataFolder?: string,
): SignInOptions | undefined {
  const given = (Object.keys(flagNames) as (keyof typeof flagNames)[])
    .filter((name) => flags[name] !== undefined)
    .map((name) => flagNames[name]);
  if (environment[secretVariable]) given.push(secretVariable);
  if (given.length === 0) return undefined;
  const credential = readCredential(flags, environment);
  const asksPerson = credential.kind === 'device-code' || (credential.kind === 'vault' && credential.otherwise === 'device-code'); // oxfmt-ignore
  const keepsSignIn = asksPerson && dataFolder !== undefined;
  return {
    tenant: tenant(needed(flags.tenant, '--tenant', given)),
    clientId: clientId(needed(flags.clientId, '--client-id', given)),
    credential,
    authorityUrl: serviceUrl(flags.authority ?? defaultAuthority, '--authority'),
    graphUrl: serviceUrl(flags.graph ?? defaultGraph, '--graph'),
    cacheFile: keepsSignIn ? signInCacheFile(dataFolder) : undefined,
    http: readRoute(flags, environment),
  };
}

/** Where the sign-in of a person is kept. */
export function signInCacheFile(dataFolder: string): string {
  return path.join(dataFolder, 'sign-in', 'tokens.json');
}

function readRoute(flags: SignInFlags, environment: Environment): HttpRoute {
  if (flags.caFile !== undefined) readAuthorities(flags.caFile);
  const usual = environmentProxy(environment);
  const [name, proxy] =
    flags.proxy === undefined ? ['HTTPS_PROXY', usual.proxyUrl] : ['--proxy', flags.proxy];
  return {
    proxyUrl: proxy ? proxyUrl(proxy, name) : undefined,
    caFile: flags.caFile === undefined ? undefined : path.resolve(flags.caFile),
    noProxy: usual.noProxy,
  };
}

function readCredential(
  flags: SignInFlags,
  environment: Environment,
): SignInCredential | CredentialInVault {
  const { clientSecretFile, clientCertificateFile } = flags;
  const variable = environment[secretVariable];
  if (clientCertificateFile === undefined) {
    if (clientSecretFile !== undefined)
      return { kind: 'secret', secret: readSecret(clientSecretFile) };
    return variable ? { kind: 'secret', secret: variable } : notGiven(flags.signIn);
  }
  if (clientSecretFile !== undefined || variable)
    throw DroverError.invalid(
      '--client-certificate-file',
      `stands beside ${clientSecretFile === undefined ? secretVariable : '--client-secret-file'}; give one of them`,
    );
  const parts = splitPem(read(clientCertificateFile, '--client-certificate-file'));
  if (parts !== undefined) return { kind: 'certificate', ...parts };
  throw DroverError.invalid(
    '--client-certificate-file',
    `${clientCertificateFile} has to hold a certificate and its private key, both PEM`,
  );
}

function notGiven(signIn: SignInFlags['signIn']): SignInCredential | CredentialInVault {
  if (signIn === 'person') return { kind: 'device-code' };
  return { kind: 'vault', otherwise: signIn === 'application' ? 'refuse' : 'device-code' };
}

function readSecret(file: string): string {
  const secret = read(file, '--client-secret-file').trim();
  if (secret !== '') return secret;
  throw DroverError.invalid('--client-secret-file', `${file} is empty`);
}

function read(file: string, flag: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw DroverError.invalid(flag, `${file} cannot be read (${code})`, cause);
  }
}

function needed(value: string | undefined, flag: string, given: readonly string[]): string {
  if (value !== undefined && value.trim() !== '') return value.trim();
  if (value !== undefined) throw DroverError.invalid(flag, 'is empty');
  throw DroverError.invalid(flag, `is missing; ${given.join(', ')} alone cannot sign in`);
}

function tenant(text: string): string {
  const isName = /^[\da-z][\da-z-]*(\.[\da-z][\da-z-]*)+$/i.test(text) || isGuid(text);
  if (isName) return text;
  throw DroverError.invalid(
    '--tenant',
    `'${text}' is neither the id of a tenant nor one of its domains, such as contoso.onmicrosoft.com`,
  );
}

function clientId(text: string): string {
  if (isGuid(text)) return text;
  throw DroverError.invalid(
    '--client-id',
    `'${text}' is not the id of an application, such as 00001111-aaaa-2222-bbbb-3333cccc4444`,
  );
}

function isGuid(text: string): boolean {
  return /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(text);
}

/** Tokens and secrets go there, so it has to be https. */
function serviceUrl(text: string, flag: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'https:' && url.pathname === '/' && !url.search && !url.username)
    return url.origin;
  throw DroverError.invalid(flag, `'${text}' must be https://host or https://host:port`);
}

function proxyUrl(text: string, name: string): string {
  const whole = text.includes('://') ? text : `http://${text}`;
  const url = URL.canParse(whole) ? new URL(whole) : undefined;
  if (url !== undefined && ['http:', 'https:'].includes(url.protocol)) return url.href;
  // What was given is not repeated: a password may stand in it.
  throw DroverError.invalid(
    name,
    'must be http://host:port, with user:password@ when it asks for them',
  );
}
