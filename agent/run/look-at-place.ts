// Whether a source can be read that could not be, or a destination folder is there again: asked in the main thread, without holding it up,
// because a server that is gone may take minutes to say so.
import { opendir } from 'node:fs/promises';
import type { ShareHost } from './share-host.ts';

/** Rejects when the folder or share cannot be read, or nothing is in it. `shares` connects it where it lies on one. */
export async function lookAtPlace(place: string, shares: ShareHost | undefined): Promise<void> {
  const [{ sourceFolder }, { emptySourceError }, open] = await Promise.all([
    import('../source/open-source.ts'),
    import('../source/source-error.ts'),
    shares?.open(place),
  ]);
  try {
    const root = sourceFolder(open?.source ?? place);
    const folder = await opendir(root);
    const first = await folder.read();
    await folder.close();
    if (first === null) throw emptySourceError(root);
  } finally {
    open?.release();
  }
}
