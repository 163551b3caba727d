// From an address to the handler of what it means.
import { DriveError } from '../drive/drive-error.ts';
import type { UploadSession } from '../drive/upload-session.ts';
import type { CheckToken, Exchange, Principal, Reply } from '../http/exchange.ts';
import { parseAddress, type Address } from './address.ts';
import { answerBatch } from './batch.ts';
import { identityOf, type Call, type Services } from './call.ts';
import { answerDownloadUrl, isDownloadUrl } from './content.ts';
import { monitorOf } from './copy-jobs.ts';
import { refusalReply, type ErrorContext } from './error-reply.ts';
import { answerItem } from './item-routes.ts';
import { resolve, type Resolved } from './resolve.ts';
import {
  getDrive,
  getList,
  getSite,
  getUser,
  listDrives,
  listLists,
  listSites,
  sitePermissions,
} from './site.ts';
import { answerUploadUrl, isUploadUrl, sessionOfUrl } from './upload-session.ts';

/** Answers a request, or throws DriveError. */
export async function route(
  exchange: Exchange,
  services: Services,
  checkToken: CheckToken,
  context: ErrorContext,
): Promise<Reply> {
  if (isDownloadUrl(exchange) || isUploadUrl(exchange)) noteStrayToken(exchange, services);
  if (isDownloadUrl(exchange)) return answerDownloadUrl(exchange, services);
  const monitor = monitorOf(exchange);
  if (monitor !== undefined) return services.copies.answer(monitor);
  const address = parseAddress(exchange.url.pathname);
  if (address === undefined)
    throw new DriveError('notBuilt', `The emulator offers nothing at ${exchange.url.pathname}.`);
  if (isUploadUrl(exchange)) {
    const session = sessionOfUrl(exchange.url, services);
    return answerUploadUrl(uploadCall(exchange, address, services, session), session);
  }
  const principal = await checkToken(exchange.headers.authorization, audienceOf(exchange, address, services)); // oxfmt-ignore
  if (!('appId' in principal)) return refusalReply(principal, context);
  return answer(createCall(exchange, address, services, principal));
}

function noteStrayToken({ headers, target }: Exchange, services: Services): void {
  if (headers.authorization === undefined) return;
  services.strayTokens++;
  services.log.debug({ path: target.split('?')[0] }, 'a token came to an address that needs none');
  if (services.refuseStrayTokens) throw new DriveError('unauthenticated');
}

/** What a token has to be issued for. SharePoint's API is asked by its tenant's name, under whatever name this machine has. */
function audienceOf({ url }: Exchange, address: Address, { index }: Services): string {
  if (address.api === 'graph') return 'https://graph.microsoft.com';
  if (url.hostname.endsWith('.sharepoint.com')) return `https://${url.hostname}`;
  const personal = address.sitePath.toLowerCase().startsWith('/personal/') ? '-my' : '';
  return `https://${index.tenant.name}${personal}.sharepoint.com`;
}

function createCall(
  exchange: Exchange,
  address: Address,
  services: Services,
  principal: Principal,
): Call {
  const query = exchange.url.searchParams;
  return { exchange, address, query, principal, by: identityOf(principal), services };
}

/** Who has an upload address acts as whoever opened the session. */
function uploadCall(
  exchange: Exchange,
  address: Address,
  services: Services,
  { by }: UploadSession,
): Call {
  const { id: appId = '', displayName: appName = '' } = by.application ?? {};
  const principal: Principal = { appId, appName, roles: [], scopes: [] };
  // The query belongs to the upload, and selects nothing of the answer.
  return { exchange, address, query: new URLSearchParams(), principal, by, services };
}

function answer(call: Call): Reply | Promise<Reply> {
  const { parts } = call.address;
  const first = parts[0];
  if (first?.kind === 'word' && first.text.toLowerCase() === '$batch' && parts.length === 1) {
    if (call.exchange.method !== 'POST') throw new DriveError('methodNotAllowed');
    return answerBatch(call);
  }
  const { index, access } = call.services;
  // Without any permission nobody learns what there is.
  if (first?.kind !== 'word' || !/^(me|users)$/i.test(first.text))
    access.checkAny(call.principal, index.sites);
  return answerResolved(call, resolve(call.address, index, call.principal));
}

function answerResolved(call: Call, { target, rest }: Resolved): Reply | Promise<Reply> {
  if (target.kind === 'item') return answerItem(call, target, rest);
  const [word = '', id] = rest;
  if (target.kind === 'site' && word.toLowerCase() === 'permissions')
    return sitePermissions(call, target.site, id);
  if (rest.length > 0) throw new DriveError('notBuilt', `The emulator does not offer ${rest.join('/')} here.`); // oxfmt-ignore
  if (call.exchange.method !== 'GET') throw new DriveError('methodNotAllowed');
  switch (target.kind) {
    case 'user':
      return getUser(call, target.id);
    case 'sites':
      return listSites(call);
    case 'site':
      return getSite(call, target.site);
    case 'drives':
      return listDrives(call, target.site);
    case 'drive':
      return getDrive(call, target.drive);
    case 'lists':
      return listLists(call, target.site);
    case 'list':
      return getList(call, target.drive);
  }
}
