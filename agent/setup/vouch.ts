// Joining without an invitation: somebody with the role of an admin signs in, here, to the coordinator's own application, and the
// coordinator takes that for a proof.
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import type { GetSignInResponse } from '../../gen/drover/v1/caller_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { createLog } from '../../lib/log.ts';
import type { HostPort } from '../../lib/option-values.ts';
import { createCredential } from '../credential/credential.ts';
import { readSignIn } from '../credential/sign-in-options.ts';
import { ok } from '../doctor/outcome.ts';
import { wayTo } from '../link/coordinator-way.ts';
import { readCoordinatorFacts } from '../link/coordinator-facts.ts';
import { recognise, type JoinProof } from '../link/enroll.ts';
import { coordinatorList } from '../option-parsers.ts';
import { sealedBox, sealKeyBytes } from '../../lib/sealed-box.ts';
import { coordinatorText } from './given.ts';
import type { SetUpContext } from './context.ts';
import { parseFingerprint, probeList } from './try-coordinator.ts';

export interface CoordinatorAnswer {
  coordinators: HostPort[];
  /** Undefined when the agent has joined already and goes on as it is. */
  proof: JoinProof | undefined;
  /** The group that the invitation is for. */
  group: string | undefined;
}

/** Throws as the asker does; INVALID_ARGUMENT where nobody can sign in. */
export async function vouch(context: SetUpContext): Promise<CoordinatorAnswer> {
  const { asker, given } = context;
  if (!asker.isInteractive)
    throw DroverError.invalid(
      'DROVER_INVITATION or --invitation-file',
      'is missing: without an invitation somebody has to sign in, and nobody is asked',
    );
  const coordinators = await asker.ask<HostPort[]>({
    from: '--coordinator',
    message: 'Coordinator, host:port',
    given: coordinatorText(given.coordinators),
    take: (text) => ({ value: coordinatorList(text, undefined) }),
  });
  const authorityFingerprint = await asker.ask<string>({
    from: '--authority-fingerprint',
    message: "Fingerprint (SHA-256) of the coordinator's certificate authority",
    given: given.authorityFingerprint,
    take: async (text) => {
      const fingerprint = parseFingerprint(text);
      const { outcomes, isGood } = await probeList(coordinators, fingerprint, context);
      return isGood ? { value: fingerprint, outcomes } : { refused: outcomes[0]! };
    },
  });
  const signIn = await readPeopleSignIn(coordinators, authorityFingerprint, context);
  const entraToken = await asker.ask<string>({
    from: 'the sign-in',
    message: 'Press Enter, then sign in as somebody who has the role of an admin of Drover',
    usual: '',
    take: async () => ({
      value: await personToken(signIn, context),
      outcomes: [ok('signed in; whether the role is enough is found out when the agent joins')],
    }),
  });
  return { coordinators, proof: { entraToken, authorityFingerprint }, group: undefined };
}

async function readPeopleSignIn(
  coordinators: readonly HostPort[],
  fingerprint: string,
  { signal, environment }: SetUpContext,
): Promise<GetSignInResponse> {
  const failures: unknown[] = [];
  for (const coordinator of coordinators) {
    const address = wayTo(coordinator, environment);
    try {
      const authority = await recognise(address, fingerprint, signal);
      const { signIn } = await readCoordinatorFacts(address, authority, signal);
      if (signIn !== undefined) return signIn;
      throw new DroverError(
        ErrorReason.INVALID_ARGUMENT,
        'this coordinator knows no tenant, so nobody can vouch for an agent by signing in; ask for an invitation (`drover agents invite`)',
      );
    } catch (thrown) {
      failures.push(thrown);
    }
  }
  throw failures[0];
}

async function personToken(signIn: GetSignInResponse, context: SetUpContext): Promise<string> {
  const { given, environment, asker, clock, signal } = context;
  const { proxy, caFile } = { ...context.before, ...given };
  const options = readSignIn(
    {
      signIn: 'person',
      tenant: signIn.tenant,
      clientId: signIn.clientId,
      ...(signIn.authority === '' ? {} : { authority: signIn.authority }),
      ...(proxy === undefined ? {} : { proxy }),
      ...(caFile === undefined ? {} : { caFile }),
    },
    environment,
  )!;
  await using credential = createCredential(
    { ...options, credential: { kind: 'device-code' } },
    {
      log: createLog('drover-agent', 'silent'),
      clock,
      box: sealedBox(new Uint8Array(sealKeyBytes)),
      showDeviceCode: (message) => asker.say(`  ${message}`),
    },
  );
  const { token } = await credential.accessToken({ scope: signIn.scope }, { signal });
  return token;
}
