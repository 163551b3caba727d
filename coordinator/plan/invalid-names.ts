// Items whose names cannot be at the destination, in tasks that leave them out. PURE.
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import type { TaskSettings } from '../../gen/drover/v1/settings_pb.ts';
import type { Refusal } from './destination-name.ts';
import type { ScannedItem } from './plan-item.ts';

const rule = 'migrate_items_with_invalid_names';

/** Whether a task leaves out items whose names cannot be at the destination, rather than to migrate them under another one. */
export function leavesOutInvalidNames(settings: TaskSettings | undefined): boolean {
  return settings?.migrateItemsWithInvalidNames === false;
}

/** What a name that cannot be at the destination means in such a task; every other refusal is what it was. */
export function leftOutName({ refused, message }: Refusal): Refusal {
  if (refused !== ErrorReason.NAME_INVALID) return { refused, message };
  return { refused: ErrorReason.FILTERED, message: `items with invalid names are left out: ${message}`, rule }; // oxfmt-ignore
}

/** Names that are no Unicode, so that they cannot be anywhere, as such a task takes them. */
export function leaveOutInvalidNames(
  items: readonly ScannedItem[],
  settings: TaskSettings | undefined,
): readonly ScannedItem[] {
  if (!leavesOutInvalidNames(settings)) return items;
  return items.map((item) => {
    if (item.reason !== ErrorReason.NAME_INVALID) return item;
    const { refused: reason, message } = leftOutName({ refused: item.reason, message: item.message }); // oxfmt-ignore
    return { ...item, reason, message, rule };
  });
}
