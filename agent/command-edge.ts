// What a command of drover-agent gets of the process it runs in; only main.ts touches the process itself.
import type { ProcessEdge } from '../lib/process-edge.ts';

export interface CommandEdge {
  /** Without the variables that hold secrets which were taken out of the process's own; those are here. */
  environment: Readonly<Record<string, string | undefined>>;
  stdin: NodeJS.ReadableStream & { isTTY?: boolean };
  stdout: NodeJS.WritableStream & { isTTY?: boolean };
  stderr: NodeJS.WritableStream;
  signals: ProcessEdge;
  /** Sets the exit status that the process ends with; it is 0 when nothing sets it. */
  finish(status: number): void;
}
