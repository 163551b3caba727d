// Items as clients read them.
import type { Drive } from '../drive/drive.ts';
import {
  cTag,
  eTag,
  isFolder,
  namesTo,
  type Identity,
  type Item,
  type OldVersion,
} from '../drive/item.ts';
import { apiRoot, type Call } from './call.ts';
import { downloadUrl } from './links.ts';
import { extensionOf, mediaType } from './media-type.ts';

/** The `$select` of a query; undefined when it has none. */
export type Selection = ReadonlySet<string> | undefined;

export function selectionOf(query: URLSearchParams): Selection {
  const text = query.get('$select') ?? query.get('select');
  if (text === null || text === '') return undefined;
  return new Set(text.split(',').map((name) => name.trim()));
}

/** A time as it stands in answers: whole seconds. */
export function timeText(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 19)}Z`;
}

/** The item that is the whole answer. */
export function entityJson(call: Call, drive: Drive, item: Item): object {
  const selection = selectionOf(call.query);
  const context = `${apiRoot(call)}/$metadata#drives('${encodeURIComponent(drive.id)}')/items/$entity`;
  return { '@odata.context': context, ...itemJson(call, drive, item, selection) };
}

/** An item within an answer. */
export function itemJson(call: Call, drive: Drive, item: Item, selection?: Selection): object {
  const facts = item.deleted === undefined ? liveFacts(call, drive, item) : deletedFacts(call, drive, item); // oxfmt-ignore
  if (selection === undefined) return { ...downloadFacts(call, drive, item), ...facts };
  const chosen: Record<string, unknown> = { '@odata.etag': eTag(item) };
  for (const name of selection)
    if (name in facts) chosen[name] = facts[name as keyof typeof facts];
    else Object.assign(chosen, extraFacts(call, drive, item, name));
  // What is gone has to be told whatever was asked for.
  if (item.deleted !== undefined) Object.assign(chosen, { id: item.id, deleted: { state: 'deleted' } }); // oxfmt-ignore
  return chosen;
}

function liveFacts(call: Call, drive: Drive, item: Item): object {
  return {
    createdBy: item.createdBy,
    createdDateTime: timeText(item.createdMs),
    eTag: eTag(item),
    id: item.id,
    lastModifiedBy: item.modifiedBy,
    lastModifiedDateTime: timeText(item.modifiedMs),
    name: item.name,
    parentReference: parentReference(call, drive, item),
    webUrl: webUrl(drive, item),
    ...(isFolder(item) ? {} : { cTag: cTag(item) }),
    ...kindFacts(call, item),
    fileSystemInfo: {
      createdDateTime: timeText(item.fileCreatedMs),
      lastModifiedDateTime: timeText(item.fileModifiedMs),
    },
    ...publicationFacts(drive, item),
    ...((item.permissions?.length ?? 0) > 0 ? { shared: { scope: 'users' } } : {}),
    ...(item.parent === undefined ? { root: {} } : {}),
    size: item.size,
  };
}

function deletedFacts(call: Call, drive: Drive, item: Item): object {
  return {
    id: item.id,
    parentReference: parentReference(call, drive, item),
    ...kindFacts(call, item),
    deleted: { state: 'deleted' },
    size: 0,
  };
}

function kindFacts({ exchange }: Call, item: Item): object {
  if (isFolder(item)) return { folder: { childCount: item.children.size } };
  const extension = extensionOf(item.name);
  return {
    file: {
      mimeType: mediaType(item.name),
      ...(extension === '' ? {} : { fileExtension: extension }),
      ...(exchange.effects.omitHash === true ? {} : { hashes: { quickXorHash: item.hash } }),
    },
  };
}

function publicationFacts(drive: Drive, item: Item): object {
  const { checkout, version } = item;
  if (checkout !== undefined)
    return { publication: { level: 'checkout', versionId: `${version}.0`, checkedOutBy: checkout.by } }; // oxfmt-ignore
  if (drive.library.requiresCheckout !== true || isFolder(item)) return {};
  return { publication: { level: 'published', versionId: `${version}.0` } };
}

function downloadFacts(call: Call, drive: Drive, item: Item): object {
  if (isFolder(item) || item.deleted !== undefined) return {};
  return extraFacts(call, drive, item, '@microsoft.graph.downloadUrl');
}

/** What is only given when it is asked for by name. */
function extraFacts(call: Call, drive: Drive, item: Item, name: string): object {
  switch (name) {
    case '@microsoft.graph.downloadUrl':
    case 'content.downloadUrl':
    case '@content.downloadUrl': {
      if (isFolder(item)) return {};
      const property = name === 'content.downloadUrl' ? '@content.downloadUrl' : name;
      return { [property]: downloadUrl(call.exchange.url, drive, item, call.services.tempauth) };
    }
    case 'sharepointIds':
      return { sharepointIds: { ...drivePointIds(drive), listItemUniqueId: item.guid, listItemId: listItemId(item) } }; // oxfmt-ignore
    default:
      return {};
  }
}

/** A number for the item that stays the same; the emulator has no lists to count in. */
function listItemId(item: Item): string {
  return String((Number.parseInt(item.guid.slice(0, 8), 16) % 2_000_000_000) + 1);
}

/** The GUIDs that SharePoint's own API and the Migration API ask for. */
export function drivePointIds(drive: Drive): object {
  const { site, listGuid, tenantId } = drive;
  const { siteGuid, webGuid, webUrl: siteUrl } = site;
  return { listId: listGuid, siteId: siteGuid, siteUrl, tenantId, webId: webGuid };
}

function parentReference(call: Call, drive: Drive, item: Item): object {
  const driveType = driveTypeOf(drive);
  const { parent } = item;
  if (parent === undefined) return { driveType, driveId: drive.id };
  const first = call.address.parts[0];
  const ofUser = first?.kind === 'word' && /^(me|users)$/i.test(first.text);
  const names = namesTo(parent).map((name) => `/${encodeURIComponent(name)}`);
  return {
    driveType,
    driveId: drive.id,
    id: parent.id,
    name: parent.parent === undefined ? drive.library.title : parent.name,
    path: `${ofUser ? '/drive' : `/drives/${drive.id}`}/root:${names.join('')}`,
    siteId: drive.site.siteGuid,
  };
}

export function driveTypeOf(drive: Drive): string {
  return drive.site.description.owner === undefined ? 'documentLibrary' : 'business';
}

function webUrl(drive: Drive, item: Item): string {
  return [drive.webUrl, ...namesTo(item).map(encodeURIComponent)].join('/');
}

/** A version within an answer. */
export function versionJson(
  version: Pick<OldVersion, 'number' | 'size' | 'modifiedMs'> & { modifiedBy: Identity },
): object {
  return {
    id: `${version.number}.0`,
    lastModifiedDateTime: timeText(version.modifiedMs),
    size: version.size,
    lastModifiedBy: version.modifiedBy,
  };
}
