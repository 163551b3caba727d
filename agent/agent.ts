// The agent as a whole: opens its parts in order, lets them work, closes them in reverse.
import path from 'node:path';
import { ErrorReason } from '../gen/drover/v1/error_pb.ts';
import { DroverError } from '../lib/error.ts';
import type { Logger } from '../lib/log.ts';
import { pause, type Clock } from '../lib/time.ts';
import { askAnyCoordinator } from './link/any-coordinator.ts';
import type { CoordinatorAddress } from './link/coordinator-way.ts';
import { expired, isStillTaken, keepCertificate } from './link/certificate-keeper.ts';
import type { SignInOptions } from './credential/credential.ts';
import { createGateMemory } from './destination/sharepoint/tenant-gate.ts';
import { join } from './link/enroll.ts';
import {
  certificateLife,
  identityFolderName,
  readIdentity,
  writeIdentity,
  type Identity,
} from './link/identity.ts';
import { Session } from './link/session.ts';
import type { PoolOptions } from './pool/piscina-pool.ts';
import type { Pool } from './pool/pool.ts';
import { openJournal } from './run/journal.ts';
import { ShareHost } from './run/share-host.ts';
import { sharePool } from './run/share-pool.ts';
import type { ShareConnector } from './source/share-connector.ts';
import { TenantHost } from './run/tenant-host.ts';
import { Work } from './run/work.ts';
import { aborted } from '../lib/process-edge.ts';
import { withKeptProxy } from './vault/kept-proxy.ts';
import { followVault, type FollowedVault } from './vault/followed-vault.ts';
import { finishRekey } from './vault/rekey.ts';
import { openVault, type SealedBox } from './vault/vault.ts';

/** What an agent is started with; see AgentOptions for the meaning of each. */
export interface AgentSettings {
  coordinators: readonly CoordinatorAddress[];
  dataFolder: string;
  joinToken: string | undefined;
  displayName: string;
  group: string;
  sourceRoots: readonly string[];
  threads: number;
  signIn: SignInOptions | undefined;
  requests: number;
  vaultKeyFile?: string | undefined;
  credentialsFolder?: string | undefined;
}

export interface AgentParts {
  createPool: (options: PoolOptions) => Pool;
  clock: Clock;
  log: Logger;
  /** Shows a person where to go and which code to type there. */
  showDeviceCode: (message: string) => void;
  /** Connects Windows shares; undefined where the platform does not. */
  shares?: ShareConnector | undefined;
}

export interface AgentSignals {
  /** Finish what is going, take nothing new, then end. */
  drain: AbortSignal;
  /** End at once. */
  stop: AbortSignal;
}

/** What is known when the agent is attached for the first time. */
export interface ReadyAgent {
  /** agents/{agent} */
  agent: string;
  /** host:port */
  coordinator: string;
  slots: number;
}

/** How long a drained agent waits for its last results to be acknowledged; the journal keeps them beyond that. */
const acknowledgementWaitMs = 20_000;
/** So often an agent that was told to end says what it waits for. */
const drainingToldMs = 60_000;
/** How long jobs get to remove what is half-written when the agent is to end at once. */
const stopWaitMs = 1_500;

/**
 * Runs an agent until it is told to end; answers whether it could finish what it had begun. Rejects with a DroverError when
 * it cannot join, its data folder cannot be used, the coordinator refuses it, or its threads cannot be started.
 */
export async function runAgent(
  settings: AgentSettings,
  parts: AgentParts,
  signals: AgentSignals,
  onReady: (ready: ReadyAgent) => void,
): Promise<'drained' | 'stopped'> {
  const { clock, log } = parts;
  await using resources = new AsyncDisposableStack();
  resources.use(keepAwake());
  const { dataFolder, vaultKeyFile: keyFile, credentialsFolder } = settings;
  const places = { dataFolder, keyFile, credentialsFolder };
  const vault = openVault(places);
  const journal = resources.use(await openJournal(path.join(dataFolder, 'journal'), vault.box));
  await finishRekey(places, { vault, journal, log });
  let identity = await ensureIdentity(settings, parts, signals.drain);
  if (identity === undefined) return 'drained';
  const kept = resources.use(followVault(vault, { clock, log }));
  const signIn = settings.signIn && withKeptProxy(settings.signIn, vault);
  const tenant = await openTenantHost({ ...settings, signIn }, parts, { box: vault.box, kept }, resources); // oxfmt-ignore
  const shares = openShareHost(parts, kept, resources);
  const { promise: broken, reject: onBroken } = Promise.withResolvers<never>();
  broken.catch(() => undefined);
  const onLost = (err: unknown) => log.error({ err }, 'a worker thread ended between two jobs; another one takes its place'); // oxfmt-ignore
  const onStuck = (why: string) => log.error({ why }, 'a worker thread whose job did not end was ended; another one takes its place'); // oxfmt-ignore
  const threads = resources.use(parts.createPool({ threads: settings.threads, onBroken, onLost, onStuck })); // oxfmt-ignore
  const pool = shares === undefined ? threads : sharePool(threads, shares);
  // One more than there are threads waits ready, so that no thread is idle between two leases.
  const slots = settings.threads + 1;
  const { sourceRoots } = settings;
  const work = new Work({
    pool,
    journal,
    slots,
    sourceRoots,
    authority: identity.authority,
    tenant,
    shares,
    log,
  });
  resources.defer(() => stopWork(work, clock));
  await work.restore();
  const session = new Session({
    addresses: settings.coordinators,
    trust: () => identity!,
    work,
    slots,
    locationKinds: ['file', ...(shares ? ['unc'] : []), ...(tenant ? ['sharepoint'] : [])],
    group: settings.group,
    sourceRoots,
    clock,
    log,
    onAttached: once((attached) => onReady({ ...attached, slots })),
  });
  const keeper = {
    addresses: settings.coordinators,
    identity: () => identity!,
    replace: (renewed: Identity) => {
      writeIdentity(settings.dataFolder, renewed);
      identity = renewed;
      session.reconnect();
    },
    clock,
    log,
  };
  const ended = new AbortController();
  const stop = AbortSignal.any([signals.stop, ended.signal]);
  try {
    const attached = session.run(stop).finally(() => ended.abort());
    const kept = keepCertificate(keeper, stop).finally(() => ended.abort());
    const drained = drainWhenTold(work, session, parts, signals.drain, stop);
    await Promise.race([Promise.all([attached, kept, drained]), broken]);
  } catch (error) {
    ended.abort();
    throw withAdviceToJoin(error, settings.dataFolder);
  }
  return signals.stop.aborted ? 'stopped' : 'drained';
}

/** The agent's way to the tenant; undefined when it was given no sign-in. */
async function openTenantHost(
  { signIn, requests, threads }: AgentSettings,
  { clock, log, showDeviceCode }: AgentParts,
  { box, kept }: { box: SealedBox; kept: FollowedVault },
  resources: AsyncDisposableStack,
): Promise<TenantHost | undefined> {
  if (signIn === undefined) return undefined;
  // What only an agent with a sign-in needs takes longer to load than the rest of it.
  const { createCredential } = await import('./credential/credential.ts');
  const credential = resources.use(
    createCredential(signIn, {
      clock,
      log,
      box,
      kept: () => kept.application(),
      showDeviceCode: (message) => {
        tenant.awaitPerson();
        showDeviceCode(message);
      },
    }),
  );
  const access = {
    graphUrl: signIn.graphUrl,
    route: signIn.http,
    gate: createGateMemory(requests),
    // A few more than the gate lets through: files are opened and hashed meanwhile.
    lanes: Math.ceil(requests / threads) + 2,
  };
  const tenant = new TenantHost({ credential, access, clock, log });
  resources.defer(() => tenant.close());
  kept.onChange('application', () => {
    credential.changed();
    tenant.signIn.hurry();
  });
  void tenant.signInEarly();
  return tenant;
}

/** The agent's way to shares, with the accounts of its vault. */
function openShareHost(
  { shares: connector, clock, log }: AgentParts,
  kept: FollowedVault,
  resources: AsyncDisposableStack,
): ShareHost | undefined {
  if (connector === undefined) return undefined;
  const host = new ShareHost({ connector, accounts: () => kept.accounts(), clock, log });
  resources.defer(() => host.close());
  kept.onChange('accounts', () => host.accountsChanged());
  return host;
}

async function drainWhenTold(
  work: Work,
  session: Session,
  { clock, log }: AgentParts,
  drain: AbortSignal,
  stop: AbortSignal,
): Promise<void> {
  await aborted(AbortSignal.any([drain, stop]));
  if (stop.aborted) return;
  work.drain();
  session.announce();
  await untilIdle(work, { clock, log }, stop);
  let left = 0;
  const acknowledged = work.until(({ leases }) => (left = leases) === 0);
  await Promise.race([acknowledged, pause(clock, acknowledgementWaitMs, stop)]);
  if (left > 0 && !stop.aborted)
    log.warn({ leases: left }, 'results were not acknowledged; the journal keeps them for the next start'); // oxfmt-ignore
  session.finish();
}

/** Waits until no job is going, and says so as long as that takes. */
async function untilIdle(
  work: Work,
  { clock, log }: Pick<AgentParts, 'clock' | 'log'>,
  stop: AbortSignal,
): Promise<void> {
  let going = 0;
  const idle = work.until(({ jobs }) => (going = jobs) === 0).then(() => true);
  while (going > 0 && !stop.aborted) {
    log.info({ jobs: going }, 'told to end: what is going comes to its end first; one more signal stops it at once'); // oxfmt-ignore
    const waited = pause(clock, drainingToldMs, stop).then(() => false);
    if (await Promise.race([idle, waited])) return;
  }
}

async function stopWork(work: Work, clock: Clock): Promise<void> {
  work.close();
  await Promise.race([work.until(({ jobs }) => jobs === 0), pause(clock, stopWaitMs)]);
}

/** The identity from the data folder, or a new one; undefined when the agent was told to end meanwhile. */
async function ensureIdentity(
  settings: AgentSettings,
  { clock, log }: AgentParts,
  drain: AbortSignal,
): Promise<Identity | undefined> {
  const { dataFolder, joinToken, displayName, coordinators } = settings;
  const known = readIdentity(dataFolder);
  if (known !== undefined) {
    const now = clock.now();
    if (now < certificateLife(known.certificate).endMs) return known;
    const isTaken = await isStillTaken(known, coordinators, drain);
    if (drain.aborted) return undefined;
    // Where nobody answers, the session waits for who does, and hears it then.
    if (isTaken === true || (isTaken === undefined && joinToken === undefined)) {
      log.warn({ agent: known.agent }, `by this computer's clock (${new Date(now).toISOString()}) the certificate has ended; ${isTaken ? 'the coordinator still takes it, so that the clock may be wrong' : 'what the coordinator says counts'}`); // oxfmt-ignore
      return known;
    }
  }
  if (joinToken === undefined) {
    if (known !== undefined) throw expired(known, clock.now());
    throw DroverError.invalid(
      '--join-token-file',
      'is missing: this agent has not joined a coordinator yet; make a token with `drover join-tokens create`',
    );
  }
  if (known !== undefined) log.warn({ agent: known.agent }, 'the certificate has ended; joining as a new agent'); // oxfmt-ignore
  const ask = (address: CoordinatorAddress) => join({ address, proof: { joinToken }, displayName, signal: drain }); // oxfmt-ignore
  try {
    const identity = await askAnyCoordinator(coordinators, ask, drain);
    writeIdentity(dataFolder, identity);
    return identity;
  } catch (error) {
    if (drain.aborted) return undefined;
    throw error;
  }
}

function withAdviceToJoin(error: unknown, dataFolder: string): DroverError {
  const failure = DroverError.from(error);
  const refused =
    failure.reason === ErrorReason.UNAUTHENTICATED ||
    failure.reason === ErrorReason.PERMISSION_DENIED ||
    failure.reason === ErrorReason.COORDINATOR_MISMATCH;
  if (!refused) return failure;
  const folder = path.join(dataFolder, identityFolderName);
  return new DroverError(
    failure.reason,
    `${failure.message}; to join again, remove ${folder} and start the agent with a new join token`,
    { cause: failure, metadata: { ...failure.metadata, folder } },
  );
}

// Between two attempts to attach nothing but a timer is left, and our timers do not keep a process alive.
function keepAwake(): Disposable {
  const timer = setInterval(() => undefined, 2 ** 30);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

function once<T>(callback: (value: T) => void): (value: T) => void {
  let called = false;
  return (value) => {
    if (!called) callback(value);
    called = true;
  };
}
