// How whatever a job is doing ends when the job was told to stop.

/** Thrown when the job was told to stop; nothing is left half-done. */
export class StoppedError extends Error {
  override readonly name = 'StoppedError';
}
