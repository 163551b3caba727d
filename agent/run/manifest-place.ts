import type { TaskSettings } from '../../gen/drover/v1/settings_pb.ts';
import type { ManifestPlace } from '../pool/manifest.ts';

/**
 * The manifest of a lease, and where it may lie; undefined when there is none. An agent that may read everything all the same reads no file
 * by command but those of the source.
 */
export function manifestPlace(
  { source, settings }: { source: string; settings?: TaskSettings | undefined },
  sourceRoots: readonly string[],
): ManifestPlace | undefined {
  const file = settings?.manifest ?? '';
  if (file === '') return undefined;
  return { file, roots: sourceRoots.length === 0 ? [source] : sourceRoots };
}
