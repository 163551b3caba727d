// The edge of every process: options and signals in, exit code out, errors as a person reads them. Only a main.ts runs one, because only
// a main.ts touches the process.
import { CommanderError } from 'commander';
import { DroverError, reasonName } from './error.ts';
import { ErrorReason } from '../gen/drover/v1/error_pb.ts';

/** Exit status when a process could not start or was used wrongly. */
export const exitCannotStart = 2;

/** What a main gets to work with. */
export interface ProcessEdge {
  /** Aborts at the first SIGINT or SIGTERM: finish what is going, take nothing new. */
  drain: AbortSignal;
  /** Aborts at the second one: stop at once. */
  stop: AbortSignal;
}

/**
 * Runs `main` and ends the process with its answer as the exit status. A DroverError is printed as what happened and what to
 * do, without a stack; anything else is a bug and is printed with one.
 */
export async function runProcess(
  name: string,
  owner: NodeJS.Process,
  main: (edge: ProcessEdge) => Promise<number>,
): Promise<void> {
  const drain = new AbortController();
  const stop = new AbortController();
  const onSignal = () => (drain.signal.aborted ? stop : drain).abort();
  owner.on('SIGINT', onSignal);
  owner.on('SIGTERM', onSignal);
  try {
    owner.exitCode = await main({ drain: drain.signal, stop: stop.signal });
  } catch (thrown) {
    owner.stderr.write(describeFailure(name, thrown));
    owner.exitCode = exitCannotStart;
  } finally {
    owner.off('SIGINT', onSignal);
    owner.off('SIGTERM', onSignal);
  }
  owner.exit();
}

/**
 * The options that `parse` finds, or the exit status when commander has said all there is to say: help, the version, or what is
 * wrong with a flag.
 */
export function optionsOrStatus<O extends object>(parse: () => O): O | number {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? 0 : exitCannotStart;
  }
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** What a person reads when a process gives up. */
export function describeFailure(name: string, thrown: unknown): string {
  const error = DroverError.from(thrown);
  if (error.reason === ErrorReason.INTERNAL && error.cause instanceof Error)
    return `${name}: this is a bug, please report it\n${error.cause.stack ?? error.cause.message}\n`;
  return `${name}: ${error.message} (${reasonName(error.reason)})\n  ${error.advice}\n`;
}
