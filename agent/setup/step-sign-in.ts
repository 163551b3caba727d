// How the agent signs in to the tenant: every answer is tried by really signing in and calling Graph.
import { copyFileSync, existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { makeFolders } from '../../lib/make-folders.ts';
import { createLog } from '../../lib/log.ts';
import { withoutGaps } from '../../lib/without-gaps.ts';
import { splitPem } from '../credential/client-certificate.ts';
import type { SignInCredential, SignInOptions } from '../credential/credential.ts';
import { readSignIn, type SignInFlags } from '../credential/sign-in-options.ts';
import { failed, warning, type Outcome } from '../doctor/outcome.ts';
import { probeTenant } from '../doctor/tenant-probe.ts';
import type { AgentSettingsFile, SignInKind } from '../settings-file.ts';
import { plainProxy, withKeptProxy } from '../vault/kept-proxy.ts';
import { keptApplication, type ApplicationCredential } from '../vault/kept-credentials.ts';
import { empty, type Taken } from './asker.ts';
import type { SetUpContext } from './context.ts';

type SignInSettings = Pick<
  AgentSettingsFile,
  'signIn' | 'tenant' | 'clientId' | 'authority' | 'graph' | 'proxy' | 'caFile'
>;

export interface SignInAnswer {
  settings: SignInSettings;
  /** To be kept; undefined: what the vault has already, or nothing. */
  credential?: ApplicationCredential;
  /** The whole address of a proxy that asks for a password. */
  proxyUrl?: string | undefined;
  /** What a person's sign-in left, to be moved to its place. */
  stagedTokens?: string;
}

/** Throws as the asker does. */
export async function askSignIn(context: SetUpContext): Promise<SignInAnswer> {
  const { asker, given, before } = context;
  const kind = await asker.ask<SignInKind>({
    from: '--sign-in',
    message: 'How does this agent sign in to SharePoint?',
    given: given.signIn ?? inferredKind(context),
    usual: asker.isInteractive ? (before?.signIn ?? 'application') : before?.signIn,
    choices: [
      { value: 'application', name: 'as an application, with a secret or a certificate' },
      { value: 'person', name: 'as a person, by a code (with MFA and conditional access, too)' },
      { value: 'none', name: 'not at all: it migrates to folders only' },
    ],
    take: (answer) => ({ value: answer as SignInKind }),
  });
  if (kind === 'none') return { settings: { signIn: 'none' } };
  const draft: Draft = { ...pickRoute(context), kind };
  for (;;) {
    await askParts(draft, context);
    // An answer that was given beforehand is used once: what does not work is asked for.
    const answer = await context.asker.ask<SignInAnswer | undefined>({
      from: 'the sign-in',
      message: 'Signing in:',
      given: `${draft.tenant} as ${draft.clientId}`,
      take: () => tryDraft(draft, context),
    });
    if (answer !== undefined) return answer;
    draft.isRetry = true;
  }
}

/** What was answered so far. */
interface Draft extends SignInFlags {
  kind: 'person' | 'application';
  secret?: string | undefined;
  certificate?: string | undefined;
  isRetry?: boolean;
  /** The service could not be reached, so the way there is asked for. */
  isUnreachable?: boolean;
}

function inferredKind({ given }: SetUpContext): SignInKind | undefined {
  const isApplication = given.clientSecret !== undefined || given.clientCertificate !== undefined;
  return isApplication ? 'application' : undefined;
}

function pickRoute({ given, before }: SetUpContext): SignInFlags {
  const { authority, graph, proxy, caFile } = { ...before, ...given };
  return withoutGaps({ authority, graph, proxy, caFile });
}

async function askParts(draft: Draft, context: SetUpContext): Promise<void> {
  const { asker, given, before } = context;
  // What was not heard there cannot have been wrong.
  if (draft.isUnreachable === true) return await askRoute(draft, context);
  const first = draft.isRetry !== true;
  draft.tenant = await asker.ask<string>({
    from: '--tenant',
    message: 'Tenant, its id or one of its domains, such as contoso.onmicrosoft.com',
    given: first ? given.tenant : undefined,
    usual: draft.tenant ?? before?.tenant,
    take: (answer) => checkedPart({ tenant: answer.trim(), clientId: anyId }, answer.trim()),
  });
  draft.clientId = await asker.ask<string>({
    from: '--client-id',
    message: 'Application (client) id',
    given: first ? given.clientId : undefined,
    usual: draft.clientId ?? before?.clientId,
    take: (answer) => checkedPart({ tenant: 'contoso.com', clientId: answer.trim() }, answer.trim()), // oxfmt-ignore
  });
  if (draft.kind === 'application') await askCredential(draft, context, first);
}

const anyId = '00000000-0000-0000-0000-000000000000';

/** Checks one part as the agent would, with the others as they may be. */
function checkedPart(flags: SignInFlags, value: string): Taken<string> {
  readSignIn(flags, {});
  return { value };
}

async function askRoute(draft: Draft, { asker }: SetUpContext): Promise<void> {
  draft.proxy = await asker.ask<string>({
    from: '--proxy',
    message: 'HTTP proxy on the way there, such as http://proxy:3128, or "none"',
    usual: draft.proxy ?? 'none',
    // A password may stand in it.
    usualShown: draft.proxy === undefined ? 'none' : plainProxy(draft.proxy),
    take: (answer) => checkedPart({ tenant: 'contoso.com', clientId: anyId, ...(answer === 'none' ? {} : { proxy: answer }) }, answer), // oxfmt-ignore
  });
  if (draft.proxy === 'none') delete draft.proxy;
  draft.caFile = await asker.ask<string>({
    from: '--ca-file',
    message: 'PEM file with certificate authorities of your own ("none": none)',
    usual: draft.caFile ?? 'none',
    take: (answer) => checkedPart({ tenant: 'contoso.com', clientId: anyId, ...(answer === 'none' ? {} : { caFile: answer }) }, answer), // oxfmt-ignore
  });
  if (draft.caFile === 'none') delete draft.caFile;
}

async function askCredential(draft: Draft, context: SetUpContext, first: boolean): Promise<void> {
  const { asker, given, vault, before } = context;
  if (first && given.clientCertificate !== undefined) {
    draft.certificate = given.clientCertificate;
    return;
  }
  if (first && given.clientSecret !== undefined) {
    draft.secret = given.clientSecret;
    return;
  }
  // A secret that is kept is that of the application that was set up.
  const isSame = draft.clientId === before?.clientId && draft.tenant === before?.tenant;
  const isKept = keptApplication(vault) !== undefined && isSame && first;
  await asker.ask<void>({
    from: 'DROVER_CLIENT_SECRET, --client-secret-file or --client-certificate-file',
    message: "The application's secret, or the path of a PEM file with its certificate and key",
    isSecret: true,
    ...(isKept ? { usual: '', usualShown: 'the one in the vault' } : {}),
    take: (answer) => {
      if (answer === '') return isKept ? { value: undefined } : empty('a secret or a certificate');
      const isFile = path.isAbsolute(answer) && existsSync(answer);
      draft.secret = isFile ? undefined : answer.trim();
      draft.certificate = isFile ? readFileSync(answer, 'utf8') : undefined;
      return { value: undefined };
    },
  });
}

/** Undefined when it does not work, which was told, and is to be asked for again. */
async function tryDraft(
  draft: Draft,
  context: SetUpContext,
): Promise<Taken<SignInAnswer | undefined>> {
  const { asker, clock, signal, vault, environment } = context;
  const { kind, secret, certificate, isRetry: _, isUnreachable: __, ...flags } = draft;
  const compiled = compile({ ...flags, signIn: kind }, environment, vault, context);
  const credential = givenCredential(secret, certificate);
  if (credential === 'damaged')
    return refusedOrAgain(context, failed('that file has to hold a certificate and its private key, both PEM', 'Put both into one file.')); // oxfmt-ignore
  const person = kind === 'person' ? stageTokens(compiled, context) : undefined;
  const ended = new AbortController();
  const options: SignInOptions = {
    ...compiled,
    ...(credential === undefined ? {} : { credential }),
    cacheFile: person,
  };
  const parts = {
    log: createLog('drover-agent', 'silent'),
    clock,
    box: vault.box,
    kept: () => keptApplication(vault),
    showDeviceCode: (message: string) =>
      asker.isInteractive ? asker.say(`  ${message}`) : ended.abort(),
  };
  const answer: SignInAnswer = {
    settings: settingsOf(draft),
    ...(credential === undefined ? {} : { credential }),
    proxyUrl: compiled.http.proxyUrl,
    ...(person === undefined ? {} : { stagedTokens: person }),
  };
  try {
    const stop = AbortSignal.any([signal, ended.signal]);
    const { signIn, graph, isUnreachable } = await probeTenant(options, parts, stop);
    const bad = [signIn, graph].find((outcome) => outcome?.state === 'failed');
    if (bad === undefined)
      return { value: answer, outcomes: [signIn, graph].filter((outcome) => outcome !== undefined) }; // oxfmt-ignore
    draft.isUnreachable = isUnreachable;
    return refusedOrAgain(context, bad);
  } catch (thrown) {
    if (!ended.signal.aborted) throw thrown;
    return { value: answer, outcomes: [nobodyYet] };
  }
}

const nobodyYet = warning(
  'nobody has signed in yet',
  'When the agent starts it shows a code and where to type it.',
);

/** A person is asked again for all parts; nobody else can be. */
function refusedOrAgain({ asker }: SetUpContext, outcome: Outcome): Taken<undefined> {
  if (!asker.isInteractive) return { refused: outcome };
  return { value: undefined, outcomes: [outcome] };
}

function compile(
  flags: SignInFlags,
  environment: SetUpContext['environment'],
  vault: SetUpContext['vault'],
  { dataFolder }: SetUpContext,
): SignInOptions {
  // The secret of the environment is among what was given, and was taken or replaced by another answer.
  const { DROVER_CLIENT_SECRET: _, ...rest } = environment;
  const options = readSignIn(flags, rest, dataFolder)!;
  return flags.proxy === undefined ? options : withKeptProxy(options, vault);
}

function givenCredential(
  secret: string | undefined,
  certificate: string | undefined,
): Exclude<SignInCredential, { kind: 'device-code' }> | 'damaged' | undefined {
  if (secret !== undefined) return { kind: 'secret', secret };
  if (certificate === undefined) return undefined;
  const parts = splitPem(certificate);
  return parts === undefined ? 'damaged' : { kind: 'certificate', ...parts };
}

/** Where a person's sign-in is kept until the end; it begins with what is kept of the same person's, when nothing else is asked for. */
function stageTokens({ cacheFile, tenant, clientId }: SignInOptions, context: SetUpContext) {
  const { before } = context;
  const staged = `${cacheFile!}.new`;
  makeFolders(path.dirname(staged), 0o700);
  rmSync(staged, { force: true });
  const isSame = before?.tenant === tenant && before.clientId === clientId;
  if (isSame && existsSync(cacheFile!)) copyFileSync(cacheFile!, staged);
  context.onBrokenOff(() => rmSync(staged, { force: true }));
  return staged;
}

function settingsOf(draft: Draft): SignInSettings {
  const { kind, tenant, clientId, authority, graph, proxy, caFile } = draft;
  return {
    signIn: kind,
    ...withoutGaps({
      ...{ tenant, clientId, authority, graph },
      proxy: proxy === undefined ? undefined : plainProxy(proxy),
      caFile: caFile === undefined ? undefined : path.resolve(caFile),
    }),
  };
}
