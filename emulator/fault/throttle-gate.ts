// Holds the throttle's state of every application, and finds out which application a call is made by.
import type { Exchange, Reply } from '../http/exchange.ts';
import { isUploadUrl, resourceUnits, type CostOptions } from './resource-units.ts';
import {
  charge,
  minuteMs,
  unusedState,
  type ThrottleLimits,
  type ThrottleState,
  type ThrottleVerdict,
} from './throttle.ts';

export interface ThrottleOptions extends ThrottleLimits, CostOptions {}

export interface ThrottleUse {
  app: string;
  unitsThisMinute: number;
  unitsThisDay: number;
}

export interface ThrottleSnapshot {
  /** Since the start or the last reset. */
  units: number;
  unitsThisMinute: number;
  throttled: number;
  apps: ThrottleUse[];
}

/** Uploads whose application is remembered, and tokens that were read; the oldest are forgotten first. */
const rememberedMax = 100_000;
const tokensMax = 1000;

export class ThrottleGate {
  readonly #options: ThrottleOptions;
  readonly #now: () => number;
  /** Who is charged when a call does not say who makes it. */
  readonly #onlyApp: () => string;
  readonly #states = new Map<string, ThrottleState>();
  readonly #tokens = new Map<string, string | undefined>();
  readonly #uploads = new Map<string, string>();
  #units = 0;
  #throttled = 0;

  constructor(options: ThrottleOptions, now: () => number, onlyApp: () => string) {
    this.#options = options;
    this.#now = now;
    this.#onlyApp = onlyApp;
  }

  /** Charges a call to the application that makes it. */
  charge(exchange: Exchange): ThrottleVerdict {
    const units = resourceUnits(exchange, this.#options);
    const app = this.#appOf(exchange);
    const before = this.#states.get(app) ?? unusedState;
    const verdict = charge(before, units, this.#now(), this.#options);
    this.#states.set(app, verdict.state);
    if (verdict.retryAfterSeconds === undefined || this.#options.countRefused) this.#units += units;
    if (verdict.retryAfterSeconds !== undefined) this.#throttled += 1;
    return verdict;
  }

  /** Remembers whose upload session this answer opens, since its address needs no token. */
  remember(exchange: Exchange, reply: Reply): void {
    if (
      !this.#limited ||
      reply.status !== 200 ||
      !exchange.url.pathname.endsWith('createUploadSession')
    )
      return;
    const app = this.#appOf(exchange);
    const { uploadUrl } = bodyOf(reply) as { uploadUrl?: unknown };
    if (typeof uploadUrl !== 'string') return;
    remember(this.#uploads, uploadKey(uploadUrl), app, rememberedMax);
  }

  snapshot(): ThrottleSnapshot {
    const now = this.#now();
    const apps = [...this.#states].map(([app, { minute, day }]) => ({
      app,
      unitsThisMinute: now - minute.startMs < minuteMs ? minute.usedUnits : 0,
      unitsThisDay: day.usedUnits,
    }));
    const unitsThisMinute = apps.reduce((sum, use) => sum + use.unitsThisMinute, 0);
    return { units: this.#units, unitsThisMinute, throttled: this.#throttled, apps };
  }

  /** Begins the counts anew; what applications have used of their windows stays used. */
  resetCounts(): void {
    this.#units = 0;
    this.#throttled = 0;
  }

  /** Without a limit nobody needs to know whose an upload is, and no answer is read for it. */
  get #limited(): boolean {
    const { unitsPerMinute, unitsPerDay } = this.#options;
    return unitsPerMinute !== undefined || unitsPerDay !== undefined;
  }

  #appOf({ headers, url }: Exchange): string {
    // A token that should not have been sent to an upload session does not change whose it is.
    const upload = isUploadUrl(url.pathname) ? this.#uploads.get(uploadKey(url.href)) : undefined;
    if (upload !== undefined) return upload;
    const { authorization } = headers;
    const token = authorization?.slice(authorization.indexOf(' ') + 1);
    return (token === undefined ? undefined : this.#appOfToken(token)) ?? this.#onlyApp();
  }

  #appOfToken(token: string): string | undefined {
    if (this.#tokens.has(token)) return this.#tokens.get(token);
    const app = readAppId(token);
    remember(this.#tokens, token, app, tokensMax);
    return app;
  }
}

/** Without scheme and port, which a client may reach by another way. */
function uploadKey(address: string): string {
  const { pathname, search } = new URL(address);
  return pathname + search;
}

/** Read, not verified: whether the token is worth anything is for Graph to say. */
function readAppId(token: string): string | undefined {
  try {
    const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString();
    const claims = JSON.parse(payload) as { appid?: unknown; azp?: unknown };
    const app = claims.appid ?? claims.azp;
    return typeof app === 'string' ? app : undefined;
  } catch {
    return undefined;
  }
}

function bodyOf({ body }: Reply): object {
  try {
    if (typeof body === 'string') return JSON.parse(body) as object;
    if (body instanceof Uint8Array) return JSON.parse(Buffer.from(body).toString()) as object;
  } catch {
    // Not JSON, so it opens no upload session.
  }
  return {};
}

function remember<Key, Value>(map: Map<Key, Value>, key: Key, value: Value, most: number): void {
  map.set(key, value);
  if (map.size > most) map.delete(map.keys().next().value!);
}
