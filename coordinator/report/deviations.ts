// Items whose outcome is not what was planned, as people see them. PURE.
import { create } from '@bufbuild/protobuf';
import {
  DeviationKind,
  DeviationSchema,
  ItemAction,
  ItemKind,
  type Deviation,
  type Item,
} from '../../gen/drover/v1/item_pb.ts';
import { formatCount } from '../../lib/format.ts';
import { deviationsOf } from '../plan/deviation.ts';
import { itemRows, type ItemBatch } from './item-rows.ts';

/** The deviations of a batch; none before it is done. */
export function* deviationRows(batch: ItemBatch): Generator<Deviation> {
  const { phase, items, results } = batch;
  if (results === undefined) return;
  const kindOf = deviationsOf({ phase, items, results });
  for (const { index, item } of itemRows(batch, 0)) {
    const kind = kindOf(index);
    if (kind === DeviationKind.UNSPECIFIED) continue;
    const planned = plannedWords(batch, index);
    const happened = happenedWords(kind, batch, index, item);
    yield create(DeviationSchema, { item, kind, planned, happened });
  }
}

function plannedWords({ items }: ItemBatch, index: number): string {
  const place = items.destinationPath[index] || items.path[index]!;
  const facts = factsOf(items.kind[index]!, items.size[index]!, items.modifiedNs[index]!);
  switch (items.action[index]) {
    case ItemAction.CREATE:
      return `write it as "${place}"${facts}`;
    case ItemAction.UPDATE:
      return `write it over "${place}"${facts}`;
    case ItemAction.MOVE: {
      const origin = items.origin.find((one) => one.index === index);
      return `move "${origin?.destinationPath ?? ''}" to "${place}"`;
    }
    default:
      return `recycle "${place}"`;
  }
}

function happenedWords(
  kind: DeviationKind,
  { items, results }: ItemBatch,
  index: number,
  item: Item,
): string {
  const facts = factsOf(item.kind, results!.size[index]!, results!.modifiedNs[index]!);
  switch (kind) {
    case DeviationKind.SOURCE_CHANGED:
      return `written as it is now${facts}`;
    case DeviationKind.KEPT_BESIDE:
      return `written beside it as "${results!.keptPath[index]}"${facts}`;
    case DeviationKind.WRITTEN_ANEW:
      return `written anew as "${items.destinationPath[index] || item.path}"${facts}`;
    default:
      return item.message;
  }
}

/** What tells two versions of a file from each other; nothing of a folder. */
function factsOf(kind: ItemKind, size: bigint, modifiedNs: bigint): string {
  if (kind !== ItemKind.FILE) return '';
  const modified = new Date(Number(modifiedNs / 1_000_000n)).toISOString();
  return `, ${formatCount(size)} bytes, modified ${modified}`;
}
