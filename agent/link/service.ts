// Drover's services as grpc-js wants them, made from the generated descriptors: the schema stays the only description.
import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type DescMethod,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf';
import type { MethodDefinition } from '@grpc/grpc-js';
import { AgentSessionService, EnrollmentService } from '../../gen/drover/v1/session_pb.ts';

type Method<I extends DescMessage, O extends DescMessage> = MethodDefinition<
  MessageInitShape<I>,
  MessageShape<O>
>;

export const attachMethod = method(AgentSessionService.method.attach);
export const joinMethod = method(EnrollmentService.method.join);
export const renewMethod = method(EnrollmentService.method.renewCertificate);
export const identityMethod = method(EnrollmentService.method.getIdentity);

function method<I extends DescMessage, O extends DescMessage>(
  descriptor: DescMethod & { input: I; output: O },
): Method<I, O> {
  const { input, output } = descriptor;
  const streams = descriptor.methodKind;
  return {
    path: `/${descriptor.parent.typeName}/${descriptor.name}`,
    requestStream: streams === 'bidi_streaming' || streams === 'client_streaming',
    responseStream: streams === 'bidi_streaming' || streams === 'server_streaming',
    requestSerialize: (message) => encode(input, create(input, message)),
    requestDeserialize: (bytes) => fromBinary(input, bytes),
    responseSerialize: (message) => encode(output, message),
    responseDeserialize: (bytes) => fromBinary(output, bytes),
  };
}

// A view, not a copy.
function encode<M extends DescMessage>(schema: M, message: MessageShape<M>): Buffer {
  const bytes = toBinary(schema, message);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
