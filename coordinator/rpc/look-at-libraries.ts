// Looks at the destinations of a file of tasks: each library once, some at a time, by agents with a sign-in.
import { DroverError } from '../../lib/error.ts';
import type { FileNote } from '../bulk/task-file.ts';
import { libraryKey } from '../bulk/same-place.ts';
import type { Dispatcher } from '../dispatch/dispatcher.ts';
import type { Candidate } from './import-plan.ts';
import { problemsOf } from './judge-listed.ts';
import { needsLook } from './task-locations.ts';

/** How many libraries are looked at for one file. */
export const librariesMax = 500;
/** How many are looked at at once. */
const looksAtOnce = 16;

/** Answers with those whose destination can be used, and what is wrong with the others; throws INVALID_ARGUMENT for too many libraries. */
export async function lookAtLibraries(
  candidates: readonly Candidate[],
  dispatcher: Pick<Dispatcher, 'checkDestination'>,
  signal: AbortSignal,
): Promise<{ usable: Candidate[]; problems: FileNote[] }> {
  const libraries = librariesOf(candidates);
  if (libraries.size > librariesMax)
    throw DroverError.invalid(
      'check_locations',
      `the file names ${libraries.size} libraries, and ${librariesMax} are looked at for one file; import it in parts, or say that nobody is to look: each run looks before it starts`,
    );
  const problems: FileNote[] = [];
  const unusable = new Set<Candidate>();
  const waiting = [...libraries.values()];
  const look = async () => {
    for (let group = waiting.shift(); group !== undefined; group = waiting.shift()) {
      signal.throwIfAborted();
      const found = await problemsWith(group, dispatcher, signal);
      problems.push(...found);
      if (found.length > 0) for (const candidate of group) unusable.add(candidate);
    }
  };
  await Promise.all(Array.from({ length: looksAtOnce }, look));
  return { usable: candidates.filter((candidate) => !unusable.has(candidate)), problems };
}

/** The tasks of each library and group of agents. */
function librariesOf(candidates: readonly Candidate[]): Map<string, Candidate[]> {
  const libraries = new Map<string, Candidate[]>();
  for (const candidate of candidates) {
    const { destination, agentGroup } = candidate.task;
    if (!needsLook(destination)) continue;
    const library = candidate.listed.library?.toLowerCase() ?? libraryKey(destination);
    const key = `${agentGroup}\0${library}`;
    const group = libraries.get(key);
    if (group === undefined) libraries.set(key, [candidate]);
    else group.push(candidate);
  }
  return libraries;
}

async function problemsWith(
  [first, ...others]: readonly Candidate[],
  dispatcher: Pick<Dispatcher, 'checkDestination'>,
  signal: AbortSignal,
): Promise<FileNote[]> {
  const { listed, task } = first!;
  try {
    await dispatcher.checkDestination(task.destination, { group: task.agentGroup, signal });
    return [];
  } catch (thrown) {
    signal.throwIfAborted();
    const more = others.length === 0 ? '' : ` (and ${others.length} more tasks for this library)`;
    return problemsOf(listed, thrown).map((problem) => ({
      ...problem,
      message: `${problem.message}${more}`,
    }));
  }
}
