// CallerService: who somebody is to the coordinator, and how to sign in to it.
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import type { CallerService } from '../../gen/drover/v1/caller_pb.ts';
import type { Entra } from '../trust/entra.ts';
import { callerOf } from './caller.ts';

interface Parts {
  trust: { entra: Pick<Entra, 'signIn'> | undefined };
}

export function createCallerService({ trust }: Parts): ServiceImpl<typeof CallerService> {
  return {
    getCaller: (_request, context) => {
      const { name, role, expiresMs } = callerOf(context)!;
      const expireTime = expiresMs === undefined ? {} : { expireTime: timestampFromMs(expiresMs) };
      return { caller: name, role, ...expireTime };
    },
    getSignIn: () => trust.entra?.signIn ?? {},
  };
}
