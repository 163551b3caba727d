// Microsoft Graph's drives, and SharePoint's own API of the same shape: the way of one request from its address to its answer.
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import type { Logger } from '../../lib/log.ts';
import { makeFolders } from '../../lib/make-folders.ts';
import { checkTenant } from '../drive/check-tenant.ts';
import { DriveError } from '../drive/drive-error.ts';
import { Drive } from '../drive/drive.ts';
import { itemAt } from '../drive/item.ts';
import { createSite, TenantIndex } from '../drive/site.ts';
import type { TenantDescription } from '../drive/tenant.ts';
import { UploadSessions } from '../drive/upload-session.ts';
import type { CheckToken, Exchange, Handler, Reply } from '../http/exchange.ts';
import { AccessRules } from './access.ts';
import { header, type Services } from './call.ts';
import { CopyJobs } from './copy-jobs.ts';
import { errorReply, serviceHeaders, type ErrorContext } from './error-reply.ts';
import { route } from './route.ts';
import { placeAt } from './share.ts';
import { Tempauth } from './tempauth.ts';

export interface GraphOptions {
  tenant: TenantDescription;
  /** Where everything is kept; made when it is missing. */
  dataFolder: string;
  checkToken: CheckToken;
  now: () => number;
  log: Logger;
  /** Answers the requests within a batch, so that faults and throttling meet them too. @default the graph itself */
  inner?: Handler;
  /** How long an upload session lives without a fragment. @default 15 minutes */
  uploadSessionTtlMs?: number;
  /** How long delta tokens are good for. @default 30 days */
  deltaTokenTtlMs?: number;
  /** Whether a token on an address that needs none is answered with 401. @default false */
  refuseStrayTokens?: boolean;
  /** What becomes of a fragment, not the last, whose length is no multiple of 320 KiB. @default accept */
  unalignedFragments?: 'accept' | 'refuse';
}

/** What a person wants to know of a running emulator. */
export interface GraphStats {
  requests: number;
  errors: number;
  openSessions: number;
  /** Requests that brought a token to an upload or download address: a client gives its secret away. */
  strayTokens: number;
  drives: { webUrl: string; items: number; bytes: number; changes: number }[];
}

/** The running drives. */
export interface Graph extends AsyncDisposable {
  readonly handle: Handler;
  stats(): GraphStats;
  /** Makes every write to an item fail with 423. The path is server-relative: `/sites/hr/Shared Documents/a.docx`. */
  lock(itemPath: string): void;
  unlock(itemPath: string): void;
  close(): Promise<void>;
}

/** Opens the drives of a tenant. Throws INVALID_ARGUMENT when it is described wrongly. */
export async function createGraph(options: GraphOptions): Promise<Graph> {
  const { tenant, dataFolder, now, log } = options;
  const system = path.join(dataFolder, 'system');
  makeFolders(system);
  const sites = checkTenant(tenant).map((description) => createSite(tenant, description));
  for (const site of sites)
    for (const library of site.description.libraries)
      site.drives.push(Drive.open(site, library, { tenant, dataFolder, now }));
  return new RunningGraph(options, {
    index: new TenantIndex(tenant, sites),
    sessions: new UploadSessions(sites.flatMap(({ drives }) => drives), { ttlMs: options.uploadSessionTtlMs ?? 15 * 60_000, now }), // oxfmt-ignore
    copies: new CopyJobs(log),
    tempauth: new Tempauth(system, now),
    access: new AccessRules(system),
    now,
    log,
    deltaTokenTtlMs: options.deltaTokenTtlMs ?? 30 * 24 * 3_600_000,
    strayTokens: 0,
    refuseStrayTokens: options.refuseStrayTokens ?? false,
    unalignedFragments: options.unalignedFragments ?? 'accept',
  });
}

class RunningGraph implements Graph {
  readonly #checkToken: CheckToken;
  readonly #services: Services;
  #requests = 0;
  #errors = 0;

  constructor(options: GraphOptions, services: Omit<Services, 'inner'>) {
    this.#checkToken = options.checkToken;
    this.#services = { ...services, inner: options.inner ?? this.handle };
  }

  readonly handle: Handler = async (exchange) => {
    this.#requests++;
    const isGraph = !/\/_(api|layouts)\//i.test(exchange.url.pathname);
    const context: ErrorContext = {
      api: isGraph ? 'graph' : 'sharepoint',
      requestId: randomUUID(),
      clientRequestId: header(exchange, 'client-request-id') ?? randomUUID(),
      nowMs: this.#services.now(),
    };
    const reply = await this.#answer(exchange, context);
    if (reply.status >= 400) this.#errors++;
    // What nobody read would keep the connection from its next request.
    if (!exchange.body.readableEnded) exchange.body.on('error', () => {}).resume();
    reply.headers = { ...serviceHeaders(context), ...reply.headers };
    return reply;
  };

  stats(): GraphStats {
    const drives = [...this.#services.index.drives].map((drive) => ({
      webUrl: drive.webUrl,
      items: drive.itemCount,
      bytes: drive.root.size,
      changes: drive.sequence,
    }));
    const openSessions = this.#services.sessions.size;
    const { strayTokens } = this.#services;
    return { requests: this.#requests, errors: this.#errors, openSessions, strayTokens, drives };
  }

  lock(itemPath: string): void {
    this.#setLocked(itemPath, true);
  }

  unlock(itemPath: string): void {
    this.#setLocked(itemPath, false);
  }

  async close(): Promise<void> {
    await this.#services.copies.close();
    for (const drive of this.#services.index.drives) drive.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #setLocked(itemPath: string, locked: boolean): void {
    const { drive, names } = placeAt(this.#services.index, itemPath);
    const item = itemAt(drive.root, names);
    if (item === undefined)
      throw new DriveError('itemNotFound', `There is nothing at ${itemPath}.`);
    item.locked = locked;
  }

  async #answer(exchange: Exchange, context: ErrorContext): Promise<Reply> {
    try {
      return await route(exchange, this.#services, this.#checkToken, context);
    } catch (error) {
      if (error instanceof DriveError) return errorReply(error, context);
      this.#services.log.error({ err: error, target: exchange.target }, 'a request failed');
      return errorReply(new DriveError('generalException', undefined, { cause: error }), context);
    }
  }
}
