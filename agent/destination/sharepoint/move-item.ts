// A file of a library gets another name or folder: the same item, with its link, its versions and whoever it is shared with.
import { parentFolder } from '../../../lib/parent-folder.ts';
import type { FolderTimes, MoveOptions } from '../destination.ts';
import { changeItem } from './check-out.ts';
import type { DriveFolders } from './drive-folders.ts';
import { itemVersion, readDriveItem, wholeSeconds, type DriveItem } from './drive-item.ts';
import type { ProofParts } from './proof.ts';
import { GraphFailure, isRefusal } from './graph-error.ts';
import { throughRaces } from './races.ts';

export interface MoveItemParts extends ProofParts {
  folders: DriveFolders;
  /** What stands at a path below the destination. */
  look: (path: string) => Promise<DriveItem | undefined>;
  /** The path below the drive's root. */
  below: (path: string) => string;
}

export type ItemMove =
  /** The item as it stands at its new place. */
  | { kind: 'moved'; item: DriveItem; isEdited: boolean }
  | { kind: 'not-moved' }
  /** Something else has the place. */
  | { kind: 'taken'; item: DriveItem };

/** Moves; throws what the service says when it is neither done nor certain that it cannot be. */
export async function moveItem(parts: MoveItemParts, options: MoveOptions): Promise<ItemMove> {
  // Whoever changes the item meanwhile makes its eTag another: then it is looked at again.
  const move = () => throughRaces(() => moveOnce(parts, options), parts);
  try {
    return await move();
  } catch (thrown) {
    if (!(thrown instanceof GraphFailure) || thrown.status !== 404) throw thrown;
    // The item went, or the folder that it was to go into: both are looked for again.
    parts.folders.forget();
    return await move();
  }
}

async function moveOnce(parts: MoveItemParts, options: MoveOptions): Promise<ItemMove> {
  const { from, to, expected, isUnreported } = options;
  const item = await parts.look(from);
  if (item === undefined || item.id !== expected.id) {
    // An attempt before may have come so far and not to its report.
    const there = await parts.look(to);
    if (there?.id !== expected.id) return { kind: 'not-moved' };
    const isAsWritten = itemVersion(there) === expected.version;
    const times = { modifiedNs: expected.modifiedNs, createdNs: 0n };
    const item = isAsWritten ? await changeItem(parts, there, (now) => dated(parts, now, times)) : there; // oxfmt-ignore
    return { kind: 'moved', item, isEdited: !isAsWritten };
  }
  const isEdited = itemVersion(item) !== expected.version;
  if (!item.isFile || (isEdited && isUnreported(item))) return { kind: 'not-moved' };
  const isSameFolder = fold(parentFolder(from)) === fold(parentFolder(to));
  if (isSameFolder && item.name === nameOf(to)) return { kind: 'moved', item, isEdited };
  return await patch(parts, options, { item, isEdited, isSameFolder });
}

async function patch(
  parts: MoveItemParts,
  { to }: MoveOptions,
  { item, isEdited, isSameFolder }: { item: DriveItem; isEdited: boolean; isSameFolder: boolean },
): Promise<ItemMove> {
  const { client, signal, driveId, folders, below } = parts;
  const path = `/drives/${encodeURIComponent(driveId)}/items/${item.id}`;
  try {
    const parent = isSameFolder ? undefined : await folders.idOf(parentFolder(below(to)));
    const body = {
      name: nameOf(to),
      ...(parent === undefined ? {} : { parentReference: { id: parent } }),
      '@microsoft.graph.conflictBehavior': 'fail',
    };
    const moved = await changeItem(parts, item, async (now) => {
      const headers = { 'if-match': now.eTag };
      const call = { method: 'PATCH', path, headers, body, resourceUnits: 2 } as const;
      const answer = readDriveItem((await client.call(call, signal)).body) ?? now;
      const { isCheckOutKnown, isCheckedOut } = now;
      // What is not asked for is not said with a change.
      return { ...(await dated(parts, answer, item)), isCheckOutKnown, isCheckedOut };
    });
    return { kind: 'moved', item: moved, isEdited };
  } catch (thrown) {
    if (!(thrown instanceof GraphFailure)) throw thrown;
    if (thrown.has('nameAlreadyExists')) return await taken(parts, to, thrown);
    if (isRefusal(thrown)) return { kind: 'not-moved' };
    throw thrown;
  }
}

/**
 * The item with the dates that it had: the service may take the moment of the move for its date. They are not sent with the move, because
 * each time that they are set counts as a version, with the room of a whole file.
 */
async function dated(
  { folders }: MoveItemParts,
  item: DriveItem,
  times: FolderTimes,
): Promise<DriveItem> {
  const isSame = wholeSeconds(item.modifiedNs) === wholeSeconds(times.modifiedNs);
  return isSame ? item : await folders.date(`/items/${item.id}`, times);
}

async function taken(parts: MoveItemParts, to: string, failure: GraphFailure): Promise<ItemMove> {
  const there = await parts.look(to);
  if (there === undefined) throw failure;
  return { kind: 'taken', item: there };
}

/** The service makes no difference between names that are one by this. */
function fold(path: string): string {
  return path.normalize('NFC').toLowerCase();
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
