// The agent's own sign-in, tried without leaving a trace: what it kept is read from a copy, and nobody is asked for a code.
import { randomBytes } from 'node:crypto';
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { createLog } from '../../lib/log.ts';
import type { Clock } from '../../lib/time.ts';
import { createCredential, type CredentialParts, type SignInOptions } from '../credential/credential.ts'; // oxfmt-ignore
import { checkDestination, destinationFolder } from '../destination/open-destination.ts';
import { createGateMemory } from '../destination/sharepoint/tenant-gate.ts';
import type { AgentOptions } from '../options.ts';
import { withKeptProxy } from '../vault/kept-proxy.ts';
import { keptApplication, listCredentials } from '../vault/kept-credentials.ts';
import { sealedBox, sealKeyBytes } from '../../lib/sealed-box.ts';
import { readVaultKey } from '../vault/vault-key.ts';
import { openVault, vaultFileName, type Vault } from '../vault/vault.ts';
import { probeWritable } from './folder-probes.ts';
import { failed, failure, ok, type Outcome } from './outcome.ts';
import { probeTenant, type TenantOutcomes } from './tenant-probe.ts';

const timeoutMs = 90_000;

export class SignInProbe implements Disposable {
  readonly #options: AgentOptions;
  readonly #clock: Clock;
  #vault: Vault | undefined;
  #copyFolder: string | undefined;

  constructor(options: AgentOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  /** Whether the vault opens. It is not made where there is none. */
  vault(): Outcome {
    const { dataFolder, vaultKeyFile: keyFile, credentialsFolder } = this.#options;
    const places = { dataFolder, keyFile, credentialsFolder };
    try {
      if (readVaultKey(places) === undefined && !existsSync(path.join(dataFolder, vaultFileName)))
        return ok('there is no vault yet');
      this.#vault = openVault(places);
      const names = listCredentials(this.#vault).map(({ name }) => name);
      return ok(`the vault opens; in it: ${names.length === 0 ? 'nothing' : names.join(', ')}`);
    } catch (thrown) {
      return failure(thrown);
    }
  }

  /** Signs in and calls Graph. */
  async tenant(signal: AbortSignal): Promise<TenantOutcomes> {
    const ended = new AbortController();
    try {
      const { options, parts } = this.#prepare(ended);
      return await probeTenant(options, parts, AbortSignal.any([signal, ended.signal]));
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      const outcome = ended.signal.aborted ? (ended.signal.reason as Outcome) : failure(thrown);
      return { signIn: outcome, graph: undefined, isUnreachable: false };
    }
  }

  /** Whether a place in the tenant can be written to. Throws DroverError. */
  async checkPlace(place: string, signal: AbortSignal): Promise<void> {
    const ended = new AbortController();
    const stop = AbortSignal.any([signal, ended.signal, AbortSignal.timeout(timeoutMs)]);
    const { options, parts } = this.#prepare(ended);
    await using credential = createCredential(options, parts);
    const host = {
      token: (forceRefresh: boolean) =>
        credential.accessToken('graph', { forceRefresh, signal: stop }),
      log: () => {},
    };
    const access = {
      graphUrl: options.graphUrl,
      route: options.http,
      gate: createGateMemory(1),
      lanes: 1,
    };
    try {
      await checkDestination(place, { access, host, run: '', signal: stop });
    } catch (thrown) {
      if (signal.aborted || !stop.aborted) throw thrown;
      throw new DroverError(
        ErrorReason.DESTINATION_BUSY,
        `"${place}" could not be looked at: no answer in ${timeoutMs / 1000} seconds`,
        { cause: thrown, metadata: { destination: place } },
      );
    }
  }

  [Symbol.dispose](): void {
    if (this.#copyFolder !== undefined) rmSync(this.#copyFolder, { recursive: true, force: true });
  }

  /** `ended` aborts with an outcome when a person would have to be asked. */
  #prepare(ended: AbortController): { options: SignInOptions; parts: CredentialParts } {
    const signIn = this.#options.signIn!;
    const vault = this.#vault;
    const options = {
      ...(vault === undefined ? signIn : withKeptProxy(signIn, vault)),
      cacheFile: this.#copyOf(signIn.cacheFile),
    };
    const parts: CredentialParts = {
      log: createLog('drover-agent', 'silent'),
      clock: this.#clock,
      box: vault?.box ?? sealedBox(randomBytes(sealKeyBytes)),
      kept: () => (vault === undefined ? undefined : keptApplication(vault)),
      showDeviceCode: () => ended.abort(nobodySignedIn),
    };
    return { options, parts };
  }

  #copyOf(cacheFile: string | undefined): string | undefined {
    if (cacheFile === undefined || !existsSync(cacheFile)) return undefined;
    this.#copyFolder ??= mkdtempSync(path.join(tmpdir(), 'drover-doctor-'));
    const copy = path.join(this.#copyFolder, path.basename(cacheFile));
    if (!existsSync(copy)) copyFileSync(cacheFile, copy);
    return copy;
  }
}

const nobodySignedIn = failed(
  'nobody has signed in, or the sign-in has ended',
  'Start the agent: it shows a code and where to type it. `drover-agent setup` does so, too.',
);

/** Whether a destination can be written to. */
export async function probeDestination(
  place: string,
  options: AgentOptions,
  probe: SignInProbe,
  signal: AbortSignal,
): Promise<Outcome> {
  try {
    const folder = destinationFolder(place);
    if (folder !== undefined)
      return probeWritable(folder) ?? ok(`the folder ${folder} can be written to`);
    if (options.signIn === undefined) await checkDestination(place, undefined);
    else await probe.checkPlace(place, signal);
    return ok(`${place} can be written to`);
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    return failure(thrown);
  }
}
