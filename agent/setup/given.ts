// What a person gave to the set-up beforehand: flags, else environment, else a file with answers. Secrets are in files of their own or
// in the environment, never in arguments.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { DroverError } from '../../lib/error.ts';
import { formatHostPort, type HostPort } from '../../lib/option-values.ts';
import { invitationVariable } from '../../lib/invitation.ts';
import { withoutGaps } from '../../lib/without-gaps.ts';
import { givenRoots, type Environment } from '../options.ts';
import type { RunFlags } from '../run-options.ts';
import { checkSomeSettings, parseObject, type AgentSettingsFile, type SignInKind } from '../settings-file.ts'; // oxfmt-ignore

/** What commander makes of the options. */
export interface SetupFlags extends Omit<RunFlags, 'logLevel' | 'json' | 'signIn'> {
  invitationFile?: string;
  authorityFingerprint?: string;
  signIn?: SignInKind;
  answers?: string;
  join?: boolean;
  yes?: boolean;
}

/** What was given; what is undefined was not. */
export interface Given {
  data?: string;
  invitation?: string;
  joinToken?: string;
  coordinators?: HostPort[];
  authorityFingerprint?: string;
  signIn?: SignInKind;
  tenant?: string;
  clientId?: string;
  clientSecret?: string;
  /** PEM with a certificate and its key. */
  clientCertificate?: string;
  authority?: string;
  graph?: string;
  proxy?: string;
  caFile?: string;
  name?: string;
  group?: string;
  threads?: number;
  requests?: number;
  sourceRoots?: string[];
}

/** Keys of an answers file beside those of the settings: files with secrets, and what only the set-up needs. */
const fileKeys = {
  invitationFile: 'invitation',
  joinTokenFile: 'joinToken',
  clientSecretFile: 'clientSecret',
  clientCertificateFile: 'clientCertificate',
  proxyFile: 'proxy',
} as const;
const plainKeys = ['data', 'authorityFingerprint'] as const;

/** Throws INVALID_ARGUMENT with the flag, variable or key that is wrong. */
export function readGiven(flags: SetupFlags, environment: Environment): Given {
  const fromFile = flags.answers === undefined ? {} : readAnswers(flags.answers);
  const { coordinator, invitationFile, joinTokenFile, clientSecretFile, clientCertificateFile } = flags; // oxfmt-ignore
  const { authorityFingerprint, signIn, tenant, clientId, authority, graph, proxy, caFile, name, group, threads, requests } = flags; // oxfmt-ignore
  const given: { [K in keyof Given]: Given[K] | undefined } = {
    ...{ coordinators: coordinator, authorityFingerprint, signIn, tenant, clientId, authority },
    ...{ graph, proxy, caFile, name, group, threads, requests },
    sourceRoots: givenRoots(flags, environment),
    invitation: secretOf(invitationFile, '--invitation-file', environment[invitationVariable]),
    joinToken: secretOf(joinTokenFile, '--join-token-file', environment['DROVER_JOIN_TOKEN']),
    clientSecret: secretOf(clientSecretFile, '--client-secret-file', environment['DROVER_CLIENT_SECRET']), // oxfmt-ignore
    clientCertificate: secretOf(clientCertificateFile, '--client-certificate-file', undefined),
  };
  return { ...fromFile, ...withoutGaps(given) };
}

/** Throws INVALID_ARGUMENT with the file and the key. Paths in it are meant from where it lies. */
function readAnswers(file: string): Given {
  const whole = path.resolve(file);
  const values = parseObject(readText(whole, '--answers'), whole);
  const folder = path.dirname(whole);
  const { version: _, ...rest } = values;
  const given: Record<string, unknown> = {};
  const settings: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(rest)) {
    if (key in fileKeys)
      given[fileKeys[key as keyof typeof fileKeys]] = readText(path.resolve(folder, textOf(value, whole, key)), `${whole}: "${key}"`).trim(); // oxfmt-ignore
    else if (plainKeys.includes(key as (typeof plainKeys)[number]))
      given[key] = textOf(value, whole, key);
    else settings[key] = value;
  }
  const checked: Partial<AgentSettingsFile> = checkSomeSettings(settings, whole, [...Object.keys(fileKeys), ...plainKeys]); // oxfmt-ignore
  const { caFile } = checked;
  return {
    ...checked,
    ...given,
    ...(caFile === undefined ? {} : { caFile: path.resolve(folder, caFile) }),
  };
}

/** Coordinators as one text, as an answer has them. */
export function coordinatorText(coordinators: readonly HostPort[] | undefined): string | undefined {
  return coordinators?.map(formatHostPort).join(',');
}

function secretOf(
  file: string | undefined,
  flag: string,
  fromEnvironment: string | undefined,
): string | undefined {
  if (file === undefined) return fromEnvironment?.trim() || undefined;
  const secret = readText(file, flag).trim();
  if (secret !== '') return secret;
  throw DroverError.invalid(flag, `${file} is empty`);
}

function readText(file: string, field: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw DroverError.invalid(field, `${file} cannot be read (${code})`, cause);
  }
}

function textOf(value: unknown, file: string, key: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw DroverError.invalid(`${file}: "${key}"`, 'must be a text');
}
