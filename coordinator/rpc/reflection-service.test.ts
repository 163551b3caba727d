// Health and server reflection, as clients that have no .proto file use them.
import { create, createFileRegistry, fromBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import test from 'ava';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import path from 'node:path';
import {
  ServerReflection,
  type ServerReflectionRequestSchema,
} from '../../gen/grpc/reflection/v1/reflection_pb.ts';
import { ServerReflection as ServerReflectionAlpha } from '../../gen/grpc/reflection/v1alpha/reflection_pb.ts';
import {
  Health,
  HealthCheckResponse_ServingStatus as Status,
} from '../../gen/health/v1/health_pb.ts';
import { refusalOf } from './testing/refusal.ts';
import { servedServices } from './routes.ts';
import { runCoordinator } from './testing/running-coordinator.ts';

const buf = path.join(import.meta.dirname, '..', '..', 'node_modules', '.bin', 'buf');
const run = promisify(execFile);

type Question = NonNullable<
  MessageInitShape<typeof ServerReflectionRequestSchema>['messageRequest']
>;

test('a generic client lists the services and calls them', async (t) => {
  const { address, adminToken, coordinator } = await runCoordinator(t);
  const { authorityFile } = coordinator.connection;
  for (const protocol of ['grpc', 'grpcweb']) {
    const common = ['curl', '--protocol', protocol, '--cacert', authorityFile];
    const listed = await run(buf, [...common, '--list-methods', address]);
    const methods = servedServices.flatMap((service) =>
      service.methods.map(({ name }) => `${service.typeName}/${name}`),
    );
    t.deepEqual(listed.stdout.trim().split('\n').toSorted(), methods.toSorted());
    const bearer = ['--header', `authorization: Bearer ${adminToken}`];
    const url = `${address}/drover.v1.SettingsService/GetSettings`;
    const called = await run(buf, [...common, ...bearer, url]);
    t.is(JSON.parse(called.stdout).settings.name, 'settings');
  }
});

test('every question of reflection is answered', async (t) => {
  const reflection = (await runCoordinator(t)).client(ServerReflection, { token: '' });
  const ask = async (...questions: Question[]) => {
    async function* requests() {
      for (const messageRequest of questions) yield { host: 'h', messageRequest };
    }
    return Array.fromAsync(reflection.serverReflectionInfo(requests()), (answer) => {
      t.is(answer.validHost, 'h');
      return answer.messageResponse;
    });
  };
  const found = await ask(
    { case: 'fileByFilename', value: 'drover/v1/task.proto' },
    { case: 'fileContainingSymbol', value: 'drover.v1.TaskService.CreateTask' },
    { case: 'fileContainingSymbol', value: 'drover.v1.TASK_STATE_READY' },
    { case: 'fileContainingSymbol', value: 'drover.v1.Task.source' },
    { case: 'fileContainingSymbol', value: 'google.protobuf.Timestamp' },
    {
      case: 'fileContainingExtension',
      value: { containingType: 'google.protobuf.FieldOptions', extensionNumber: 50003 },
    },
  );
  const names = found.map(({ case: kind, value }) => {
    if (kind !== 'fileDescriptorResponse') throw new Error(`it answered ${kind}`);
    const files = value.fileDescriptorProto.map((file) =>
      fromBinary(FileDescriptorProtoSchema, file),
    );
    // A client can make something of it only when every dependency came along.
    t.notThrows(() =>
      createFileRegistry(create(FileDescriptorSetSchema, { file: files.toReversed() })),
    );
    return files[0]!.name;
  });
  t.deepEqual(names, [
    'drover/v1/task.proto',
    'drover/v1/task.proto',
    'drover/v1/task.proto',
    'drover/v1/task.proto',
    'google/protobuf/timestamp.proto',
    'drover/v1/annotations.proto',
  ]);
  const [numbers] = await ask({
    case: 'allExtensionNumbersOfType',
    value: 'google.protobuf.ServiceOptions',
  });
  t.like(numbers, { case: 'allExtensionNumbersResponse', value: { extensionNumber: [50002] } });
  const none = await ask(
    { case: 'fileByFilename', value: 'x.proto' },
    { case: 'fileContainingSymbol', value: 'x.Y' },
    { case: 'fileContainingExtension', value: { containingType: 'x.Y', extensionNumber: 1 } },
    { case: 'allExtensionNumbersOfType', value: 'x.Y' },
  );
  for (const answer of none) t.like(answer, { case: 'errorResponse', value: { errorCode: 5 } });
});

test('the older reflection answers the same', async (t) => {
  const reflection = (await runCoordinator(t)).client(ServerReflectionAlpha, { token: '' });
  async function* requests() {
    yield { messageRequest: { case: 'listServices' as const, value: '*' } };
  }
  const [answer] = await Array.fromAsync(reflection.serverReflectionInfo(requests()));
  const { messageResponse } = answer!;
  if (messageResponse.case !== 'listServicesResponse') return t.fail(messageResponse.case);
  t.deepEqual(
    messageResponse.value.service.map(({ name }) => name),
    servedServices.map(({ typeName }) => typeName),
  );
});

test('health is told of the coordinator and of each service', async (t) => {
  const { client, coordinator } = await runCoordinator(t);
  const health = client(Health, { token: '' });
  for (const service of ['', 'drover.v1.TaskService'])
    t.is((await health.check({ service })).status, Status.SERVING);
  t.deepEqual((await refusalOf(health.check({ service: 'x' }))).reasons, ['NOT_FOUND']);
  t.is(Object.keys((await health.list({})).statuses).length, servedServices.length + 1);
  const watches = ['drover.v1.TaskService', 'x'].map((service) =>
    health.watch({ service })[Symbol.asyncIterator](),
  );
  const first = await Promise.all(watches.map(async (watch) => (await watch.next()).value?.status));
  t.deepEqual(first, [Status.SERVING, Status.SERVICE_UNKNOWN]);
  const ends = watches.map((watch) => refusalOf(watch.next()));
  await coordinator.close();
  for (const end of ends) t.is((await end).code, 'Unavailable');
});
