// The main thread's side of shares: connects them with the accounts that the vault has, before a thread reads them. An account that is
// refused is the agent's trouble, and no item's; it is not tried again and again, because that would lock it for everybody.
import { isDeepStrictEqual } from 'node:util';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { parseLocation } from '../../lib/location.ts';
import type { Logger } from '../../lib/log.ts';
import { pause, type Clock } from '../../lib/time.ts';
import type { ShareConnector } from '../source/share-connector.ts';
import { ConnectError, isFinalRefusal, shareError } from '../source/share-error.ts';
import { accountFor, shareOf, type AccountRule, type Share, type WindowsAccount } from '../source/share-pattern.ts'; // oxfmt-ignore
import { wordsOf, type Trouble } from './trouble.ts';

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
  /** Where it was tried. */
  share: Share;
  error: DroverError;
  /** Only another password, or another account, can change it, so that it holds for all servers. */
  isFinal: boolean;
}

/** Shares that cannot be read. */
export interface ShareTrouble extends Trouble {
  /** Those out of all that were wanted whose accounts are refused. */
  shares: readonly Share[];
}

/** How long a refusal that may pass by itself, such as a locked account, is left alone. */
export const shareRetryMs = 60_000;
/** How many shares are remembered that were wanted. */
const wantedMax = 500;

export class ShareHost {
  readonly #parts: ShareHostParts;
  readonly #ended = new AbortController();
  readonly #watchers = new Set<() => void>();
  readonly #connections = new Map<Share, Connection>();
  readonly #refusals = new Set<Refusal>();
  /** The shares that somebody wanted to read, the latest of them. */
  readonly #wanted = new Set<Share>();
  #told: ShareTrouble | undefined;
  /** One call at a time: two for one server would stand in each other's way. */
  #turn: Promise<unknown> = Promise.resolve();
  #isRetrying = false;

  constructor(parts: ShareHostParts) {
    this.#parts = parts;
  }

  /** Which shares cannot be read at the moment, and why; undefined while all can, or nothing else is known. */
  get trouble(): ShareTrouble | undefined {
    const [first] = this.#refusals;
    if (first === undefined) return undefined;
    const refused = [...this.#wanted].filter((share) => this.#refusalOf(share) !== undefined);
    if (refused.length === 0) return undefined;
    const message = wordsOf(Array.from(this.#refusals, ({ error }) => error.message));
    return { reason: first.error.reason, message, shares: refused.toSorted() };
  }

  /** Calls back whenever the trouble is another one, or over. */
  subscribe(callback: () => void): void {
    this.#watchers.add(callback);
  }

  /** Somebody wants to read the share: if its account is refused, the share is part of the trouble from now on. */
  want(share: Share): void {
    if (this.#wanted.has(share)) return;
    this.#wanted.add(share);
    // One that is wanted again after that is found out again.
    if (this.#wanted.size > wantedMax)
      for (const oldest of this.#wanted) {
        this.#wanted.delete(oldest);
        break;
      }
    this.#tell();
  }

  /**
   * Connects what the source lies on, when there is an account for it. Throws SOURCE_SIGN_IN_FAILED, which is then the trouble of this
   * agent, or why the share cannot be reached.
   */
  async open(source: string): Promise<OpenShare> {
    const location = parseLocation(source, 'source');
    if (location.kind !== 'unc') return { source, release: () => {} };
    const share = shareOf(location);
    this.want(share);
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
    const refused = this.#refusalOf(share);
    if (refused !== undefined) throw refused.error;
    await this.#connect(share, account);
  }

  async #connect(share: Share, account: WindowsAccount): Promise<void> {
    try {
      await this.#try(share, account);
    } finally {
      this.#tell();
    }
  }

  /** What comes of it is kept and not told. */
  async #try(share: Share, account: WindowsAccount): Promise<void> {
    const { connector, log } = this.#parts;
    try {
      await connector.connect(share, account);
    } catch (thrown) {
      if (!(thrown instanceof ConnectError)) throw thrown;
      const error = shareError(thrown.code, { share, user: account.user });
      const isAccount = error.reason === ErrorReason.SOURCE_SIGN_IN_FAILED;
      if (isAccount) this.#refuse({ share, account, error, isFinal: isFinalRefusal(thrown.code) });
      throw error;
    }
    log.info({ share, user: account.user }, 'connected a share');
    this.#connections.set(share, { account, users: 0 });
    this.#forget((refusal) => covers(refusal, share, account));
  }

  async #disconnect(share: Share): Promise<void> {
    this.#connections.delete(share);
    await this.#parts.connector.disconnect(share);
  }

  /** It takes the place of those that say no more than it does. */
  #refuse(refusal: Refusal): void {
    this.#parts.log.warn({ share: refusal.share }, refusal.error.message);
    this.#forget((known) => covers(refusal, known.share, known.account));
    this.#refusals.add(refusal);
    if (!this.#isRetrying) void this.#retry();
  }

  #forget(isMeant: (refusal: Refusal) => boolean): void {
    for (const refusal of [...this.#refusals]) if (isMeant(refusal)) this.#refusals.delete(refusal);
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

  /** Those that may have changed by themselves, or whose share has another account. What is wrong is told when all were tried. */
  async #tryRefused(onlyOthers: boolean): Promise<void> {
    for (const refusal of [...this.#refusals]) {
      const { share, isFinal } = refusal;
      const account = this.#accountFor(share);
      const isNew = account !== undefined && !isSame(account, refusal.account);
      if (isNew && !this.#connections.has(share) && this.#refusalOf(share) === undefined)
        await this.#try(share, account).catch(() => undefined);
      // Trying another may have changed this one.
      if (!this.#refusals.has(refusal)) continue;
      const waiting = this.#waitingFor(refusal);
      if (waiting === undefined) this.#refusals.delete(refusal);
      else if (!onlyOthers && !isFinal)
        await this.#try(waiting, refusal.account).catch(() => undefined);
    }
    this.#tell();
  }

  /** A share that the refusal keeps from being connected. */
  #waitingFor(refusal: Refusal): Share | undefined {
    return [refusal.share, ...this.#wanted].find((share) => {
      const account = this.#connections.has(share) ? undefined : this.#accountFor(share);
      return account !== undefined && covers(refusal, share, account);
    });
  }

  /** One wrong password is one attempt, on however many shares it is to be used; what else is wrong may be so on one server only. */
  #refusalOf(share: Share): Refusal | undefined {
    const account = this.#accountFor(share);
    if (account === undefined) return undefined;
    return [...this.#refusals].find((refusal) => covers(refusal, share, account));
  }

  #accountFor(share: Share): WindowsAccount | undefined {
    return accountFor(share, this.#parts.accounts());
  }

  #tell(): void {
    const { trouble } = this;
    if (isDeepStrictEqual(trouble, this.#told)) return;
    this.#told = trouble;
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

/** Whether a refusal is one of the account at the share. */
function covers(refusal: Refusal, share: Share, account: WindowsAccount): boolean {
  const isThere = refusal.isFinal || serverOf(refusal.share) === serverOf(share);
  return isThere && isSame(refusal.account, account);
}

function serverOf(share: Share): string {
  return share.slice(2, share.indexOf('\\', 2));
}
