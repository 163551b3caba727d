// AccessTokenService: the rights of other systems to call the API.
import { durationMs, type Duration } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import type { AccessTokenService } from '../../gen/drover/v1/access_token_pb.ts';
import { Role, RoleSchema } from '../../gen/drover/v1/annotations_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { requireDisplayName } from '../task/display-name.ts';
import { parseAccessTokenName } from '../task/names.ts';
import type { AccessTokens } from '../trust/access-tokens.ts';
import { callerOf } from './caller.ts';
import type { OpenCalls } from './open-calls.ts';
import { readPageRequest, writePageToken } from './paging.ts';

const dayMs = 24 * 60 * 60 * 1000;
const lifeDefaultMs = 90 * dayMs;
const lifeMaxMs = 366 * dayMs;
const displayNameLengthMax = 100;

interface Parts {
  trust: { accessTokens: AccessTokens };
  openCalls: Pick<OpenCalls, 'end'>;
}

export function createAccessTokenService({
  trust: { accessTokens },
  openCalls,
}: Parts): ServiceImpl<typeof AccessTokenService> {
  return {
    createAccessToken: async ({ displayName, role, expires }, context) => {
      requireDisplayName(displayName, 'display_name', displayNameLengthMax);
      checkRole(role);
      const lifeMs = readLife(expires);
      return accessTokens.create({ displayName, role, lifeMs, creator: callerOf(context)!.name });
    },
    listAccessTokens: async (request) => {
      const scope = ['accessTokens'];
      const { size, cursor } = readPageRequest(request, scope);
      const found = await accessTokens.list(cursor, size + 1);
      const page = found.slice(0, size);
      const last = found.length > size ? page.at(-1) : undefined;
      const next = last && parseAccessTokenName(last.name, 'name');
      return { accessTokens: page, nextPageToken: writePageToken(next, scope) };
    },
    revokeAccessToken: async ({ name }) => {
      await accessTokens.revoke(parseAccessTokenName(name, 'name'));
      const error = new DroverError(ErrorReason.UNAUTHENTICATED, `${name} was revoked`, {
        metadata: { name },
      });
      openCalls.end(name, error);
      return {};
    },
  };
}

function checkRole(role: Role): void {
  if (role !== Role.UNSPECIFIED && RoleSchema.value[role] !== undefined) return;
  throw DroverError.invalid('role', 'must be ROLE_VIEWER, ROLE_OPERATOR or ROLE_ADMIN');
}

function readLife(life: Duration | undefined): number {
  if (life === undefined) return lifeDefaultMs;
  const lifeMs = durationMs(life);
  if (lifeMs > 0 && lifeMs <= lifeMaxMs) return lifeMs;
  throw DroverError.invalid('expires', 'must be longer than 0 and at most 366 days');
}
