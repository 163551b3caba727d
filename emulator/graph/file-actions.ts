// What can be done with files beside reading and writing: check-outs and versions.
import { checkIn, checkOut, discardCheckout } from '../drive/checkout.ts';
import { DriveError } from '../drive/drive-error.ts';
import { isFolder, type Item } from '../drive/item.ts';
import { deleteVersion, restoreVersion } from '../drive/version.ts';
import type { Reply } from '../http/exchange.ts';
import { apiRoot, empty, json, needWrite, type Call } from './call.ts';
import { redirect } from './content.ts';
import { findItem } from './find-item.ts';
import { versionJson } from './item-json.ts';
import type { ItemTarget } from './resolve.ts';

/** POST …/checkout, …/checkin and …/discardCheckout */
export const checkOutItem = action(checkOut);
export const checkInItem = action(checkIn);
export const discardItemCheckout = action(discardCheckout);

function action(act: typeof checkOut) {
  return (call: Call, target: ItemTarget): Reply => {
    needWrite(call, target.drive);
    act(target.drive, findItem(call, target), call.by);
    return empty(204);
  };
}

/** GET …/versions: the newest first */
export function listVersions(call: Call, target: ItemTarget): Reply {
  const item = findFile(call, target);
  const context = `${apiRoot(call)}/$metadata#drives('${encodeURIComponent(target.drive.id)}')/items('${item.id}')/versions`;
  return json(200, { '@odata.context': context, value: versionsOf(item).map(versionJson) });
}

/** GET …/versions/{id} */
export function getVersion(call: Call, target: ItemTarget, [label]: string[]): Reply {
  const found = versionsOf(findFile(call, target)).find(({ number }) => label === `${number}.0`);
  if (found === undefined) throw new DriveError('itemNotFound', 'The version was not found.');
  return json(200, versionJson(found));
}

/** GET …/versions/{id}/content */
export function getVersionContent(call: Call, target: ItemTarget, [label]: string[]): Reply {
  return redirect(call, target.drive, findFile(call, target), label);
}

/** DELETE …/versions/{id} */
export function removeVersion(call: Call, target: ItemTarget, [label]: string[]): Reply {
  needWrite(call, target.drive);
  deleteVersion(target.drive, findFile(call, target), label!, call.by);
  return empty(204);
}

/** POST …/versions/{id}/restoreVersion */
export function restoreItemVersion(call: Call, target: ItemTarget, [label]: string[]): Reply {
  needWrite(call, target.drive);
  restoreVersion(target.drive, findFile(call, target), label!, call.by);
  return empty(204);
}

function findFile(call: Call, target: ItemTarget): Item {
  const item = findItem(call, target);
  if (isFolder(item)) throw new DriveError('invalidRequest', 'Folders have no versions.');
  return item;
}

function versionsOf(item: Item) {
  const { version, size, modifiedMs, modifiedBy } = item;
  return [{ number: version, size, modifiedMs, modifiedBy }, ...(item.older ?? []).toReversed()];
}
