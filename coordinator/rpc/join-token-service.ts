// JoinTokenService: what a new agent is let in with.
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import type { JoinTokenService } from '../../gen/drover/v1/agent_pb.ts';
import type { Trust } from '../trust/trust.ts';
import { readTokenLife, readUses } from './invite-agents.ts';

export function createJoinTokenService(trust: Trust): ServiceImpl<typeof JoinTokenService> {
  return {
    createJoinToken: async (request) => {
      const maxUses = readUses(request.maxUses, 'max_uses');
      const ttlMs = readTokenLife(request.ttl, 'ttl');
      const { token, expireTimeMs } = await trust.createJoinToken({ ttlMs, maxUses });
      return { token, expireTime: timestampFromMs(expireTimeMs), maxUses };
    },
  };
}
