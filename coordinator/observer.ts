// What the parts of a coordinator tell about themselves while they work, to whoever measures. It has to be quick, and must not throw.
import type { Run } from '../gen/drover/v1/run_pb.ts';

export interface Observer {
  /** A call ended: its full name, such as `drover.v1.TaskService/RunTask`, and its gRPC code by its name, such as `NotFound`; `Ok` when all went well. */
  call(rpc: string, code: string, durationMs: number): void;
  /** So many rows were written to the store at once, and forced to the disk. */
  wrote(rows: number, durationMs: number): void;
  /** A run was so, and is so now; both are of the same run, and it is going or was until now. */
  advanced(before: Run, after: Run): void;
  /** The tenant throttled so many requests of an agent, and its requests waited so long for that, all together. */
  throttled(requests: number, waitMs: number): void;
  /** A try to deliver an event to a webhook came to this; `dead`: it failed, and was the last. */
  delivered(result: 'delivered' | 'failed' | 'gone' | 'dead'): void;
}
