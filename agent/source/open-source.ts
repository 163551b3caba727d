// Which source a location gets.
import { DroverError } from '../../lib/error.ts';
import { parseLocation } from '../../lib/location.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { openFolderSource } from './folder-source.ts';
import type { Source } from './source.ts';

/** Opens a task's source. Throws INVALID_ARGUMENT for what is no location, SOURCE_UNSUPPORTED for a kind not served. */
export function openSource(text: string): Source {
  return openFolderSource(sourceFolder(text));
}

/** The absolute path of a source that is a folder; throws as `openSource` does. */
export function sourceFolder(text: string): string {
  const location = parseLocation(text, 'source');
  if (location.kind === 'file') return location.path;
  // Windows opens a share like any folder.
  if (location.kind === 'unc' && process.platform === 'win32')
    return `\\\\${location.server}\\${location.share}\\${location.path}`;
  throw new DroverError(
    ErrorReason.SOURCE_UNSUPPORTED,
    `this agent cannot read from "${text}": it reads folders of its own file system only`,
    { metadata: { source: text } },
  );
}
