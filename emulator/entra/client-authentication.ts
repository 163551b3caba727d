// Which application calls, and how it proved it: by a secret, by a certificate, or not at all, as programs on people's own
// computers cannot.
import { X509Certificate, createHash } from 'node:crypto';
import {
  decodeJwt,
  decodeProtectedHeader,
  errors,
  importX509,
  jwtVerify,
  type JWTPayload,
} from 'jose';
import type { AppRegistration, Directory } from './directory.ts';
import { missing, Refusal } from './refusal.ts';

/** As claim `appidacr` says it: SharePoint's own API takes applications by certificate only. */
export type ClientProof = 'none' | 'secret' | 'certificate';

export interface Client {
  app: AppRegistration;
  proof: ClientProof;
}

export interface AuthenticationContext {
  directory: Directory;
  /** Addresses that an assertion may be made out to. */
  isAssertionAudience(audience: string): boolean;
  nowMs: number;
}

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** Throws a Refusal when the application is unknown or what it shows is wrong. A client that shows nothing is a public one. */
export async function authenticateClient(
  form: URLSearchParams,
  context: AuthenticationContext,
): Promise<Client> {
  const app = findClient(form, context.directory);
  const assertion = form.get('client_assertion');
  if (assertion !== null) {
    if (form.get('client_assertion_type') !== assertionType) throw missing('client_assertion_type');
    await checkAssertion(assertion, app, context);
    return { app, proof: 'certificate' };
  }
  const secret = form.get('client_secret');
  if (secret === null) return { app, proof: 'none' };
  checkSecret(secret, app);
  return { app, proof: 'secret' };
}

/** The same, for what a public client may not do. */
export async function authenticateConfidentialClient(
  form: URLSearchParams,
  context: AuthenticationContext,
): Promise<Client> {
  const client = await authenticateClient(form, context);
  if (client.proof !== 'none') return client;
  const sentence =
    "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
  throw new Refusal('invalid_client', 7000218, sentence, { status: 401 });
}

/** The application that the form names. */
export function findClient(form: URLSearchParams, directory: Directory): AppRegistration {
  const clientId = form.get('client_id');
  if (!clientId) throw missing('client_id');
  const app = directory.findApp(clientId);
  if (app !== undefined) return app;
  const sentence =
    `Application with identifier '${clientId}' was not found in the directory '${directory.tenantId}'. This can happen ` +
    'if the application has not been installed by the administrator of the tenant or consented to by any user in the ' +
    'tenant. You may have sent your authentication request to the wrong tenant.';
  throw new Refusal('unauthorized_client', 700016, sentence);
}

function checkSecret(secret: string, app: AppRegistration): void {
  if (app.secrets.includes(secret)) return;
  if (app.expiredSecrets?.includes(secret) === true)
    throw notAccepted(
      7000222,
      `The provided client secret keys for app '${app.clientId}' are expired. Visit the Azure portal to create new keys ` +
        'for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: ' +
        'https://aka.ms/certCreds.',
    );
  throw notAccepted(
    7000215,
    'Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the ' +
      `client secret ID, for a secret added to app '${app.clientId}'.`,
  );
}

async function checkAssertion(
  assertion: string,
  app: AppRegistration,
  context: AuthenticationContext,
): Promise<void> {
  const { header, claims } = decode(assertion);
  if (claims.iss !== app.clientId || claims.sub !== app.clientId)
    throw notAccepted(
      700021,
      `Client assertion application identifier doesn't match 'client_id' parameter. Review the documentation at ` +
        'https://learn.microsoft.com/entra/identity-platform/certificate-credentials.',
    );
  const audiences = [claims.aud ?? []].flat();
  if (!audiences.some((audience) => context.isAssertionAudience(audience)))
    throw notAccepted(
      700023,
      `Client assertion audience claim does not match Realm issuer. Review the documentation at ` +
        'https://learn.microsoft.com/entra/identity-platform/certificate-credentials.',
    );
  const certificate = findCertificate(header, app);
  const [start, end] = [certificate.validFromDate, certificate.validToDate];
  if (context.nowMs < start.getTime() || context.nowMs > end.getTime())
    throw badSignature(
      `The key used is expired., Thumbprint of key used by client: '${thumbprint(certificate, 'sha1', 'hex')}', ` +
        `Found key 'Start=${start.toISOString()}, End=${end.toISOString()}'`,
    );
  await verify(assertion, certificate, context.nowMs);
}

async function verify(
  assertion: string,
  certificate: X509Certificate,
  nowMs: number,
): Promise<void> {
  try {
    const { alg } = decodeProtectedHeader(assertion);
    const key = await importX509(certificate.toString(), alg ?? '');
    const algorithms = ['PS256', 'RS256'];
    await jwtVerify(assertion, key, {
      algorithms,
      currentDate: new Date(nowMs),
      clockTolerance: 300,
      requiredClaims: ['exp'],
    });
  } catch (error) {
    if (error instanceof errors.JWTExpired || error instanceof errors.JWTClaimValidationFailed)
      throw notAccepted(
        700024,
        'Client assertion is not within its valid time range. Current time: ' +
          `${new Date(nowMs).toISOString()}, expiry time of assertion: ${String(error.payload.exp)}.`,
      );
    throw badSignature(
      'The key was found, but the signature is invalid., Thumbprint of key used by client: ' +
        `'${thumbprint(certificate, 'sha1', 'hex')}'`,
    );
  }
}

function decode(assertion: string) {
  try {
    const header = decodeProtectedHeader(assertion) as { x5t?: string; 'x5t#S256'?: string };
    return { header, claims: decodeJwt(assertion) as JWTPayload };
  } catch {
    throw notAccepted(50027, 'JWT token is invalid or malformed.');
  }
}

function findCertificate(
  header: { x5t?: string; 'x5t#S256'?: string },
  app: AppRegistration,
): X509Certificate {
  const { x5t, 'x5t#S256': x5tS256 } = header;
  for (const pem of app.certificates) {
    const certificate = new X509Certificate(pem);
    const matches =
      x5tS256 === undefined
        ? thumbprint(certificate, 'sha1', 'base64url') === x5t
        : thumbprint(certificate, 'sha256', 'base64url') === x5tS256;
    if (matches) return certificate;
  }
  const shown = Buffer.from(x5tS256 ?? x5t ?? '', 'base64url')
    .toString('hex')
    .toUpperCase();
  throw badSignature(
    `The key was not found., Thumbprint of key used by client: '${shown}', Please visit the Azure Portal, Graph Explorer ` +
      `or directly use MS Graph to see configured keys for app Id '${app.clientId}'`,
  );
}

function thumbprint(
  certificate: X509Certificate,
  algorithm: 'sha1' | 'sha256',
  encoding: 'hex' | 'base64url',
): string {
  const digest = createHash(algorithm).update(certificate.raw).digest(encoding);
  return encoding === 'hex' ? digest.toUpperCase() : digest;
}

function badSignature(reason: string): Refusal {
  return notAccepted(
    700027,
    `Client assertion contains an invalid signature. [Reason - ${reason}].`,
  );
}

function notAccepted(code: number, sentence: string): Refusal {
  return new Refusal('invalid_client', code, sentence, { status: 401 });
}
