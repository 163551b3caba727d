// POST …/copy
import { DriveError } from '../drive/drive-error.ts';
import type { Reply } from '../http/exchange.ts';
import { empty, needWrite, type Call } from './call.ts';
import { conflictOf, conflictOfQuery } from './file-facts.ts';
import { findItem } from './find-item.ts';
import { folderOf } from './item.ts';
import { contentOrigin } from './links.ts';
import { objectOf, readJson, textOf } from './request-body.ts';
import type { ItemTarget } from './resolve.ts';

/** Begins a copy; the Location says where to ask after it. */
export async function copy(call: Call, target: ItemTarget): Promise<Reply> {
  const { services } = call;
  const body = await readJson(call.exchange.body);
  const item = findItem(call, target);
  const reference = objectOf(body, 'parentReference') ?? {};
  const driveId = textOf(reference, 'driveId') ?? '';
  const to = driveId === '' ? target.drive : services.index.drive(driveId);
  needWrite(call, to);
  const parent = folderOf(call, to, reference) ?? (to === target.drive ? item.parent : to.root);
  if (parent?.children === undefined)
    throw new DriveError('invalidRequest', 'The root of a drive needs a parentReference.');
  const name = textOf(body, 'name') ?? '';
  const id = services.copies.start({
    from: target.drive,
    item,
    to,
    parent: parent as typeof to.root,
    name: name === '' ? item.name : name,
    conflict: conflictOfQuery(call.query) ?? conflictOf(body) ?? 'fail',
    by: call.by,
  });
  const origin = contentOrigin(call.exchange.url, to.site);
  return empty(202, { location: `${origin}${to.site.description.path}/_api/v2.0/monitor/${id}` });
}
