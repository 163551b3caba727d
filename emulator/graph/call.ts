// One call as its handler sees it: what is asked, by whom, and what it may use of the tenant.
import type { Logger } from '../../lib/log.ts';
import { DriveError } from '../drive/drive-error.ts';
import type { Drive } from '../drive/drive.ts';
import type { Identity } from '../drive/item.ts';
import type { Site, TenantIndex } from '../drive/site.ts';
import type { UploadSessions } from '../drive/upload-session.ts';
import type { Exchange, Handler, Principal, Reply } from '../http/exchange.ts';
import type { AccessRules } from './access.ts';
import type { Address } from './address.ts';
import type { CopyJobs } from './copy-jobs.ts';
import type { Tempauth } from './tempauth.ts';

/** What all calls share. */
export interface Services {
  index: TenantIndex;
  sessions: UploadSessions;
  copies: CopyJobs;
  tempauth: Tempauth;
  access: AccessRules;
  now: () => number;
  log: Logger;
  /** Answers the requests within a batch. */
  inner: Handler;
  /** How long delta tokens are good for. */
  deltaTokenTtlMs: number;
  /** Requests that brought a token to an address that needs none. */
  strayTokens: number;
  /** Whether such a request is refused with 401. */
  refuseStrayTokens: boolean;
  /** What becomes of a fragment, not the last, whose length is no multiple of 320 KiB. */
  unalignedFragments: 'accept' | 'refuse';
}

/** A call that may be made. */
export interface Call {
  readonly exchange: Exchange;
  readonly address: Address;
  readonly query: URLSearchParams;
  readonly principal: Principal;
  /** The principal as it is written into items. */
  readonly by: Identity;
  readonly services: Services;
}

export type CallHandler<T> = (call: Call, target: T) => Reply | Promise<Reply>;

/** The principal as it is written into items. */
export function identityOf({ appId, appName, user }: Principal): Identity {
  const application = { id: appId, displayName: appName };
  if (user === undefined) return { application };
  const { id, displayName, principalName } = user;
  return { application, user: { id, displayName, email: principalName } };
}

/** A JSON answer. */
export function json(status: number, body: unknown, headers: Record<string, string> = {}): Reply {
  return {
    status,
    headers: {
      'content-type':
        'application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8',
      ...headers,
    },
    body: JSON.stringify(body),
  };
}

/** An answer without a body. */
export function empty(status: number, headers: Record<string, string> = {}): Reply {
  return { status, headers };
}

/** Throws unless the caller may write to the drive. */
export function needWrite(call: Call, drive: Drive): void {
  call.services.access.check(call.principal, drive.site, 'write');
  if (drive.readOnly) throw new DriveError('accessDenied');
}

/** Throws unless the caller may read what is in the site. */
export function needRead(call: Call, site: Site): void {
  call.services.access.check(call.principal, site, 'read');
}

/** The beginning of links to the API that was asked. */
export function apiRoot({ exchange, address }: Call): string {
  return `${exchange.url.origin}${address.prefix}`;
}

/** One request header, the first where there are several. */
export function header(exchange: Exchange, name: string): string | undefined {
  const value = exchange.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
