// Sign-in on another device: a program shows a short code, a person types it elsewhere, and the program asks again and again
// whether that has happened.
import { randomBytes, randomInt } from 'node:crypto';
import type { AppRegistration, EntraUser } from './directory.ts';
import { Refusal } from './refusal.ts';
import type { RequestedAccess } from './requested-access.ts';

/** What a person decided about a code. It begins as pending, and is decided once; a code that was cashed in is forgotten. */
export type Decision =
  | { kind: 'pending' }
  | { kind: 'approved'; user: EntraUser }
  | { kind: 'declined' };

export interface DeviceCode {
  readonly deviceCode: string;
  readonly userCode: string;
  readonly app: AppRegistration;
  readonly access: RequestedAccess;
  readonly endMs: number;
  decision: Decision;
  polledMs: number;
}

export interface DeviceCodeTimes {
  lifeSeconds: number;
  intervalSeconds: number;
}

const codesMax = 1000;
/** Neither vowels nor what looks like something else. */
const letters = 'BCDFGHJKLMNPQRSTVWXZ23456789';
const userCodeLength = 9;

export class DeviceCodes {
  readonly times: DeviceCodeTimes;
  readonly #codes = new Map<string, DeviceCode>();

  constructor(times: DeviceCodeTimes) {
    this.times = times;
  }

  /** Throws a Refusal when too many codes wait. */
  begin(app: AppRegistration, access: RequestedAccess, nowMs: number): DeviceCode {
    for (const code of this.#codes.values())
      if (this.#isOver(code, nowMs)) this.#codes.delete(code.deviceCode);
    if (this.#codes.size >= codesMax)
      throw new Refusal(
        'temporarily_unavailable',
        90033,
        'A transient error has occurred. Please try again.',
        { status: 503 },
      );
    const code: DeviceCode = {
      deviceCode: randomBytes(48).toString('base64url'),
      userCode: Array.from(
        { length: userCodeLength },
        () => letters[randomInt(letters.length)],
      ).join(''),
      app,
      access,
      endMs: nowMs + this.times.lifeSeconds * 1000,
      decision: { kind: 'pending' },
      polledMs: -Infinity,
    };
    this.#codes.set(code.deviceCode, code);
    return code;
  }

  /** The code that a person typed, while it can still be decided. */
  findPending(userCode: string, nowMs: number): DeviceCode | undefined {
    const folded = userCode.replaceAll(/[\s-]/g, '').toUpperCase();
    for (const code of this.#codes.values())
      if (code.userCode === folded && code.decision.kind === 'pending' && nowMs < code.endMs)
        return code;
    return undefined;
  }

  /** Who approved. Throws a Refusal while nobody has, and when nobody will. */
  redeem(
    deviceCode: string,
    app: AppRegistration,
    nowMs: number,
  ): { user: EntraUser; code: DeviceCode } {
    const code = this.#codes.get(deviceCode);
    if (code === undefined || code.app.clientId !== app.clientId) throw unknownCode();
    const sincePollMs = nowMs - code.polledMs;
    code.polledMs = nowMs;
    const { decision } = code;
    // Who has approved in time is not turned away because the program asked late.
    if (decision.kind === 'approved') {
      this.#codes.delete(deviceCode);
      return { user: decision.user, code };
    }
    if (decision.kind === 'declined') throw declined();
    if (nowMs >= code.endMs) throw expired();
    // Half of it, because the answers' way through the network makes even intervals uneven.
    if (sincePollMs < this.times.intervalSeconds * 500) throw slowDown();
    throw pending();
  }

  /** Kept for a while beyond its end, so that the program that asks hears what became of it. */
  #isOver(code: DeviceCode, nowMs: number): boolean {
    return nowMs >= code.endMs + this.times.lifeSeconds * 1000;
  }
}

function unknownCode(): Refusal {
  const sentence =
    'Invalid verification code due to User typing in wrong user code for device code flow. Authorization is not approved.';
  return new Refusal('bad_verification_code', 70018, sentence);
}

function declined(): Refusal {
  const sentence =
    'OAuth 2.0 device flow error. The end-user denied the authorization request. The device must stop polling.';
  return new Refusal('authorization_declined', 700171, sentence);
}

function expired(): Refusal {
  const sentence =
    "The provided value for the input parameter 'device_code' is not valid. This device code has expired.";
  return new Refusal('expired_token', 70020, sentence);
}

function slowDown(): Refusal {
  const sentence =
    'OAuth 2.0 device flow error. The device polls too often; wait longer between two requests.';
  return new Refusal('slow_down', 70016, sentence);
}

function pending(): Refusal {
  const sentence = 'OAuth 2.0 device flow error. Authorization is pending. Continue polling.';
  return new Refusal('authorization_pending', 70016, sentence);
}
