// drover login, logout and whoami.
import path from 'node:path';
import { create } from '@bufbuild/protobuf';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { RoleSchema, type Role } from '../../gen/drover/v1/annotations_pb.ts';
import {
  CallerService,
  GetCallerRequestSchema,
  GetSignInRequestSchema,
  type GetCallerResponse,
  type GetSignInResponse,
} from '../../gen/drover/v1/caller_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { escapeControl } from '../../lib/format.ts';
import type { Clock } from '../../lib/time.ts';
import type { KeptSignIn, SignInFolder } from '../sign-in/kept-sign-in.ts';
import { fixedCredential } from '../sign-in/person-credential.ts';
import { Caller } from './caller.ts';
import type { CoordinatorAccess } from './coordinator-access.ts';
import { exitStatus } from './exit-status.ts';
import type { Output } from './output.ts';

export interface SignInParts {
  access: CoordinatorAccess;
  folder: SignInFolder;
  caFile: string | undefined;
  format: 'table' | 'json';
  environment: Readonly<Record<string, string | undefined>>;
  stdout: Output;
  stderr: Output;
  clock: Clock;
  signal: AbortSignal;
  retryPausesMs?: readonly number[];
}

/**
 * Signs a person in and keeps that, once the coordinator has said that the person has a role. Throws WRONG_STATE when the coordinator
 * knows no tenant, and what went wrong with the sign-in.
 */
export async function login(parts: SignInParts): Promise<number> {
  const { access, folder, stdout, stderr, environment, signal } = parts;
  const { address } = access;
  // The token that is there by chance is not shown to anybody; how to sign in is no secret.
  const anonymous = new Caller({ ...parts, access: { ...access, token: undefined } });
  const place = await askForSignIn(anonymous, address);
  const caFile = parts.caFile === undefined ? undefined : path.resolve(parts.caFile);
  let cache = '';
  const { signInByCode } = await import('../sign-in/msal-person.ts');
  const signedIn = await signInByCode(
    {
      place,
      cache: { read: () => cache, write: (content) => (cache = content) },
      environment,
      caFile,
      signal,
    },
    (message) => void stderr.write(`${escapeControl(message)}\n`).catch(() => {}),
  );
  const credential = fixedCredential(signedIn.token);
  const caller = await getCaller(new Caller({ ...parts, credential }));
  const kept: KeptSignIn = {
    address,
    ...place,
    ...signedIn,
    ...(access.authority === undefined ? {} : { coordinatorAuthority: access.authority }),
    ...(caFile === undefined ? {} : { caFile }),
  };
  folder.remove(address);
  folder.writeCache(address, cache);
  folder.write(kept);
  await stdout.write(
    parts.format === 'json'
      ? callerJson(caller)
      : `Signed in to ${address} as ${escapeControl(caller.caller)}, with the role ${roleName(caller.role)}.\n`,
  );
  return exitStatus.ok;
}

/** Forgets who is signed in. */
export async function logout({ access, folder, stdout }: SignInParts): Promise<number> {
  const { address } = access;
  const wasThere = folder.remove(address);
  const words = wasThere ? `Signed out of ${address}.` : `Nobody was signed in to ${address}.`;
  await stdout.write(`${words}\n`);
  return exitStatus.ok;
}

/** Shows who calls, as the coordinator sees it. */
export async function whoAmI(parts: SignInParts & { caller: Caller }): Promise<number> {
  const answer = await getCaller(parts.caller);
  const { expireTime } = answer;
  const lines = [
    `caller   ${escapeControl(answer.caller)}`,
    `role     ${roleName(answer.role)}`,
    `expires  ${expireTime === undefined ? 'never' : new Date(timestampMs(expireTime)).toISOString()}`,
  ];
  await parts.stdout.write(parts.format === 'json' ? callerJson(answer) : `${lines.join('\n')}\n`);
  return exitStatus.ok;
}

async function askForSignIn(caller: Caller, address: string) {
  const request = create(GetSignInRequestSchema);
  const answer = (await caller.unary(CallerService.method.getSignIn, request)) as GetSignInResponse;
  const { tenant, clientId, authority: authorityUrl, scope } = answer;
  if (tenant === '')
    throw new DroverError(
      ErrorReason.WRONG_STATE,
      `the coordinator at ${address} knows no tenant to sign in with`,
      {
        metadata: { address },
        advice:
          'Use a token (--token-file), or start the coordinator with --entra-tenant and --entra-client-id.',
      },
    );
  return { tenant, clientId, authorityUrl, scope };
}

async function getCaller(caller: Caller): Promise<GetCallerResponse> {
  const request = create(GetCallerRequestSchema);
  return (await caller.unary(CallerService.method.getCaller, request)) as GetCallerResponse;
}

function callerJson({ caller, role, expireTime }: GetCallerResponse): string {
  const expires = expireTime === undefined ? {} : { expireTime: new Date(timestampMs(expireTime)) };
  return `${JSON.stringify({ caller, role: RoleSchema.value[role]?.name, ...expires }, undefined, 2)}\n`;
}

function roleName(role: Role): string {
  return RoleSchema.value[role]?.localName.toLowerCase() ?? String(role);
}
