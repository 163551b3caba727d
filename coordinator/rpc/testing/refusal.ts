// How a call was refused, as its caller sees it.
import { Code, ConnectError } from '@connectrpc/connect';
import { BadRequestSchema, ErrorInfoSchema } from '../../../gen/google/rpc/error_details_pb.ts';

export interface Refusal {
  code: string;
  /** The reason of each ErrorInfo. */
  reasons: string[];
  /** The fields that are named. */
  fields: string[];
  message: string;
}

/** Waits for a call to be refused; throws when it is not. */
export async function refusalOf(call: Promise<unknown>): Promise<Refusal> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ConnectError)) throw new Error(`not refused: ${String(error)}`);
  return {
    code: Code[error.code],
    reasons: error.findDetails(ErrorInfoSchema).map(({ reason }) => reason),
    fields: error
      .findDetails(BadRequestSchema)
      .flatMap(({ fieldViolations }) => fieldViolations.map(({ field }) => field)),
    message: error.rawMessage,
  };
}
