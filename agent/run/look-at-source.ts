// Whether a source can be read that could not be: asked in the main thread, without holding it up, because a server that is gone may take minutes
// to say so.
import { opendir } from 'node:fs/promises';
import type { ShareHost } from './share-host.ts';

/** Rejects when the source cannot be read, or nothing is in it. `shares` connects it where it lies on one. */
export async function lookAtSource(source: string, shares: ShareHost | undefined): Promise<void> {
  const [{ sourceFolder }, { emptySourceError }, open] = await Promise.all([
    import('../source/open-source.ts'),
    import('../source/source-error.ts'),
    shares?.open(source),
  ]);
  try {
    const root = sourceFolder(open?.source ?? source);
    const folder = await opendir(root);
    const first = await folder.read();
    await folder.close();
    if (first === null) throw emptySourceError(root);
  } finally {
    open?.release();
  }
}
