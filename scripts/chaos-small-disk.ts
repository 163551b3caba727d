// A folder with a disk of its own that is so small that it can be filled. Mounting needs rights that not everybody has.
import { spawnSync } from 'node:child_process';
import { closeSync, cpSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';

const blockBytes = 64 * 1024;

export class SmallDisk {
  readonly folder: string;
  readonly #ballast: string;

  private constructor(folder: string) {
    this.folder = folder;
    this.#ballast = path.join(folder, 'ballast');
  }

  /** Mounts one at a folder, which is made; undefined where that is not allowed. */
  static mount(folder: string, mebibytes: number): SmallDisk | undefined {
    mkdirSync(folder, { recursive: true });
    const options = `size=${mebibytes}m,mode=0700`;
    const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'drover-chaos', folder]);
    return status === 0 ? new SmallDisk(folder) : undefined;
  }

  /** Fills it to the last block. */
  fill(): void {
    const file = openSync(this.#ballast, 'a');
    const block = Buffer.alloc(blockBytes);
    try {
      for (;;) if (writeSync(file, block) < block.length) return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    } finally {
      closeSync(file);
    }
  }

  free(): void {
    rmSync(this.#ballast, { force: true });
  }

  /** Takes it away; with `keepIn`, what is on it is kept there. Idempotent. */
  unmount(keepIn?: string): void {
    if (keepIn !== undefined) cpSync(this.folder, keepIn, { recursive: true });
    spawnSync('umount', ['-l', this.folder]);
  }
}
