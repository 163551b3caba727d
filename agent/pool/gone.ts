// What is done at the destination with an item that is gone from the source. Nothing is done without a last look at the source.
import { DroverError } from '../../lib/error.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemKind } from '../../gen/drover/v1/item_pb.ts';
import { ConflictPolicy } from '../../gen/drover/v1/settings_pb.ts';
import type { Destination, ExistingFile, ExpectedFile, RecycleAnswer, RecycleOptions } from '../destination/destination.ts'; // oxfmt-ignore
import { printablePath } from '../source/printable-path.ts';
import { standingKind } from '../source/stands-at-source.ts';
import type { Source } from '../source/source.ts';
import { describe, isSameWrite, type Write } from './conflict.ts';

/** An item that an earlier run migrated. */
export interface GoneItem {
  /** The path that it had below the source. */
  path: string;
  /** Below the destination. */
  destinationPath: string;
  kind: ItemKind;
  expected: ExpectedFile | undefined;
  /** What agents may have written of it and not reported. */
  unreported: readonly Write[];
}

export interface GoneOptions {
  source: Source;
  destination: Destination;
  /** Whether what somebody changed at the destination since is recycled all the same. */
  conflictPolicy: ConflictPolicy;
  /** Names what the run recycles; see RecycleOptions. */
  runTag: string;
}

/** The name that a run, tasks/{task}/runs/{run}, gives to what it recycles. */
export function runTagOf(run: string): string {
  const [, task = '', , number = ''] = run.split('/');
  return `${task}-${number}`;
}

/** Why nothing is done with an item under the policy KEEP. Nobody looked whether it stands there still, so that is not said. */
export function kept(path: string): DroverError {
  return new DroverError(
    ErrorReason.SOURCE_GONE,
    'it is gone from the source; at the destination nothing was done with it',
    { metadata: { path } },
  );
}

/** Recycles an item; answers with why it was right to leave it, or undefined when it is not there any more. Throws DroverError. */
export async function recycleGone(
  item: GoneItem,
  options: GoneOptions,
): Promise<DroverError | undefined> {
  const { source, destination, runTag } = options;
  const { path, destinationPath, expected } = item;
  const kind = recyclableKind(item);
  const standing = standingKind(source, path);
  if (isThere(item, standing)) return isBack(path);
  // Nothing is there either when the whole source is out of reach.
  if (standing === undefined) source.check();
  const recycling = { path: destinationPath, kind, expected, runTag };
  let answer = await destination.recycle(recycling);
  if (answer.kind === 'existing' && mayRecycle(item, kind, answer, options))
    answer = await destination.recycle({ ...recycling, expected: answer.asExpected });
  return judge(item, answer);
}

/** A folder that became a file is gone, and so is a file that became a folder. */
function isThere({ kind }: GoneItem, standing: ItemKind | undefined): boolean {
  if (standing === undefined) return false;
  return standing === kind || (standing !== ItemKind.FILE && standing !== ItemKind.FOLDER);
}

function recyclableKind({ path, kind }: GoneItem): RecycleOptions['kind'] {
  if (kind === ItemKind.FILE) return 'file';
  if (kind === ItemKind.FOLDER) return 'folder';
  throw new DroverError(ErrorReason.INTERNAL, `${printablePath(path)} is neither a file nor a folder, so it was never migrated`, { metadata: { path } }); // oxfmt-ignore
}

/** Whether what stands there instead is ours, or of no matter to the policy. A folder in the place of a file never is. */
function mayRecycle(
  { unreported }: GoneItem,
  kind: RecycleOptions['kind'],
  existing: ExistingFile,
  { conflictPolicy, destination }: GoneOptions,
): boolean {
  if (kind === 'folder' || !existing.isFile) return false;
  return (
    conflictPolicy === ConflictPolicy.OVERWRITE ||
    isSameWrite(unreported, existing, destination.timePrecisionNs)
  );
}

function judge({ destinationPath }: GoneItem, answer: RecycleAnswer): DroverError | undefined {
  const name = printablePath(destinationPath);
  const options = { metadata: { path: destinationPath } };
  switch (answer.kind) {
    case 'recycled':
    case 'gone':
      return undefined;
    case 'not-empty':
      return new DroverError(ErrorReason.DESTINATION_NOT_EMPTY, `the folder ${name} is gone from the source and was kept at the destination, because it is not empty there`, options); // oxfmt-ignore
    case 'existing': {
      const what = answer.isFile
        ? `the file at the destination as ${name} is not the one that was migrated any more (it has ${describe(answer)})`
        : `what stands at the destination as ${name} is not what was migrated`;
      throw new DroverError(ErrorReason.DESTINATION_CONFLICT, `${what}; it is gone from the source and was kept`, options); // oxfmt-ignore
    }
  }
}

function isBack(path: string): DroverError {
  return new DroverError(
    ErrorReason.SOURCE_CHANGED,
    `${printablePath(path)} was gone from the source when it was scanned, and is there again`,
    { metadata: { path } },
  );
}
