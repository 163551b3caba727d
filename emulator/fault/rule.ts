// Faults as a person writes them, in a file or to the control address.

/** When a fault is played, and which. A rule without conditions is played on every request to Graph and Entra. */
export interface FaultRule {
  /** Stands in the counts, and removes the rule by itself. @default "rule N" */
  name?: string;
  /** Any case; several are separated by commas. */
  method?: string;
  /** A regular expression on the path and query as they were sent. */
  path?: string;
  /** A host name without port, or such as *.sharepoint.com. */
  host?: string;
  /** Only the n-th request that matches, from 1. */
  nth?: number;
  /** Every n-th request that matches. */
  every?: number;
  /** At most so many hits. */
  times?: number;
  /** The part of the matches, above 0 and up to 1, that is hit. */
  probability?: number;
  /** Which ones those are: the same seed hits the same ones. @default 1 */
  seed?: number;
  fault: Fault;
}

/** What goes wrong. */
export type Fault =
  | StatusFault
  | ThrottleFault
  | { kind: 'unavailable'; retryAfter?: number }
  /** The request is carried out, its answer is thrown away. */
  | { kind: 'gatewayTimeoutAfterStore' }
  /** The connection is cut: in the request's body, or else in place of the reply to a request that was carried out. */
  | { kind: 'reset'; afterBytes?: number }
  | { kind: 'slowDrip'; bytesPerSecond: number; afterBytes?: number; on?: 'reply' | 'request' }
  /** Nothing is done and nothing answered until the client gives up. */
  | { kind: 'stall' }
  /** The first requests to each address find nothing, as before a new item is known everywhere. */
  | { kind: 'notFoundOnce'; hits?: number }
  | { kind: 'sessionLost' }
  | { kind: 'locked' }
  | { kind: 'etagMismatch' }
  | { kind: 'quotaExceeded' }
  | { kind: 'expiredToken' }
  | { kind: 'rewriteOffice' }
  /** Listings leave out what is younger than this. */
  | { kind: 'lateListing'; ms: number }
  | { kind: 'missingHash' };

export interface StatusFault {
  kind: 'status';
  status: number;
  /** As in Graph's error; each status has one that is usual. */
  code?: string;
  innerCode?: string;
  message?: string;
  /** In place of Graph's error: text as it is, anything else as JSON. */
  body?: unknown;
  headers?: Record<string, string>;
}

export interface ThrottleFault {
  kind: 'throttle';
  /** @default 429 */
  status?: 429 | 503;
  /** Seconds, possibly a fraction; without it there is no Retry-After header. */
  retryAfter?: number;
  /** @default seconds */
  retryAfterAs?: 'seconds' | 'http-date';
}

export type FaultKind = Fault['kind'];
