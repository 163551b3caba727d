// Whether a secret or certificate gets a token, before anybody depends on it.
import { createLog } from '../../lib/log.ts';
import { systemClock } from '../../lib/time.ts';
import { sealedBox } from '../../lib/sealed-box.ts';
import { createCredential, type SignInCredential, type SignInOptions } from './credential.ts';

/** Longer than a proxy or Entra ID takes to say no. */
const tryMsMax = 60_000;

/** Signs in once and keeps nothing. Throws SIGN_IN_FAILED or SIGN_IN_UNREACHABLE with what is wrong, CANCELLED when the signal aborts. */
export async function tryCredential(
  signIn: SignInOptions,
  credential: SignInCredential,
  signal: AbortSignal,
): Promise<void> {
  await using tried = createCredential(
    { ...signIn, credential, cacheFile: undefined },
    {
      log: createLog('drover-agent', 'silent'),
      clock: systemClock,
      box: sealedBox(new Uint8Array(32)),
      showDeviceCode: () => {},
    },
  );
  const limited = AbortSignal.any([signal, AbortSignal.timeout(tryMsMax)]);
  await tried.accessToken('graph', { signal: limited });
}
