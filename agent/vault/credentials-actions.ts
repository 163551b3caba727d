// What `drover-agent credentials` does: takes a secret in, tries it, keeps it. It changes the vault and nothing else, so that it works
// beside a running agent; only the key is replaced while none runs.
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import type { CommandEdge } from '../command-edge.ts';
import { splitPem } from '../credential/client-certificate.ts';
import { readSignIn } from '../credential/sign-in-options.ts';
import { tryCredential } from '../credential/try-credential.ts';
import { mergedSignIn } from '../options.ts';
import { readSettings } from '../settings-file.ts';
import { ConnectError, shareError } from '../source/share-error.ts';
import { everyShare, type WindowsAccount } from '../source/share-pattern.ts';
import { windowsShares } from '../source/windows-shares.ts';
import { DroverError } from '../../lib/error.ts';
import { withoutGaps } from '../../lib/without-gaps.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import type { ListFlags, RemoveFlags, SetFlags, VaultFlags } from './credentials-command.ts';
import type { CredentialName } from './credential-names.ts';
import {
  accountName,
  keepAccount,
  keepApplication,
  listCredentials,
  removeCredential,
  type ApplicationCredential,
} from './kept-credentials.ts';
import { sealed } from './own-file.ts';
import { withKeptProxy } from './kept-proxy.ts';
import { checkLine, readSecret } from './read-secret.ts';
import { openVault, type Vault, type VaultKeyPlaces } from './vault.ts';

/** As a shell gives it for SIGINT. */
const exitBrokenOff = 130;
/** As for a command that did what it could: there was nothing of that name. */
const exitNotFound = 1;

export async function setCredential(
  name: CredentialName,
  flags: SetFlags,
  edge: CommandEdge,
): Promise<void> {
  refuseForeignFlags(name, flags);
  if (name === 'windows-account') return await setAccount(flags, edge);
  const what = `the ${name.replace('-', ' ')}`;
  const isLong = name === 'client-certificate';
  const check = isLong ? checkCertificate : checkLine;
  // What is wrong with the vault or the settings is said before a secret is typed.
  const vault = open(flags, edge);
  const signIn = flags.check ? withKeptProxy(tenantOf(flags, edge), vault) : undefined;
  const secret = await readSecret({ what, fromFile: flags.fromFile, check, isLong }, edge);
  if (secret === undefined) return edge.finish(exitBrokenOff);
  const credential = applicationCredential(name, secret);
  if (signIn !== undefined) await tryCredential(signIn, credential, edge.signals.drain);
  keepApplication(vault, credential, Date.now());
  const tried = signIn === undefined ? 'without having been tried' : `and works for ${signIn.tenant}`; // oxfmt-ignore
  edge.stdout.write(`${what} is in the vault ${vault.file}, ${tried}.\n`);
  const kind = readSettings(path.resolve(flags.data))?.signIn;
  if (kind === 'person' || kind === 'none')
    edge.stdout.write(`The agent was set up to sign in ${kind === 'none' ? 'nowhere' : 'as a person'}, and does not use it; run \`drover-agent setup\` to change that.\n`); // oxfmt-ignore
}

export async function listKept(flags: ListFlags, edge: CommandEdge): Promise<void> {
  const vault = openKnown(flags, edge);
  const kept = listCredentials(vault);
  if (flags.json) {
    const rows = kept.map(({ name, setMs }) => ({ name, setTime: new Date(setMs).toISOString() }));
    return void edge.stdout.write(`${JSON.stringify(rows)}\n`);
  }
  if (kept.length === 0) return void edge.stdout.write(`the vault ${vault.file} is empty\n`);
  const width = Math.max(...kept.map(({ name }) => name.length));
  for (const { name, setMs } of kept)
    edge.stdout.write(`${name.padEnd(width)}  set ${new Date(setMs).toISOString().slice(0, 19)}Z\n`); // oxfmt-ignore
}

export async function removeKept(
  name: CredentialName,
  flags: RemoveFlags,
  edge: CommandEdge,
): Promise<void> {
  refuseForeignFlags(name, flags);
  const vault = openKnown(flags, edge);
  const entry = name === 'windows-account' ? accountName(flags.share ?? everyShare) : name;
  if (removeCredential(vault, entry)) return void edge.stdout.write(`${entry} is removed\n`);
  edge.stderr.write(`there is no ${entry} in the vault; see \`drover-agent credentials list\`\n`);
  edge.finish(exitNotFound);
}

export async function replaceVaultKey(flags: VaultFlags, edge: CommandEdge): Promise<void> {
  if (!existsSync(flags.data)) throw noFolder(flags);
  const { rekey } = await import('./rekey.ts');
  for await (const step of rekey(placesOf(flags, edge))) edge.stdout.write(`${step}\n`);
}

async function setAccount(flags: SetFlags, edge: CommandEdge): Promise<void> {
  const connector = windowsShares();
  if (connector === undefined)
    throw new DroverError(
      ErrorReason.SOURCE_UNSUPPORTED,
      `Windows accounts are used by agents on Windows only, and this is ${process.platform}: mount the share with the account, as with mount -t cifs, and give the folder as the source`,
    );
  const { user, share: pattern = everyShare } = flags;
  if (user === undefined)
    throw DroverError.invalid('--user', String.raw`is missing; give DOMAIN\user or user@domain`);
  const share = flags.tryOn ?? pattern;
  if (flags.check && /[*?[{]/.test(share))
    throw DroverError.invalid('--try-on', String.raw`is missing: give one share to try the account on, such as \\server\share, or --no-check`); // oxfmt-ignore
  const vault = open(flags, edge);
  const question = { what: `the password of ${user}`, fromFile: flags.fromFile, check: checkLine };
  const password = await readSecret({ ...question, isLong: false }, edge);
  if (password === undefined) return edge.finish(exitBrokenOff);
  const account: WindowsAccount = { user, password };
  if (flags.check) {
    try {
      await connector.connect(share, account);
    } catch (thrown) {
      throw thrown instanceof ConnectError ? shareError(thrown.code, { share, user }) : thrown;
    }
    await connector.disconnect(share);
  }
  keepAccount(vault, pattern, account, Date.now());
  const tried = flags.check ? `and can connect ${share}` : 'without having been tried';
  edge.stdout.write(`the password of ${user} for ${pattern} is in the vault ${vault.file}, ${tried}.\n`); // oxfmt-ignore
}

/** What belongs to another secret would be passed over silently. */
function refuseForeignFlags(name: CredentialName, flags: Partial<SetFlags>): void {
  if (name === 'windows-account') return;
  for (const [flag, value] of [
    ['--share', flags.share],
    ['--user', flags.user],
    ['--try-on', flags.tryOn],
  ])
    // oxfmt-ignore
    if (value !== undefined) throw DroverError.invalid(flag!, 'belongs to windows-account only');
}

/** How the agent signs in, for trying. */
function tenantOf(flags: SetFlags, { environment }: CommandEdge) {
  const dataFolder = path.resolve(flags.data);
  const settings = readSettings(dataFolder);
  const { signIn: _, ...merged } = mergedSignIn(signInFlagsOf(flags), settings);
  // Another secret than the one that is to be tried is not looked at.
  const { DROVER_CLIENT_SECRET: __, ...rest } = environment;
  const signIn = readSignIn({ ...merged, signIn: 'application' }, rest);
  if (signIn !== undefined) return signIn;
  throw DroverError.invalid(
    '--tenant',
    `is missing: no sign-in was set up in ${dataFolder}, so that nothing can be tried; give --tenant and --client-id, or --no-check`,
  );
}

function signInFlagsOf({ tenant, clientId, authority, graph, proxy, caFile }: SetFlags) {
  return withoutGaps({ tenant, clientId, authority, graph, proxy, caFile });
}

function open(flags: VaultFlags, edge: CommandEdge): Vault {
  return openVault(placesOf(flags, edge));
}

function placesOf(flags: VaultFlags, { environment }: CommandEdge): VaultKeyPlaces {
  const dataFolder = path.resolve(flags.data);
  refuseForeignFolder(dataFolder);
  const keyFile = flags.vaultKeyFile && path.resolve(flags.vaultKeyFile);
  const credentialsFolder = environment['CREDENTIALS_DIRECTORY'] || undefined;
  return { dataFolder, keyFile, credentialsFolder };
}

/** Does not make a data folder where somebody mistyped it. */
function openKnown(flags: VaultFlags, edge: CommandEdge): Vault {
  if (existsSync(flags.data)) return open(flags, edge);
  throw noFolder(flags);
}

function noFolder(flags: VaultFlags): DroverError {
  return DroverError.invalid('--data', `there is no folder ${path.resolve(flags.data)}`);
}

/** What root wrote there, the agent could not read. */
function refuseForeignFolder(folder: string): void {
  const stats = statSync(folder, { throwIfNoEntry: false });
  const own = process.geteuid?.();
  if (stats === undefined || own === undefined || stats.uid === own) return;
  throw sealed(`the data folder ${folder} belongs to user ${stats.uid}, and this process runs as user ${own}; run it as the agent's user, as with \`sudo --user=#${stats.uid}\``, folder); // oxfmt-ignore
}

function applicationCredential(name: CredentialName, secret: string): ApplicationCredential {
  if (name === 'client-secret') return { kind: 'secret', secret: secret.trim() };
  return { kind: 'certificate', ...splitPem(secret)! };
}

function checkCertificate(pem: string): string | undefined {
  return splitPem(pem) === undefined
    ? 'has to hold a certificate and its private key, both PEM'
    : undefined;
}
