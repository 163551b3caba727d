// The flags of the tenant whose people and programs may sign in to the coordinator.
import { Option, type Command } from 'commander';
import { DroverError } from '../lib/error.ts';
import { environmentProxy } from '../lib/environment-proxy.ts';
import { authorityUrlDefault, type EntraOptions } from './trust/entra-options.ts';

export interface EntraFlags {
  entraTenant?: string;
  entraClientId?: string;
  entraAuthority?: string;
  entraCaFile?: string;
}

/** Adds them to the command that runs the coordinator. */
export function addEntraFlags(command: Command): void {
  const flags = [
    ['--entra-tenant <id>', 'the Microsoft 365 tenant whose people may sign in, by its id or one of its domains; without it, tokens alone are the way in'], // oxfmt-ignore
    ['--entra-client-id <id>', 'the application that stands for this coordinator in the tenant'],
    ['--entra-authority <url>', `where people sign in (default: ${authorityUrlDefault})`],
    ['--entra-ca-file <file>', "a PEM file with certificate authorities to trust on the way there, beside the computer's"], // oxfmt-ignore
  ] as const;
  for (const [flag, description] of flags) {
    const option = new Option(flag, description);
    const name = option.name().toUpperCase().replaceAll('-', '_');
    command.addOption(option.env(`DROVER_COORDINATOR_${name}`));
  }
}

/** The tenant; undefined when none was given. Throws INVALID_ARGUMENT for a part without the rest. */
export function entraOptions(
  flags: EntraFlags,
  environment: Readonly<Record<string, string | undefined>>,
): EntraOptions | undefined {
  const { entraTenant, entraClientId, entraAuthority, entraCaFile } = flags;
  if (!entraTenant || !entraClientId) {
    const given = [entraTenant, entraClientId, entraAuthority, entraCaFile].some(Boolean);
    if (!given) return undefined;
    const missing = entraTenant ? '--entra-client-id' : '--entra-tenant';
    throw DroverError.invalid(missing, 'is missing; tenant and application are given together');
  }
  const { proxyUrl: url, noProxy: except = '' } = environmentProxy(environment);
  return {
    tenant: entraTenant,
    clientId: entraClientId,
    ...(entraAuthority ? { authorityUrl: entraAuthority } : {}),
    ...(entraCaFile ? { caFile: entraCaFile } : {}),
    ...(url ? { proxy: { url, except } } : {}),
  };
}
