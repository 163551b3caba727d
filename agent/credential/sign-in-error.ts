// Why a sign-in failed, told apart by what can be done about it: no way to Entra ID passes by itself, a no from Entra ID does not.
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { firstSentences, type EntraRefusal } from '../../lib/msal-network.ts';
import { mistrusted } from '../../lib/authorities.ts';

/** What stood in the way. */
export interface SignInTrouble {
  /** What was thrown. */
  thrown: unknown;
  failure: { host: string; cause: unknown } | undefined;
  refusal: EntraRefusal | undefined;
  /** Host and port of the proxy in between. */
  proxy: string | undefined;
  /** Never to be seen in a message. */
  secrets: readonly string[];
}

/** The trouble as SIGN_IN_FAILED or SIGN_IN_UNREACHABLE. */
export function signInError(trouble: SignInTrouble): DroverError {
  if (trouble.thrown instanceof DroverError) return trouble.thrown;
  if (trouble.failure !== undefined) return notReached(trouble.failure, trouble.proxy);
  if (trouble.refusal !== undefined) return refused(trouble.refusal, trouble);
  const { errorCode, message } = trouble.thrown as { errorCode?: string; message?: string };
  if (errorCode === 'device_code_expired')
    return new DroverError(
      ErrorReason.SIGN_IN_FAILED,
      'nobody typed the code in time; start again to get a new one',
    );
  const words = withoutSecrets(message ?? String(trouble.thrown), trouble.secrets);
  return new DroverError(ErrorReason.SIGN_IN_FAILED, `the sign-in to Entra ID failed: ${words}`, {
    metadata: { code: errorCode ?? '' },
  });
}

const unreachable: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was cut',
  ENOTFOUND: 'its host name cannot be resolved',
  EAI_AGAIN: 'its host name cannot be resolved at the moment',
  ETIMEDOUT: 'it does not answer',
  UND_ERR_CONNECT_TIMEOUT: 'it does not answer',
  UND_ERR_HEADERS_TIMEOUT: 'it does not answer',
  UND_ERR_BODY_TIMEOUT: 'it stopped in the middle of its answer',
  UND_ERR_SOCKET: 'the connection was cut',
  EHOSTUNREACH: 'there is no way to its host',
  ENETUNREACH: 'there is no way to its network',
  CERT_HAS_EXPIRED: "its certificate has expired; check this computer's clock",
  CERT_NOT_YET_VALID: "its certificate is not valid yet; check this computer's clock",
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for other host names than this one',
};

function notReached(
  failure: { host: string; cause: unknown },
  proxy: string | undefined,
): DroverError {
  const { host, cause } = failure;
  const code = errorCodeOf(cause);
  const why = mistrusted.has(code)
    ? 'its certificate comes from a certificate authority that this computer does not trust; give that authority with --ca-file'
    : (unreachable[code] ?? describe(cause));
  const way = proxy === undefined ? '' : ` through the proxy ${proxy}`;
  return new DroverError(
    ErrorReason.SIGN_IN_UNREACHABLE,
    `the sign-in service ${host} cannot be reached${way}: ${why}`,
    { cause, metadata: { host, code, ...(proxy === undefined ? {} : { proxy }) } },
  );
}

/** What to do about some of Entra's refusals, beyond what it says itself. */
const advice: Record<string, string> = {
  '7000215': "give the secret's value, not its id",
  '7000222': 'make a new secret for the application in Entra ID',
  '700016': 'check the application (--client-id) and the tenant (--tenant)',
  '90002': 'check the tenant (--tenant)',
  '700027': 'register the certificate with the application in Entra ID',
  '65001': 'have an administrator consent to the permissions of the application',
  '500011': 'check that the address of the SharePoint site belongs to the tenant',
  '7000218':
    'allow public client flows for the application in Entra ID, or give a secret or certificate',
};

const words: Record<string, string> = {
  authorization_declined: 'the sign-in was declined',
  access_denied: 'the sign-in was declined',
  expired_token: 'nobody typed the code in time; start again to get a new one',
};

function refused(refusal: EntraRefusal, trouble: SignInTrouble): DroverError {
  const { status, host, error, description } = refusal;
  const metadata = { host, status: String(status), error: error ?? '' };
  if (error === undefined)
    return new DroverError(
      ErrorReason.SIGN_IN_UNREACHABLE,
      `what answers at ${host} is not Entra ID (HTTP status ${status}); a proxy may stand in between`,
      { metadata },
    );
  const said = withoutSecrets(firstSentences(description), trouble.secrets);
  if (status >= 500 || status === 429 || error === 'temporarily_unavailable')
    return new DroverError(
      ErrorReason.SIGN_IN_UNREACHABLE,
      `the sign-in service ${host} does not work at the moment (HTTP status ${status}): ${said}`,
      { metadata },
    );
  const number = /^AADSTS(\d+)/.exec(description)?.[1] ?? '';
  const todo = advice[number];
  const what = words[error] ?? 'Entra ID refused the sign-in';
  return new DroverError(
    ErrorReason.SIGN_IN_FAILED,
    `${what}: ${said}${todo === undefined ? '' : ` (${todo})`}`,
    { metadata: { ...metadata, code: number === '' ? '' : `AADSTS${number}` } },
  );
}

function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets
    .filter((secret) => secret !== '')
    .reduce((left, secret) => left.replaceAll(secret, '[secret]'), text);
}

/** The code of an error, or of what led to it: undici wraps some of the system's. */
function errorCodeOf(thrown: unknown): string {
  const { code, cause, errors } = thrown as { code?: unknown; cause?: unknown; errors?: unknown[] };
  if (typeof code === 'string' && code in unreachable) return code;
  const inner = cause ?? errors?.[0];
  if (inner !== undefined) return errorCodeOf(inner);
  return typeof code === 'string' ? code : '';
}

function describe(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
