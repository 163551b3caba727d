// The main thread's side of shares: connects them with the accounts that the vault has, before a thread reads them. An account that is
// refused is the agent's trouble, and no item's; it is not tried again and again, because that would lock it for everybody.
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { parseLocation } from '../../lib/location.ts';
import type { Logger } from '../../lib/log.ts';
import { pause, type Clock } from '../../lib/time.ts';
import type { ShareConnector } from '../source/share-connector.ts';
import { ConnectError, isFinalRefusal, shareError } from '../source/share-error.ts';
import { accountFor, shareOf, type AccountRule, type Share, type WindowsAccount } from '../source/share-pattern.ts'; // prettier-ignore
import type { SignInTrouble } from './sign-in-watch.ts';

export interface ShareHostParts {
  connector: ShareConnector;
  /** What the vault has at this moment. */
  accounts: () => readonly AccountRule[];
  clock: Clock;
  log: Logger;
}

/** A share that is in use until it is released. */
export interface OpenShare {
  /** Where a thread reads it. */
  source: string;
  release(): void;
}

interface Connection {
  account: WindowsAccount;
  users: number;
}

interface Refusal {
  account: WindowsAccount;
  error: DroverError;
  /** Only another password, or another account, can change it. */
  isFinal: boolean;
}

/** How long a refusal that may pass by itself, such as a locked account, is left alone. */
export const shareRetryMs = 60_000;

export class ShareHost {
  readonly #parts: ShareHostParts;
  readonly #ended = new AbortController();
  readonly #watchers = new Set<() => void>();
  readonly #connections = new Map<Share, Connection>();
  readonly #refusals = new Map<Share, Refusal>();
  /** One call at a time: two for one server would stand in each other's way. */
  #turn: Promise<unknown> = Promise.resolve();
  #isRetrying = false;

  constructor(parts: ShareHostParts) {
    this.#parts = parts;
  }

  /** Why shares cannot be read at the moment; undefined while they can, or nothing else is known. */
  get trouble(): SignInTrouble | undefined {
    const [first] = this.#refusals.values();
    return first && { reason: first.error.reason, message: first.error.message };
  }

  /** Calls back whenever the trouble is another one, or over. */
  subscribe(callback: () => void): void {
    this.#watchers.add(callback);
  }

  /**
   * Connects what the source lies on, when there is an account for it. Throws SOURCE_SIGN_IN_FAILED, which is then the trouble of this
   * agent, or why the share cannot be reached.
   */
  async open(source: string): Promise<OpenShare> {
    const location = parseLocation(source, 'source');
    if (location.kind !== 'unc') return { source, release: () => {} };
    const share = shareOf(location);
    await this.#inTurn(() => this.#ensure(share));
    const connection = this.#connections.get(share);
    if (connection !== undefined) connection.users += 1;
    let isOpen = true;
    const release = () => {
      if (isOpen && connection !== undefined) connection.users -= 1;
      isOpen = false;
    };
    return { source: this.#parts.connector.sourceOf(location), release };
  }

  /** A source that was connected could not be read: whether the account is the reason. Throws as `open`. */
  async check(source: string): Promise<void> {
    const location = parseLocation(source, 'source');
    if (location.kind !== 'unc') return;
    const share = shareOf(location);
    await this.#inTurn(async () => {
      const connection = this.#connections.get(share);
      if (connection === undefined || connection.users > 1) return;
      await this.#disconnect(share);
      await this.#connect(share, connection.account);
    });
  }

  /** The vault has other accounts: what was refused is tried with them at once. */
  accountsChanged(): void {
    void this.#inTurn(() => this.#tryRefused(true));
  }

  /** Idempotent. */
  close(): void {
    this.#ended.abort();
    for (const share of this.#connections.keys()) void this.#disconnect(share);
  }

  async #ensure(share: Share): Promise<void> {
    const account = this.#accountFor(share);
    // Without an account the system uses the one that the agent runs under.
    if (account === undefined) return;
    const known = this.#connections.get(share);
    if (known !== undefined) {
      // A new password is for the next connection; another account has to wait until nobody reads.
      if (known.account.user === account.user || known.users > 0) return;
      await this.#disconnect(share);
    }
    const refused = this.#refusedFinally(account);
    if (refused !== undefined) throw refused.error;
    await this.#connect(share, account);
  }

  async #connect(share: Share, account: WindowsAccount): Promise<void> {
    const { connector, log } = this.#parts;
    try {
      await connector.connect(share, account);
    } catch (thrown) {
      if (!(thrown instanceof ConnectError)) throw thrown;
      const error = shareError(thrown.code, { share, user: account.user });
      const isAccount = error.reason === ErrorReason.SOURCE_SIGN_IN_FAILED;
      if (isAccount) this.#refuse(share, { account, error, isFinal: isFinalRefusal(thrown.code) });
      throw error;
    }
    log.info({ share, user: account.user }, 'connected a share');
    this.#connections.set(share, { account, users: 0 });
    this.#change(() => this.#refusals.delete(share));
  }

  async #disconnect(share: Share): Promise<void> {
    this.#connections.delete(share);
    await this.#parts.connector.disconnect(share);
  }

  #refuse(share: Share, refusal: Refusal): void {
    this.#parts.log.warn({ share }, refusal.error.message);
    this.#change(() => this.#refusals.set(share, refusal));
    if (!this.#isRetrying) void this.#retry();
  }

  async #retry(): Promise<void> {
    this.#isRetrying = true;
    const { signal } = this.#ended;
    while (this.#refusals.size > 0) {
      await pause(this.#parts.clock, shareRetryMs, signal);
      if (signal.aborted) return;
      await this.#inTurn(() => this.#tryRefused(false));
    }
    this.#isRetrying = false;
  }

  /** Those that may have changed by themselves, or whose account is another one. */
  async #tryRefused(onlyOthers: boolean): Promise<void> {
    for (const [share, refusal] of [...this.#refusals]) {
      const account = this.#accountFor(share);
      if (account === undefined) {
        this.#change(() => this.#refusals.delete(share));
        continue;
      }
      const isOther = !isSame(account, refusal.account);
      if (!isOther && (onlyOthers || refusal.isFinal)) continue;
      const refused = this.#refusedFinally(account);
      if (refused !== undefined) this.#change(() => this.#refusals.set(share, refused));
      // What is wrong is told as it is found.
      else await this.#connect(share, account).catch(() => undefined);
    }
  }

  /** One wrong password is one attempt, on however many shares it is to be used. */
  #refusedFinally(account: WindowsAccount): Refusal | undefined {
    const refusals = [...this.#refusals.values()];
    return refusals.find((refusal) => refusal.isFinal && isSame(refusal.account, account));
  }

  #accountFor(share: Share): WindowsAccount | undefined {
    return accountFor(share, this.#parts.accounts());
  }

  #change(change: () => void): void {
    const before = this.trouble;
    change();
    const { trouble } = this;
    if (before?.reason === trouble?.reason && before?.message === trouble?.message) return;
    if (trouble === undefined) this.#parts.log.info('shares can be connected again');
    for (const tell of this.#watchers) tell();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work, work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}

function isSame(one: WindowsAccount, other: WindowsAccount): boolean {
  return one.user === other.user && one.password === other.password;
}
