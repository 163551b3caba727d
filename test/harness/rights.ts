// Tests run as root in containers, and root may read everything: what is about rights runs the agent as somebody else then.
import { execFileSync } from 'node:child_process';
import { chown } from 'node:fs/promises';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { projectRoot } from './folders.ts';

/** The user that owns nothing, on Linux and macOS. */
const nobody = 65534;

/**
 * The user id to start an agent with so that rights bind it: undefined where they bind anyway. Throws, and says so in the test's
 * log, where nobody else may read the project.
 */
export function boundUser(): number | undefined {
  return process.getuid?.() === 0 ? nobody : undefined;
}

/** Whether an agent can be started as somebody whom rights bind; says in the test's log why not. */
export function canBindRights(t: ExecutionContext): boolean {
  const user = boundUser();
  if (user === undefined) return true;
  try {
    execFileSync(process.execPath, ['--version'], { uid: user, gid: user });
    const file = path.join(projectRoot, 'agent', 'main.ts');
    execFileSync('/bin/sh', ['-c', 'test -r "$0"', file], { uid: user, gid: user });
    return true;
  } catch {
    t.log(`skipped: these tests run as root, and user ${nobody} may not read the project`);
    return false;
  }
}

/** Gives a place to the user that the agent runs as. */
export async function giveToBoundUser(place: string): Promise<void> {
  const user = boundUser();
  if (user !== undefined) await chown(place, user, user);
}
