// Which failures are those of the sign-in: no work that needs it can be done, whichever it is.
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';

export function isSignInReason(reason: number): boolean {
  return reason === ErrorReason.SIGN_IN_FAILED || reason === ErrorReason.SIGN_IN_UNREACHABLE;
}
