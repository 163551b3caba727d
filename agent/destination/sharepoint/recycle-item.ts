// What is gone from the source goes into the recycle bin of the site, from where its owner can restore it for 93 days.
import type { RecycleOptions } from '../destination.ts';
import { itemVersion, type DriveItem } from './drive-item.ts';
import { GraphFailure } from './graph-error.ts';
import type { MoveItemParts } from './move-item.ts';
import { throughRaces } from './races.ts';

export type ItemRecycle =
  | { kind: 'recycled' }
  | { kind: 'gone' }
  | { kind: 'not-empty' }
  /** Something else than expected stands there. */
  | { kind: 'other'; item: DriveItem };

/** Recycles; throws what the service says when that cannot be done, as for a file that is locked or kept by a rule. */
export async function recycleItem(
  parts: MoveItemParts,
  options: RecycleOptions,
): Promise<ItemRecycle> {
  // Whoever changes the item meanwhile makes its eTag another: then it is looked at again.
  return await throughRaces(() => recycleOnce(parts, options), parts);
}

async function recycleOnce(parts: MoveItemParts, options: RecycleOptions): Promise<ItemRecycle> {
  const item = await parts.look(options.path);
  if (item === undefined) return { kind: 'gone' };
  if (!isExpected(item, options)) return { kind: 'other', item };
  if (item.childCount > 0) return { kind: 'not-empty' };
  const { client, signal, driveId, folders } = parts;
  const path = `/drives/${encodeURIComponent(driveId)}/items/${item.id}`;
  const headers = { 'if-match': item.eTag };
  try {
    await client.call({ method: 'DELETE', path, headers, resourceUnits: 2 }, signal);
  } catch (thrown) {
    if (!(thrown instanceof GraphFailure) || thrown.status !== 404) throw thrown;
  }
  if (options.kind === 'folder') folders.forget();
  return { kind: 'recycled' };
}

function isExpected(item: DriveItem, { kind, expected }: RecycleOptions): boolean {
  if (kind === 'folder')
    return item.isFolder && (expected === undefined || expected.id === '' || expected.id === item.id); // oxfmt-ignore
  return item.isFile && item.id === expected?.id && itemVersion(item) === expected.version;
}
