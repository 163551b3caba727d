// What the agent can read. On Windows shares are connected with an account that is kept; elsewhere they are mounted, and no account is.
import { failed, ok } from '../doctor/outcome.ts';
import { probeSource } from '../doctor/folder-probes.ts';
import { sourceRoots } from '../option-parsers.ts';
import { ConnectError, shareError } from '../source/share-error.ts';
import { isSharePattern, isWindowsUser, type WindowsAccount } from '../source/share-pattern.ts';
import { empty } from './asker.ts';
import type { SetUpContext } from './context.ts';

/** An account for the shares that a pattern names. */
export interface ShareAccount {
  pattern: string;
  account: WindowsAccount;
}

/** Throws as the asker does. */
export async function askShareAccount(context: SetUpContext): Promise<ShareAccount | undefined> {
  const { asker, shares } = context;
  if (shares === undefined) {
    if (asker.isInteractive)
      asker.say('On this platform shares are read through a mount, and no Windows account is kept: mount the share, and give the folder.'); // oxfmt-ignore
    return undefined;
  }
  // An unattended machine is given its accounts by `drover-agent credentials set windows-account`.
  if (!asker.isInteractive) return undefined;
  const pattern = await asker.ask<string>({
    from: '--share',
    message: String.raw`A share to connect with an account of its own, \\server\share (Enter: none)`,
    usual: '',
    take: (answer) => {
      const share = answer.trim();
      if (share === '' || isSharePattern(share)) return { value: share };
      return { refused: failed(`"${share}" is no share`, String.raw`Give \\server\share.`) };
    },
  });
  if (pattern === '') return undefined;
  const user = await asker.ask<string>({
    from: '--user',
    message: String.raw`Windows account that can read it, DOMAIN\user or user@domain`,
    take: (answer) =>
      isWindowsUser(answer.trim())
        ? { value: answer.trim() }
        : { refused: failed(`"${answer}" is no account`, String.raw`Give DOMAIN\user or user@domain.`) }, // oxfmt-ignore
  });
  return await asker.ask<ShareAccount>({
    from: 'the password',
    message: `Password of ${user}`,
    isSecret: true,
    take: async (password) => {
      if (password === '') return empty('a password');
      const account = { user, password };
      try {
        await shares.connect(pattern, account);
      } catch (thrown) {
        if (!(thrown instanceof ConnectError)) throw thrown;
        throw shareError(thrown.code, { share: pattern, user });
      }
      await shares.disconnect(pattern);
      return { value: { pattern, account }, outcomes: [ok(`${user} can connect ${pattern}`)] };
    },
  });
}

/** Throws as the asker does. */
export async function askSourceRoots(context: SetUpContext): Promise<string[]> {
  const { asker, given, before } = context;
  const roots: string[] = [];
  if (given.sourceRoots !== undefined || !asker.isInteractive) {
    for (const root of given.sourceRoots ?? before?.sourceRoots ?? []) {
      const kept = await askRoot(context, roots, root);
      if (kept !== undefined) roots.push(kept);
    }
    return roots;
  }
  const known = before?.sourceRoots ?? [];
  const choice = known.length === 0 ? 'anew' : await askWhatBecomes(context, known);
  if (choice !== 'anew') roots.push(...known);
  if (choice === 'keep') return roots;
  for (;;) {
    const root = await askRoot(context, roots, undefined);
    if (root === undefined) return roots;
    if (!roots.includes(root)) roots.push(root);
  }
}

/** What was there before stays whatever becomes of it now: a share may be away for a while. */
async function askWhatBecomes(
  { asker }: SetUpContext,
  known: readonly string[],
): Promise<'keep' | 'add' | 'anew'> {
  return await asker.ask<'keep' | 'add' | 'anew'>({
    from: '--source-root',
    message: `This agent reads from ${known.join(', ')}.`,
    usual: 'keep',
    choices: [
      { value: 'keep', name: 'it stays so' },
      { value: 'add', name: 'there is more' },
      { value: 'anew', name: 'say anew what it reads from' },
    ],
    take: async (answer) => ({
      value: answer as 'keep' | 'add' | 'anew',
      outcomes: answer === 'anew' ? [] : await Promise.all(known.map(probeSource)),
    }),
  });
}

async function askRoot(
  { asker }: SetUpContext,
  roots: readonly string[],
  given: string | undefined,
): Promise<string | undefined> {
  const rest = roots.length === 0 ? 'every path' : 'no more';
  return await asker.ask<string | undefined>({
    from: '--source-root',
    message: 'A folder or share that this agent is to read from',
    given,
    usual: '',
    usualShown: rest,
    take: async (answer) => {
      const root = answer.trim();
      if (root === '') return { value: undefined };
      sourceRoots(root, [...roots]);
      const outcome = await probeSource(root);
      return outcome.state === 'failed'
        ? { refused: outcome }
        : { value: root, outcomes: [outcome] };
    },
  });
}
