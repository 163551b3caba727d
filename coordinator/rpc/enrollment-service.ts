// EnrollmentService: how an agent gets the certificate it attaches with, and later the next one.
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import type { EnrollmentService } from '../../gen/drover/v1/session_pb.ts';
import { version } from '../../lib/version.ts';
import { agentName } from '../task/names.ts';
import { currentCall } from '../trust/audit-call.ts';
import { requireAgent } from './caller.ts';
import type { ServiceParts } from './service-parts.ts';

type Parts = Pick<ServiceParts, 'trust' | 'audit' | 'changes' | 'log' | 'clock'>;

export function createEnrollmentService(parts: Parts): ServiceImpl<typeof EnrollmentService> {
  const { trust, audit, changes, log, clock } = parts;
  return {
    join: async (request) => {
      const { agent, certificate, expireTimeMs } = await trust.join(request);
      log.info({ agent: agentName(agent) }, 'agent joined');
      changes.emit({ kind: 'agent', agent });
      return { agent: agentName(agent), certificate, expireTime: timestampFromMs(expireTimeMs) };
    },
    renewCertificate: async ({ certificateRequest }, context) => {
      const agent = requireAgent(context);
      const { certificate, expireTimeMs } = await trust.renew(agent, certificateRequest);
      const message = `a certificate that is good until ${new Date(expireTimeMs).toISOString()}`;
      await audit.note(currentCall(), { resource: agentName(agent), message });
      log.info({ agent: agentName(agent) }, 'certificate renewed');
      return { certificate, expireTime: timestampFromMs(expireTimeMs) };
    },
    getIdentity: async (_request, context) => ({
      agent: agentName(requireAgent(context)),
      version,
      time: timestampFromMs(clock.now()),
    }),
  };
}
