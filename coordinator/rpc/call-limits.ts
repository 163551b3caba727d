// How much one caller may ask for, so that no client takes from agents and from others what they need. A caller is a credential, or a
// network address where nobody was recognised; agents have limits of their own, each by itself.
import type { DescMethod } from '@bufbuild/protobuf';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { pause, type Clock } from '../../lib/time.ts';
import { addressGroup } from '../trust/address-group.ts';
import type { Caller } from '../trust/caller.ts';
import { TokenBuckets } from './token-bucket.ts';

/** What the calls a second of a caller are by default. */
export const callsPerSecondDefault = 100;
/** So many seconds' calls may come at once from who was quiet before. */
const burstSeconds = 5;
/** Calls with a credential that is not good, from one address. */
const wrongCredentials = { perSecond: 5, burst: 25 };
export const streamsMax = 32;
/** Calls of all kinds that have not been answered yet. */
const openCallsMax = 256;
/** A call with a file of tasks may be as large as so many others: a caller has four of them open at once. */
export const importWeight = 64;
/**
 * A refusal is held back for so long. A client that calls again as soon as it is answered would otherwise keep the coordinator busy with
 * refusing; so it makes no more than a few hundred calls a second over one connection.
 */
const refusalHoldMs = 500;
const retryDelayMsMin = 1000;

/** A call that is going; it stops counting when its signal aborts. */
export interface CountedCall {
  caller: string;
  kind: DescMethod['methodKind'];
  /** As how many calls it counts while it is open. @default 1 */
  weight?: number;
  ended: AbortSignal;
}

export interface CallLimitsOptions {
  /** Of one caller, in the long run; 0 for no limit of calls at all. */
  callsPerSecond: number;
  clock: Clock;
}

export class CallLimits {
  readonly #clock: Clock;
  readonly #calls: TokenBuckets | undefined;
  readonly #wrong: TokenBuckets | undefined;
  readonly #open = new Map<string, { calls: number; streams: number }>();
  readonly #held = new Map<string, number>();

  constructor({ callsPerSecond, clock }: CallLimitsOptions) {
    this.#clock = clock;
    if (callsPerSecond === 0) return;
    const rate = { perSecond: callsPerSecond, burst: callsPerSecond * burstSeconds };
    this.#calls = new TokenBuckets(rate);
    this.#wrong = new TokenBuckets(wrongCredentials);
  }

  /** Counts a call, until it ends. Throws TOO_MANY_CALLS. */
  admit(call: CountedCall): void {
    const { caller, kind, weight = 1, ended } = call;
    const waitMs = this.#calls?.take(caller, this.#clock.steady()) ?? 0;
    if (waitMs > 0) throw tooMany(`${caller} calls too often`, caller, waitMs);
    if (this.#calls === undefined) return;
    const open = this.#open.get(caller) ?? { calls: 0, streams: 0 };
    if (open.calls + weight > openCallsMax)
      throw tooMany(`${caller} has ${openCallsMax} calls open already`, caller);
    const streams = kind === 'unary' ? 0 : 1;
    if (open.streams + streams > streamsMax)
      throw tooMany(`${caller} has ${streamsMax} streams open already`, caller);
    if (ended.aborted) return;
    this.#count(caller, open, { calls: weight, streams });
    const release = () => this.#count(caller, open, { calls: -weight, streams: -streams });
    ended.addEventListener('abort', release, { once: true });
  }

  /** A credential was not good. Throws TOO_MANY_CALLS when there were too many of the address. */
  wrongCredential(address: string): void {
    const waitMs = this.#wrong?.take(address, this.#clock.steady()) ?? 0;
    if (waitMs > 0) throw tooManyWrong(address, waitMs);
  }

  /** Throws TOO_MANY_CALLS when the address showed too many credentials that were not good, before another one is checked. */
  beforeCheck(address: string): void {
    if (this.#wrong?.isEmpty(address, this.#clock.steady())) throw tooManyWrong(address);
  }

  /** Waits before a refusal is sent; not for who has as many waiting as calls may be open. */
  async hold(caller: string, ended: AbortSignal): Promise<void> {
    const held = this.#held.get(caller) ?? 0;
    if (held >= openCallsMax) return;
    this.#held.set(caller, held + 1);
    await pause(this.#clock, refusalHoldMs, ended);
    const left = this.#held.get(caller)! - 1;
    if (left === 0) this.#held.delete(caller);
    else this.#held.set(caller, left);
  }

  #count(
    caller: string,
    open: { calls: number; streams: number },
    change: { calls: number; streams: number },
  ): void {
    open.calls += change.calls;
    open.streams += change.streams;
    if (open.calls === 0) this.#open.delete(caller);
    else this.#open.set(caller, open);
  }
}

/** By which a caller's calls are counted: the credential, or the address. */
export function limitName(caller: Caller | undefined, address: string): string {
  return caller?.name ?? addressGroup(address);
}

function tooManyWrong(address: string, waitMs = 0): DroverError {
  return tooMany(`too many credentials from ${address} were not good`, address, waitMs);
}

function tooMany(what: string, caller: string, waitMs = 0): DroverError {
  const retryDelayMs = Math.max(retryDelayMsMin, waitMs);
  return new DroverError(
    ErrorReason.TOO_MANY_CALLS,
    `${what}; wait ${Math.ceil(retryDelayMs / 1000)} s`,
    { metadata: { caller, retryDelayMs: String(retryDelayMs) } },
  );
}
