// Why an item has another path at the destination than at the source, told from the two paths: they are all that is kept of it. PURE.
import { ItemKind } from '../../gen/drover/v1/item_pb.ts';
import { nameAtDestination } from './destination-name.ts';

/** In words; empty when both paths are the same. */
export function renameReason(path: string, destinationPath: string, kind: ItemKind): string {
  if (path === destinationPath) return '';
  const parts = path.split('/');
  const destinationParts = destinationPath.split('/');
  const name = parts.at(-1)!;
  const destinationName = destinationParts.at(-1)!;
  if (name !== destinationName)
    return nameReason(name, destinationName, { kind, isTop: parts.length === 1 });
  const at = parts.findIndex((part, index) => part !== destinationParts[index]);
  const folder = parts.slice(0, at + 1).join('/');
  const destinationFolder = destinationParts.slice(0, at + 1).join('/');
  return `it is in the folder "${folder}", which is "${destinationFolder}" at the destination`;
}

function nameReason(
  name: string,
  destinationName: string,
  { kind, isTop }: { kind: ItemKind; isTop: boolean },
): string {
  const reasons: string[] = [];
  // With nothing to put in the place of what cannot stand in a name, the rules say what that is.
  const place = { kind: kind === ItemKind.FOLDER ? 'folder' : 'file', atLibraryRoot: isTop, replacement: '' } as const; // oxfmt-ignore
  const judged = nameAtDestination(name, place);
  if ('refused' in judged) reasons.push(judged.message);
  else if (judged.name !== name)
    reasons.push('the name has decomposed characters, which are composed at the destination');
  const number = numberOf(destinationName);
  if (number !== undefined && number !== numberOf(name))
    reasons.push('another item has the name that it would have at the destination');
  return reasons.length > 0 ? reasons.join('; ') : 'it was first migrated under that name';
}

/** The number that tells a name from others; undefined where there is none. */
function numberOf(name: string): string | undefined {
  return / \((\d+)\)(?:\.[^.]*)?$/.exec(name)?.[1];
}
