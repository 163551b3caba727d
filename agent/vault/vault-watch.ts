// Notices that another process changed the vault. The system tells most changes at once; where it does not, as on some network file
// systems, or when it has no watch left, a look once a second finds them.
import { statSync, watch, type FSWatcher } from 'node:fs';
import path from 'node:path';
import type { Logger } from '../../lib/log.ts';
import type { Clock } from '../../lib/time.ts';

export interface VaultWatchParts {
  /** Of the vault, absolute. */
  file: string;
  clock: Clock;
  log: Logger;
  /** The file is another one than it was. */
  onChange: () => void;
}

const lookMs = 1000;

/** Watches until it is disposed of. */
export function watchVault({ file, clock, log, onChange }: VaultWatchParts): Disposable {
  let known = stateOf(file);
  let cancel = () => {};
  const look = () => {
    const found = stateOf(file);
    if (found === known) return;
    known = found;
    onChange();
  };
  const lookAgain = () => {
    cancel = clock.after(lookMs, () => {
      look();
      lookAgain();
    });
  };
  const watcher = watchFolder(file, look, log);
  lookAgain();
  return {
    [Symbol.dispose]: () => {
      cancel();
      watcher?.close();
    },
  };
}

/** The folder, because the file is replaced and not written to. */
function watchFolder(file: string, look: () => void, log: Logger): FSWatcher | undefined {
  const fail = (error: unknown) =>
    log.debug({ err: error }, 'the vault is looked at once a second: it cannot be watched');
  try {
    const watcher = watch(path.dirname(file), { persistent: false }, (_, name) => {
      if (name === null || name === path.basename(file)) look();
    });
    return watcher.on('error', fail);
  } catch (error) {
    fail(error);
    return undefined;
  }
}

/** A replaced file has another number, also when it has the same time and size. */
function stateOf(file: string): string {
  const stats = statSync(file, { bigint: true, throwIfNoEntry: false });
  return stats === undefined ? '' : `${stats.ino} ${stats.size} ${stats.mtimeNs} ${stats.mode}`;
}
