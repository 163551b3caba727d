// Tries every link between an agent and what it depends on, in the order in which one needs the other, and changes nothing: it works
// beside a running agent.
import path from 'node:path';
import type { CoordinatorAddress } from '../link/coordinator-way.ts';
import { identityFolderName, readIdentity, type Identity } from '../link/identity.ts';
import { keyFileName, nextKeySuffix } from '../vault/vault-key.ts';
import { vaultFileName } from '../vault/vault.ts';
import { readSettings, settingsFileName } from '../settings-file.ts';
import type { AgentOptions } from '../options.ts';
import { formatHostPort } from '../../lib/option-values.ts';
import type { Clock } from '../../lib/time.ts';
import {
  fingerprintOf,
  judgeVersion,
  probeAuthority,
  probeCertificate,
  probeClock,
  probeIdentity,
} from './coordinator-probes.ts';
import { probeDataFolder, probeOwnerOnly, probeSource } from './folder-probes.ts';
import { detourOf, probeName, probePort, proxyAddress } from './network-probes.ts';
import { failed, failure, ok, type Outcome } from './outcome.ts';
import { probeDestination, SignInProbe } from './sign-in-probe.ts';

/** One line of what was found. */
export interface Finding {
  /** Which link, such as `certificate`. */
  check: string;
  /** `skipped`: not tried, because what it needs has failed. */
  state: Outcome['state'] | 'skipped';
  words: string;
  advice?: string;
}

export interface DoctorParts {
  dataFolder: string;
  /** Throws a DroverError when flags, environment or settings are wrong. */
  options: () => AgentOptions;
  /** Places to look at beside the source roots. */
  sources: readonly string[];
  /** Places to write to. */
  destinations: readonly string[];
  clock: Clock;
  signal: AbortSignal;
}

/** What was found, link by link, as it is found. Rejects with CANCELLED when the signal aborts. */
export async function* examine(parts: DoctorParts): AsyncGenerator<Finding> {
  const { dataFolder, sources } = parts;
  const settings = examineSettings(parts);
  yield finding('settings', settings.outcome);
  yield finding('data folder', probeDataFolder(dataFolder));
  yield finding('owner only', probeOwnerOnly(dataFolder, secretNames));
  const { options } = settings;
  if (options === undefined) {
    yield skipped('coordinator', 'what the settings say cannot be used');
    yield* await examineSources(sources);
    return;
  }
  yield* examineCoordinators(options, parts);
  yield* examineTenant(options, parts);
  yield* await examineSources([...options.sourceRoots, ...sources]);
}

/** What in the data folder nobody but its owner may read. */
const secretNames = [
  identityFolderName,
  path.join(identityFolderName, 'identity.json'),
  vaultFileName,
  keyFileName,
  `${keyFileName}${nextKeySuffix}`,
  path.join('sign-in', 'tokens.json'),
];

function examineSettings({ dataFolder, options }: DoctorParts): {
  outcome: Outcome;
  options?: AgentOptions;
} {
  try {
    const compiled = options();
    const file = path.join(dataFolder, settingsFileName);
    const where = readSettings(dataFolder) === undefined ? `there is no ${file}, and what was given will do` : `${file} is good`; // oxfmt-ignore
    const who = compiled.signIn === undefined ? 'it serves folders only' : `it signs in to ${compiled.signIn.tenant}`; // oxfmt-ignore
    return { outcome: ok(`${where}; ${who}`), options: compiled };
  } catch (thrown) {
    return { outcome: failure(thrown, 'Put that in order, or run `drover-agent setup` again.') };
  }
}

async function* examineCoordinators(
  options: AgentOptions,
  parts: DoctorParts,
): AsyncGenerator<Finding> {
  let identity: Identity | undefined;
  try {
    identity = readIdentity(options.dataFolder);
    yield finding('certificate', identity === undefined ? notJoined() : probeCertificate(identity, parts.clock)); // oxfmt-ignore
  } catch (thrown) {
    yield finding('certificate', failure(thrown));
  }
  for (const address of options.coordinators) yield* examineCoordinator(address, identity, parts);
}

async function* examineCoordinator(
  address: CoordinatorAddress,
  identity: Identity | undefined,
  { clock, signal }: DoctorParts,
): AsyncGenerator<Finding> {
  const later = (what: string) =>
    ['TLS', 'clock', 'accepted', 'version'].map((check) => skipped(check, what));
  const place = formatHostPort(address);
  const detour = detourOf(address);
  if (detour !== undefined) {
    // Whether it gets there shows in the next finding.
    yield finding('proxy', detour);
  } else {
    const name = await probeName(address);
    yield finding('name', name);
    if (name.state === 'failed') {
      yield skipped('connection', `${address.host} cannot be resolved`);
      return yield* later(`${place} cannot be reached`);
    }
    const port = await probePort('the coordinator', address);
    yield finding('connection', port);
    if (port.state === 'failed') return yield* later(`${place} cannot be reached`);
  }
  if (identity === undefined) return yield* later('this agent has not joined');
  const { outcome, authority } = await probeAuthority(address, fingerprintOf(identity.authority), signal); // oxfmt-ignore
  yield finding('TLS', outcome);
  if (authority === undefined) return yield* later(`${place} is not trusted`).slice(1);
  yield finding('clock', await probeClock(address, authority, clock, signal));
  const accepted = await probeIdentity(identity, address);
  yield finding('accepted', accepted.outcome);
  yield accepted.answer === undefined
    ? skipped('version', 'the coordinator did not answer this agent')
    : finding('version', judgeVersion(accepted.answer.version));
}

async function* examineTenant(options: AgentOptions, parts: DoctorParts): AsyncGenerator<Finding> {
  const { signIn } = options;
  const { destinations, clock, signal } = parts;
  using probe = new SignInProbe(options, clock);
  if (signIn !== undefined) {
    yield finding('vault', probe.vault());
    const { proxyUrl } = signIn.http;
    if (proxyUrl !== undefined)
      yield finding('proxy', await probePort('the proxy', proxyAddress(proxyUrl)));
    const { signIn: signedIn, graph } = await probe.tenant(signal);
    yield finding('sign-in', signedIn);
    yield graph === undefined ? skipped('Graph', 'nobody is signed in') : finding('Graph', graph);
  }
  for (const place of destinations)
    yield finding('destination', await probeDestination(place, options, probe, signal));
}

async function examineSources(sources: readonly string[]): Promise<Finding[]> {
  return await Promise.all(
    [...new Set(sources)].map(async (source) => finding('source', await probeSource(source))),
  );
}

function notJoined(): Outcome {
  return failed(
    'this agent has not joined a coordinator yet',
    'Run `drover-agent setup` with an invitation; `drover agents invite` makes one.',
  );
}

function finding(check: string, outcome: Outcome): Finding {
  return { check, ...outcome };
}

function skipped(check: string, why: string): Finding {
  return { check, state: 'skipped', words: `not tried: ${why}` };
}
