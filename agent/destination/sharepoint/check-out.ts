// A library may require that files are checked out before anything of them is changed. A new content checks its file out by itself; another
// name, folder or date is refused until that is done. Which status the refusal has is written nowhere, so that its words count.
import { itemSelect, readDriveItem, type DriveItem } from './drive-item.ts';
import { GraphFailure, isNotCheckedOut, NoAnswer } from './graph-error.ts';
import type { ProofParts } from './proof.ts';

/**
 * Changes a file without its content, with the item as it stands there; checks it out before where that is required. It stays checked out, and
 * whoever calls checks it in (`Arrivals.checkInChanged`). What cannot be changed is not left checked out.
 */
export async function changeItem(
  parts: ProofParts,
  item: DriveItem,
  change: (item: DriveItem) => Promise<DriveItem>,
): Promise<DriveItem> {
  try {
    return await change(item);
  } catch (thrown) {
    if (!(thrown instanceof GraphFailure) || !isNotCheckedOut(thrown)) throw thrown;
    await post(parts, item, 'checkout');
  }
  try {
    // Its eTag is another one now.
    const held = await lookAt(parts, item);
    if (held === undefined || !isSameContent(held, item)) throw changedMeanwhile();
    return { ...(await change(held)), isCheckedOut: true };
  } catch (thrown) {
    await undo(parts, item);
    throw thrown;
  }
}

async function lookAt(parts: ProofParts, { id }: DriveItem): Promise<DriveItem | undefined> {
  const { client, signal, driveId } = parts;
  const path = `/drives/${encodeURIComponent(driveId)}/items/${id}?${itemSelect}`;
  return readDriveItem((await client.call({ method: 'GET', path, resourceUnits: 1 }, signal)).body);
}

/** Between the look and the check-out somebody may have edited it. */
function isSameContent(one: DriveItem, other: DriveItem): boolean {
  return one.size === other.size && one.quickXorHash === other.quickXorHash;
}

/** As the service says it, so that the whole is begun again. */
function changedMeanwhile(): GraphFailure {
  return new GraphFailure(412, ['resourceModified'], 'somebody changed it meanwhile', '');
}

/** Nothing was changed, so that there is nothing to lose; who cannot be undone is checked out until the next attempt. */
async function undo(parts: ProofParts, item: DriveItem): Promise<void> {
  try {
    await post(parts, item, 'discardCheckout');
  } catch (thrown) {
    if (!(thrown instanceof GraphFailure || thrown instanceof NoAnswer)) throw thrown;
  }
}

async function post(parts: ProofParts, { id }: DriveItem, what: string): Promise<void> {
  const { client, signal, driveId } = parts;
  const path = `/drives/${encodeURIComponent(driveId)}/items/${id}/${what}`;
  await client.call({ method: 'POST', path, resourceUnits: 2 }, signal);
}
