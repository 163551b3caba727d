// Server reflection, in both of its versions, which differ in the name of their package only: with it a generic client can list the
// services and call them without having a .proto file.
import { create, fromBinary, toBinary, type DescService } from '@bufbuild/protobuf';
import { Code } from '@connectrpc/connect';
import {
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from '../../gen/grpc/reflection/v1/reflection_pb.ts';
import {
  ServerReflectionRequestSchema as AlphaRequestSchema,
  ServerReflectionResponseSchema as AlphaResponseSchema,
  type ServerReflectionRequest as AlphaRequest,
  type ServerReflectionResponse as AlphaResponse,
} from '../../gen/grpc/reflection/v1alpha/reflection_pb.ts';
import type { SchemaIndex } from './schema-index.ts';

type Answer = ServerReflectionResponse['messageResponse'];

/** What both versions of the service share. */
export interface Reflection {
  services: readonly DescService[];
  schema: SchemaIndex;
}

/** Answers each request of a stream of grpc.reflection.v1. */
export async function* reflect(
  reflection: Reflection,
  requests: AsyncIterable<ServerReflectionRequest>,
): AsyncGenerator<ServerReflectionResponse> {
  for await (const request of requests) yield respond(reflection, request);
}

/** The same for grpc.reflection.v1alpha, which older clients speak; its messages are the same bytes. */
export async function* reflectAlpha(
  reflection: Reflection,
  requests: AsyncIterable<AlphaRequest>,
): AsyncGenerator<AlphaResponse> {
  for await (const alpha of requests) {
    const request = fromBinary(ServerReflectionRequestSchema, toBinary(AlphaRequestSchema, alpha));
    const response = toBinary(ServerReflectionResponseSchema, respond(reflection, request));
    yield fromBinary(AlphaResponseSchema, response);
  }
}

function respond(reflection: Reflection, request: ServerReflectionRequest) {
  return create(ServerReflectionResponseSchema, {
    validHost: request.host,
    originalRequest: request,
    messageResponse: answer(reflection, request.messageRequest),
  });
}

function answer(
  { services, schema }: Reflection,
  request: ServerReflectionRequest['messageRequest'],
): Answer {
  switch (request.case) {
    case 'listServices':
      return listServices(services);
    case 'fileByFilename':
      return files(schema.fileByName(request.value), `file ${request.value}`);
    case 'fileContainingSymbol':
      return files(schema.fileBySymbol(request.value), `symbol ${request.value}`);
    case 'fileContainingExtension': {
      const { containingType, extensionNumber } = request.value;
      const found = schema.fileByExtension(containingType, extensionNumber);
      return files(found, `extension ${extensionNumber} of ${containingType}`);
    }
    case 'allExtensionNumbersOfType':
      return extensionNumbers(schema, request.value);
    default:
      return failure(Code.InvalidArgument, 'the request asks for nothing');
  }
}

function listServices(services: readonly DescService[]): Answer {
  const service = services.map(({ typeName }) => ({
    $typeName: 'grpc.reflection.v1.ServiceResponse' as const,
    name: typeName,
  }));
  return {
    case: 'listServicesResponse',
    value: { $typeName: 'grpc.reflection.v1.ListServiceResponse', service },
  };
}

function files(fileDescriptorProto: Uint8Array[] | undefined, what: string): Answer {
  if (fileDescriptorProto === undefined) return failure(Code.NotFound, `there is no ${what}`);
  return {
    case: 'fileDescriptorResponse',
    value: { $typeName: 'grpc.reflection.v1.FileDescriptorResponse', fileDescriptorProto },
  };
}

function extensionNumbers(schema: SchemaIndex, baseTypeName: string): Answer {
  const extensionNumber = schema.extensionNumbers(baseTypeName);
  if (extensionNumber === undefined)
    return failure(Code.NotFound, `there is no message ${baseTypeName}`);
  return {
    case: 'allExtensionNumbersResponse',
    value: {
      $typeName: 'grpc.reflection.v1.ExtensionNumberResponse',
      baseTypeName,
      extensionNumber,
    },
  };
}

function failure(errorCode: Code, errorMessage: string): Answer {
  return {
    case: 'errorResponse',
    value: { $typeName: 'grpc.reflection.v1.ErrorResponse', errorCode, errorMessage },
  };
}
