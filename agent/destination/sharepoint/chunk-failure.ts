// PURE. What it means that a chunk of an upload session was not taken.
import { GraphFailure, NoAnswer } from './graph-error.ts';

export type ChunkFailure =
  /** The session is gone for good. */
  | 'lost'
  /** The session is not known: gone, or too new. */
  | 'unknown'
  /** Something stands in the way, or many write to the folder at once. */
  | 'taken'
  /** The service, or the way to it, could not take so much just now. */
  | 'overwhelmed'
  /** The service has other bytes than was thought. */
  | 'elsewhere'
  /** It would not be taken another time either. */
  | 'refused';

/** Judges by status alone: the codes differ from one front end of the service to the next. */
export function chunkFailure(thrown: unknown): ChunkFailure {
  if (thrown instanceof NoAnswer) return 'overwhelmed';
  if (!(thrown instanceof GraphFailure)) return 'refused';
  switch (thrown.status) {
    case 401:
      return 'lost';
    case 404:
      return 'unknown';
    case 409:
    case 412:
      return 'taken';
    case 416:
      return 'elsewhere';
    case 501:
    case 507:
      return 'refused';
    default:
      return thrown.status >= 500 ? 'overwhelmed' : 'refused';
  }
}
