// A disk that is soon full.
import type { ExecutionContext } from 'ava';
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';

/** A file system of memory at a place, which ends with the test. */
export interface SmallDisk {
  /** Makes it as large as this, such as `64m`. */
  resize(size: string): void;
}

/** Mounts one; undefined, with the reason in the test's log, where that is not allowed. */
export function mountSmallDisk(
  t: ExecutionContext,
  place: string,
  size: string,
): SmallDisk | undefined {
  mkdirSync(place, { recursive: true });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', place], { stdio: 'pipe' });
  } catch {
    t.log('skipped: a small file system cannot be mounted here');
    t.pass();
    return undefined;
  }
  t.teardown(() => execFileSync('umount', ['--lazy', place]));
  return {
    resize: (next) => void execFileSync('mount', ['-o', `remount,size=${next}`, place]),
  };
}
