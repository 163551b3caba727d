// The exit statuses of the command line. Scripts depend on them, so a status is never given another
// meaning.
import type { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { reasonInfo } from '../../lib/error.ts';

export const exitStatus = {
  ok: 0,
  someFailed: 1,
  usage: 2,
  notFound: 3,
  alreadyExists: 4,
  wrongState: 5,
  notAllowed: 6,
  unavailable: 7,
  refused: 8,
  internal: 70,
  interrupted: 130,
} as const;

/** What each status means, as the help shows it. */
export const exitStatusHelp: readonly (readonly [status: number, meaning: string])[] = [
  [
    exitStatus.ok,
    'done; a watched run migrated everything; the audit log is whole; a webhook took the event',
  ],
  [
    exitStatus.someFailed,
    'the watched run failed, was cancelled, or some of its items failed; a plan or evidence is not what it should be; something was refused for some of many tasks; a file of tasks has problems; the audit log is not whole; a webhook did not take the event that tried it',
  ],
  [exitStatus.usage, 'used wrongly, a value that cannot be used, or it could not start'],
  [exitStatus.notFound, 'not found'],
  [exitStatus.alreadyExists, 'exists already'],
  [exitStatus.wrongState, 'does not fit the present state, or somebody changed it meanwhile'],
  [exitStatus.notAllowed, 'no credential, or it does not have the right'],
  [exitStatus.unavailable, 'the coordinator cannot be reached'],
  [exitStatus.refused, 'refused for another reason'],
  [exitStatus.internal, 'a bug, here or in the coordinator'],
  [exitStatus.interrupted, 'interrupted'],
];

/** The status that a refused call ends with, by the gRPC code of its reason. */
export function exitStatusOf(reason: ErrorReason): number {
  switch (reasonInfo(reason).code) {
    case 'INVALID_ARGUMENT':
      return exitStatus.usage;
    case 'NOT_FOUND':
      return exitStatus.notFound;
    case 'ALREADY_EXISTS':
      return exitStatus.alreadyExists;
    case 'FAILED_PRECONDITION':
    case 'ABORTED':
      return exitStatus.wrongState;
    case 'UNAUTHENTICATED':
    case 'PERMISSION_DENIED':
      return exitStatus.notAllowed;
    case 'UNAVAILABLE':
      return exitStatus.unavailable;
    case 'INTERNAL':
    case 'DATA_LOSS':
      return exitStatus.internal;
    default:
      return exitStatus.refused;
  }
}
