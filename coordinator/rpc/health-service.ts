// grpc.health.v1: whether the coordinator serves. It does as soon as it listens, and until it stops.
import type { DescService } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import { once } from 'node:events';
import {
  HealthCheckResponse_ServingStatus as Status,
  type Health,
} from '../../gen/health/v1/health_pb.ts';
import { notFound } from './lookup.ts';

/** `services` are those that are served; the empty name stands for the coordinator as a whole. */
export function createHealthService(services: readonly DescService[]): ServiceImpl<typeof Health> {
  const names = new Set(['', ...services.map(({ typeName }) => typeName)]);
  return {
    check: ({ service }) => {
      if (!names.has(service)) throw notFound('service', service);
      return { status: Status.SERVING };
    },
    list: () => ({
      statuses: Object.fromEntries([...names].map((name) => [name, { status: Status.SERVING }])),
    }),
    watch: async function* ({ service }, { signal }) {
      yield { status: names.has(service) ? Status.SERVING : Status.SERVICE_UNKNOWN };
      if (!signal.aborted) await once(signal, 'abort');
      throw signal.reason;
    },
  };
}
