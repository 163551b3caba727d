// What can be asked of an item, as one table.
import { DriveError } from '../drive/drive-error.ts';
import type { Reply } from '../http/exchange.ts';
import { json, needRead, type Call } from './call.ts';
import { createChild, listChildren } from './children.ts';
import { getContent, putContent } from './content.ts';
import { copy } from './copy.ts';
import { delta } from './delta.ts';
import {
  checkInItem,
  checkOutItem,
  discardItemCheckout,
  getVersion,
  getVersionContent,
  listVersions,
  removeVersion,
  restoreItemVersion,
} from './file-actions.ts';
import { findItem } from './find-item.ts';
import { getItem, patchItem, permanentlyDelete, removeItem, restore } from './item.ts';
import {
  deletePermission,
  getPermission,
  invite,
  listPermissions,
  patchPermission,
} from './permission.ts';
import type { ItemTarget } from './resolve.ts';
import { commitElsewhere, createUploadSession } from './upload-session.ts';

type ItemHandler = (call: Call, target: ItemTarget, words: string[]) => Reply | Promise<Reply>;

/** A star stands for any word; the handler gets what stands for the stars. */
const routes: Record<string, ItemHandler> = {
  'GET ': getItem,
  'PATCH ': patchItem,
  'DELETE ': removeItem,
  'PUT ': (call, target) => commitElsewhere(call, target, call.by),
  'GET children': listChildren,
  'POST children': createChild,
  'GET content': getContent,
  'PUT content': putContent,
  'POST createuploadsession': createUploadSession,
  'POST copy': copy,
  'POST permanentdelete': permanentlyDelete,
  'POST restore': restore,
  'GET thumbnails': noThumbnails,
  'GET versions': listVersions,
  'GET versions/*': getVersion,
  'DELETE versions/*': removeVersion,
  'GET versions/*/content': getVersionContent,
  'POST versions/*/restoreversion': restoreItemVersion,
  'POST checkout': checkOutItem,
  'POST checkin': checkInItem,
  'POST discardcheckout': discardItemCheckout,
  'GET permissions': listPermissions,
  'GET permissions/*': getPermission,
  'PATCH permissions/*': patchPermission,
  'DELETE permissions/*': deletePermission,
  'POST invite': invite,
};

/** Answers a call that is about an item. */
export function answerItem(call: Call, target: ItemTarget, rest: string[]): Reply | Promise<Reply> {
  needRead(call, target.drive.site);
  const { method } = call.exchange;
  const expand = call.query.get('$expand');
  // There are no thumbnails to be left out.
  if (expand !== null && expand !== 'thumbnails')
    throw new DriveError('notBuilt', `The emulator does not expand ${expand}.`);
  const [first = '', second, third, ...more] = rest;
  // Functions carry their arguments in the address.
  if (/^delta(\(.*\))?$/i.test(first) && rest.length === 1 && method === 'GET')
    return delta(call, target, first);
  const words = [first, ...(second === undefined ? [] : ['*']), ...(third === undefined ? [] : [third]), ...more]; // oxfmt-ignore
  const path = words.join('/').toLowerCase();
  const handler = routes[`${method} ${path}`];
  if (handler !== undefined) return handler(call, target, second === undefined ? [] : [second]);
  if (Object.keys(routes).some((route) => route.endsWith(` ${path}`)))
    throw new DriveError('methodNotAllowed');
  throw new DriveError('notBuilt', `The emulator does not offer ${rest.join('/')} of an item.`);
}

/** GET …/thumbnails: there are none */
function noThumbnails(call: Call, target: ItemTarget): Reply {
  findItem(call, target);
  return json(200, { value: [] });
}
