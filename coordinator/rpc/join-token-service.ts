// JoinTokenService: what a new agent is let in with.
import { durationMs, timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import type { CreateJoinTokenRequest, JoinTokenService } from '../../gen/drover/v1/agent_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { Trust } from '../trust/trust.ts';

const hourMs = 60 * 60 * 1000;
const ttlDefaultMs = 24 * hourMs;
const ttlMaxMs = 30 * 24 * hourMs;
const usesMax = 1000;

export function createJoinTokenService(trust: Trust): ServiceImpl<typeof JoinTokenService> {
  return {
    createJoinToken: async (request) => {
      const maxUses = readMaxUses(request);
      const { token, expireTimeMs } = await trust.createJoinToken({ ttlMs: readTtl(request), maxUses }); // prettier-ignore
      return { token, expireTime: timestampFromMs(expireTimeMs), maxUses };
    },
  };
}

function readTtl({ ttl }: CreateJoinTokenRequest): number {
  if (ttl === undefined) return ttlDefaultMs;
  const ttlMs = durationMs(ttl);
  if (ttlMs > 0 && ttlMs <= ttlMaxMs) return ttlMs;
  throw DroverError.invalid('ttl', 'must be longer than 0 and at most 30 days');
}

function readMaxUses({ maxUses }: CreateJoinTokenRequest): number {
  if (maxUses === 0) return 1;
  if (maxUses >= 1 && maxUses <= usesMax) return maxUses;
  throw DroverError.invalid('max_uses', `must be from 1 to ${usesMax}`);
}
