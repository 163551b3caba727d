// `drover-agent credentials`: what a person types. What it does is loaded when it is chosen.
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import type { CommandEdge } from '../command-edge.ts';
import type { SignInFlags } from '../credential/sign-in-options.ts';
import { everyShare, isSharePattern, isWindowsUser } from '../source/share-pattern.ts';
import { dataOption, signInOptions, vaultKeyFileOption } from '../run-options.ts';
import { credentialNames, type CredentialName } from './credential-names.ts';

export interface VaultFlags {
  data: string;
  vaultKeyFile?: string;
}

export interface SetFlags extends VaultFlags, SignInFlags {
  share?: string;
  user?: string;
  fromFile?: string;
  tryOn?: string;
  /** False with --no-check. */
  check: boolean;
}

export interface RemoveFlags extends VaultFlags {
  share?: string;
}

export interface ListFlags extends VaultFlags {
  json?: boolean;
}

export function credentialsCommand(edge: CommandEdge): Command {
  const actions = () => import('./credentials-actions.ts');
  const command = new Command('credentials').description(
    'set, list and remove the secrets that the agent keeps in its vault, and replace the key of the vault; a running agent takes new secrets at once',
  );
  const set = new Command('set')
    .description('keep a secret, after it was tried')
    .addArgument(nameArgument())
    .addOption(shareOption())
    .addOption(
      new Option('--user <account>', String.raw`the Windows account, DOMAIN\user or user@domain`).argParser(windowsUser), // oxfmt-ignore
    )
    .option('--from-file <file>', 'read the secret from a file; without it, it is asked for and not shown, or read from standard input') // oxfmt-ignore
    .addOption(
      new Option('--try-on <share>', String.raw`the share to try a Windows account on, such as \\server\share (default: that of --share)`).argParser(sharePattern), // oxfmt-ignore
    )
    .option('--no-check', 'keep it without trying it')
    .addHelpText('after', helpAfterSet)
    .action(async (name: CredentialName, flags: SetFlags) => (await actions()).setCredential(name, flags, edge)); // oxfmt-ignore
  const signIn = signInOptions().filter(({ long }) => !/secret|certificate/.test(long ?? ''));
  for (const option of [...common(), ...signIn]) set.addOption(option);
  const list = new Command('list')
    .description('what is kept and since when, never the secrets themselves')
    .option('--json', 'print JSON')
    .action(async (flags: ListFlags) => (await actions()).listKept(flags, edge));
  const remove = new Command('remove')
    .description('remove a secret from the vault')
    .addArgument(nameArgument())
    .addOption(shareOption())
    .action(async (name: CredentialName, flags: RemoveFlags) => (await actions()).removeKept(name, flags, edge)); // oxfmt-ignore
  const rekey = new Command('rekey')
    .description(
      'make a new key and seal everything anew that the agent keeps; only while the agent does not run',
    ) // oxfmt-ignore
    .addHelpText('after', helpAfterRekey)
    .action(async (flags: VaultFlags) => (await actions()).replaceVaultKey(flags, edge));
  const others = [list, remove, rekey];
  for (const inner of others) for (const option of common()) inner.addOption(option);
  for (const inner of [set, ...others]) command.addCommand(inner);
  return command;
}

function common(): Option[] {
  return [dataOption(), vaultKeyFileOption()];
}

function nameArgument(): Argument {
  return new Argument('<what>', 'which secret').choices([...credentialNames]);
}

function shareOption(): Option {
  return new Option(
    '--share <pattern>',
    String.raw`the shares that a Windows account is for, such as \\server\share or \\server\* (default: ${everyShare}, all)`,
  ).argParser(sharePattern);
}

function sharePattern(text: string): string {
  if (isSharePattern(text)) return text;
  throw new InvalidArgumentError(String.raw`It must be \\server\share; * may stand for names.`);
}

function windowsUser(text: string): string {
  if (isWindowsUser(text)) return text;
  throw new InvalidArgumentError(String.raw`It must be DOMAIN\user or user@domain.`);
}

const helpAfterSet = `
A client secret or certificate takes the place of the one that was kept. One that the agent is started with
(--client-secret-file, --client-certificate-file, DROVER_CLIENT_SECRET) counts more than the one in the vault.

A running agent needs no restart: work that is going on continues, and an agent that needed attention because of the old
secret is back by itself. A secret is never an argument, because other users of the computer can see those.

Windows accounts are used by agents on Windows only; elsewhere the share has to be mounted.`;

const helpAfterRekey = `
Stop the agent before, and start it after. The new key takes the place of the old one in its file (seal-key in the data folder, or
--vault-key-file); what else puts that file there has to be given the new key. When it is broken off, both keys are there and open everything:
type it again, or start the agent, and it is brought to its end.

A key that systemd keeps (drover-vault-key) is replaced with systemd's means; the command says how.`;
